"""A seeded market on the three contracts: transactions with exactly the logs the contracts would emit.

Nothing is executed. The market keeps just enough state (owners, prices, listings, approvals) that every
log makes sense, and counts the rows that a correct indexer must derive from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from eth_hash.auto import keccak

RWA = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
AGENT = "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"
MARKET = "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0"
DEPLOYER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
NOBODY = "0x" + 40 * "0"

ADMIN_ROLE = keccak(b"ADMIN_ROLE").hex()
ORACLE_ROLE = keccak(b"ORACLE_ROLE").hex()
DEFAULT_ADMIN_ROLE = 64 * "0"
SOURCES = ("chainlink", "county-registry", "manual-appraisal", "rental-index")

WEIGHTS = {
    "oracle_price": 200,
    "mint": 100,
    "list": 100,
    "direct_price": 80,
    "sale": 36,
    "delist": 22,
    "transfer": 21,
}
"""How often each action is tried: about 10 mints and 20 oracle prices in 100 logs."""
LONGEST = 3
"""Logs of the longest action (mint)."""


class Log(NamedTuple):
    """What a contract emits; lower-case hex with 0x throughout."""

    address: str
    topics: list[str]
    data: str


class Transaction(NamedTuple):
    """One successful transaction and its logs in order."""

    sender: str
    to: str
    logs: list[Log]


def topic0(signature: str) -> str:
    return "0x" + keccak(signature.encode()).hex()


def word(value: int | str) -> str:
    """An ABI word, 64 hex digits without 0x: of an integer, or of an address or digits in hex."""
    return f"{value:064x}" if isinstance(value, int) else value.removeprefix("0x").rjust(64, "0")


def text(value: str) -> str:
    """The tail of an ABI string: its length and its padded bytes."""
    raw = value.encode()
    return word(len(raw)) + raw.hex().ljust((len(raw) + 31) // 32 * 64, "0")


def token_uri(token_id: int) -> str:
    return f"ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtq/{token_id}.json"


TRANSFER = topic0("Transfer(address,address,uint256)")
METADATA_UPDATE = topic0("MetadataUpdate(uint256)")
ASSET_MINTED = topic0("AssetMinted(uint256,string,uint256,address)")
ASSET_PRICE = topic0("PriceUpdated(uint256,uint256,uint256)")
AGENT_PRICE = topic0("PriceUpdated(uint256,uint256,uint256,uint256,string,uint8)")
APPROVAL_FOR_ALL = topic0("ApprovalForAll(address,address,bool)")
LISTED = topic0("AssetListed(uint256,address,uint256,uint256)")
DELISTED = topic0("AssetDelisted(uint256,address,uint256)")
SOLD = topic0("AssetSold(uint256,address,address,uint256,uint256)")
OWNERSHIP = topic0("OwnershipTransferred(address,address)")
ROLE_GRANTED = topic0("RoleGranted(bytes32,address,address)")
PRICING_AGENT = topic0("PricingAgentUpdated(address,address)")


def emitted(address: str, topic: str, indexed: tuple[int | str, ...], *data: str) -> Log:
    return Log(address, [topic, *("0x" + word(value) for value in indexed)], "0x" + "".join(data))


def deployment() -> list[Transaction]:
    """The five transactions that deploy and connect the contracts."""
    granted = [
        emitted(AGENT, ROLE_GRANTED, (role, DEPLOYER, DEPLOYER))
        for role in (DEFAULT_ADMIN_ROLE, ADMIN_ROLE, ORACLE_ROLE)
    ]
    return [
        Transaction(DEPLOYER, RWA, [emitted(RWA, OWNERSHIP, (NOBODY, DEPLOYER))]),
        Transaction(DEPLOYER, AGENT, granted[:2]),
        Transaction(DEPLOYER, MARKET, [emitted(MARKET, OWNERSHIP, (NOBODY, DEPLOYER))]),
        Transaction(DEPLOYER, RWA, [emitted(RWA, PRICING_AGENT, (NOBODY, AGENT))]),
        Transaction(DEPLOYER, AGENT, granted[2:]),
    ]


class Market:
    """The state of all tokens; `block` plays some actions and returns their transactions."""

    def __init__(self, seed: int, users: int = 500) -> None:
        self.random = Random(seed)
        self.users = [f"0x{self.random.getrandbits(160):040x}" for _ in range(users)]
        self.owners: dict[int, str] = {}
        self.prices: dict[int, int] = {}
        self.listings: dict[int, int] = {}
        """Price by token, for the tokens that are for sale."""
        self.unlisted: list[int] = []
        self.listed: list[int] = []
        self.approved: set[str] = set()
        self.rows: Counter[str] = Counter()
        """Rows a correct indexer writes to `transactions`, by type."""
        self.points: Counter[str] = Counter()
        """Rows a correct indexer writes to `priceHistory`, by source type."""
        self.stale = 0
        self._actions: dict[str, Callable[[int], Transaction]] = {
            name: getattr(self, f"_{name}") for name in WEIGHTS
        }
        self._names, self._weights = list(WEIGHTS), list(WEIGHTS.values())

    def block(self, logs: int, timestamp: int) -> list[Transaction]:
        """Transactions with exactly `logs` logs in all (at least `LONGEST`, for the first mint)."""
        transactions: list[Transaction] = []
        while logs > 0:
            transactions.append(self._next(logs, timestamp))
            logs -= len(transactions[-1].logs)
        return transactions

    def _next(self, room: int, timestamp: int) -> Transaction:
        if not self.owners:
            return self._mint(timestamp)
        name = self.random.choices(self._names, self._weights)[0]
        if room < LONGEST or not self._possible(name):
            name = "direct_price"
        return self._actions[name](timestamp)

    def _possible(self, name: str) -> bool:
        if name in ("sale", "delist"):
            return bool(self.listed)
        return bool(self.unlisted) if name in ("list", "transfer") else True

    def _taken(self, tokens: list[int]) -> int:
        """Take a random token out of the list, in constant time."""
        index = self.random.randrange(len(tokens))
        tokens[index], tokens[-1] = tokens[-1], tokens[index]
        return tokens.pop()

    def _mint(self, _timestamp: int) -> Transaction:
        token, owner = len(self.owners) + 1, self.random.choice(self.users)
        price = self.random.randrange(10**16, 10**21)
        self.owners[token], self.prices[token] = owner, price
        self.unlisted.append(token)
        self.rows["mint"] += 1
        self.points["mint"] += 1
        minted = emitted(
            RWA, ASSET_MINTED, (token,), word(96), word(price), word(owner), text(token_uri(token))
        )
        moved = emitted(RWA, TRANSFER, (NOBODY, owner, token))
        return Transaction(DEPLOYER, RWA, [moved, emitted(RWA, METADATA_UPDATE, (), word(token)), minted])

    def _repriced(self) -> tuple[int, int, int]:
        token = self.random.randrange(1, len(self.owners) + 1)
        old = self.prices[token]
        new = self.prices[token] = max(1, old * self.random.randrange(80, 125) // 100)
        return token, old, new

    def _direct_price(self, _timestamp: int) -> Transaction:
        token, old, new = self._repriced()
        self.points["direct"] += 1
        return Transaction(DEPLOYER, RWA, [emitted(RWA, ASSET_PRICE, (token,), word(old), word(new))])

    def _oracle_price(self, timestamp: int) -> Transaction:
        token, old, new = self._repriced()
        self.points["ai-oracle"] += 1
        source, score = self.random.choice(SOURCES), self.random.randrange(70, 101)
        data = word(old) + word(new) + word(timestamp) + word(160) + word(score) + text(source)
        asset = emitted(RWA, ASSET_PRICE, (token,), word(old), word(new))
        return Transaction(DEPLOYER, AGENT, [asset, emitted(AGENT, AGENT_PRICE, (token,), data)])

    def _list(self, timestamp: int) -> Transaction:
        """List a token, or approve the marketplace if its owner never has."""
        token = self._taken(self.unlisted)
        seller, price = self.owners[token], self.prices[token]
        if seller not in self.approved:
            self.approved.add(seller)
            self.unlisted.append(token)
            return Transaction(seller, RWA, [emitted(RWA, APPROVAL_FOR_ALL, (seller, MARKET), word(1))])
        self.listed.append(token)
        self.listings[token] = price
        self.rows["list"] += 1
        self.points["user-listing"] += 1
        log = emitted(MARKET, LISTED, (token, seller), word(price), word(timestamp))
        return Transaction(seller, MARKET, [log])

    def _delist(self, timestamp: int) -> Transaction:
        token = self._taken(self.listed)
        self.unlisted.append(token)
        del self.listings[token]
        self.rows["delist"] += 1
        seller = self.owners[token]
        return Transaction(seller, MARKET, [emitted(MARKET, DELISTED, (token, seller), word(timestamp))])

    def _sale(self, timestamp: int) -> Transaction:
        token = self._taken(self.listed)
        seller, buyer = self.owners[token], self.random.choice(self.users)
        price = self.listings.pop(token)
        self.owners[token] = buyer
        self.unlisted.append(token)
        self.rows["buy"] += 1
        self.points["sale"] += 1
        moved = emitted(RWA, TRANSFER, (seller, buyer, token))
        sold = emitted(MARKET, SOLD, (token, seller, buyer), word(price), word(timestamp))
        return Transaction(buyer, MARKET, [moved, sold])

    def _transfer(self, _timestamp: int) -> Transaction:
        """Send a token away; now and then a listed one, whose listing then is stale for good."""
        stale = bool(self.listed) and self.random.random() < 0.1
        token = self._taken(self.listed if stale else self.unlisted)
        owner, receiver = self.owners[token], self.random.choice(self.users)
        while receiver == owner:
            receiver = self.random.choice(self.users)
        self.owners[token] = receiver
        self.rows["transfer"] += 1
        if stale:
            self.stale += 1
            del self.listings[token]
        else:
            self.unlisted.append(token)
        return Transaction(owner, RWA, [emitted(RWA, TRANSFER, (owner, receiver, token))])
