"""A small pure model of the three contracts: deeds change its state and emit the logs that the real ones would.

A deed is a word and three numbers; the numbers choose among what is possible in the state at hand, and a deed
that is impossible there does nothing, so that any list of deeds is a valid history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from chain.addresses import ZERO, to_checksum
from chain.contracts import CODEC, load_abi
from chain.decode import event_signature, event_topic

ABIS: Any = {
    "asset": load_abi("RWAAssetContract"),
    "agent": load_abi("DynamicPricingAgent"),
    "marketplace": load_abi("MarketplaceContract"),
}
Deed = tuple[str, int, int, int]


def address(number: int) -> str:
    return to_checksum("0x" + sha256(b"account" + bytes([number])).hexdigest()[:40])


RWA, RWA2, AGENT, AGENT2, MARKET, STRANGER = map(address, range(6))
PEOPLE = [address(number) for number in range(10, 14)]
PRICES = [0, 1, 10**18, 2 * 10**18 + 1, 2**255, 2**256 - 1]
LISTING_PRICES = [1, 3, 10**18, 12 * 10**18, 2**240]
TEXTS: list[Any] = ["", "house", "Wälder ☘", "x" * 300, b"caf\xe9 \xed\xa0\x80 \xff"]
"""The chain checks nothing: the last is no UTF-8."""
FEES = [0, 250, 500, 1000]


class ModelLog(NamedTuple):
    address: str
    topics: tuple[bytes, ...]
    data: bytes


class Offer(NamedTuple):
    seller: str
    price: int
    at: int


@dataclass
class Collection:
    owners: dict[int, str] = field(default_factory=dict)
    approved: dict[int, str] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)
    prices: dict[int, int] = field(default_factory=dict)
    texts: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    uris: dict[int, str] = field(default_factory=dict)
    agent: str = ZERO

    def copy(self) -> Collection:
        return Collection(
            dict(self.owners), dict(self.approved), set(self.operators), dict(self.prices), dict(self.texts),
            dict(self.uris), self.agent,
        )  # fmt: skip


@dataclass
class Contracts:
    """Everything the contracts hold after a block."""

    collections: dict[str, Collection] = field(
        default_factory=lambda: {RWA: Collection(agent=AGENT), RWA2: Collection()}
    )
    linked: str = RWA
    agent_linked: str = RWA
    fee: int = 250
    collector: str = PEOPLE[0]
    minimum: int = 70
    listings: dict[int, Offer] = field(default_factory=dict)
    included: set[bytes] = field(default_factory=set)
    relinked_while_listed: bool = False
    """The marketplace knows listings by token id alone: from then on they speak of another collection."""

    def copy(self) -> Contracts:
        return replace(
            self,
            collections={contract: held.copy() for contract, held in self.collections.items()},
            listings=dict(self.listings),
            included=set(self.included),
        )


def _event_table() -> dict[tuple[str, str], Any]:
    return {
        (role, entry["name"]): entry
        for role, abi in ABIS.items()
        for entry in abi
        if entry["type"] == "event"
    }


_EVENTS = _event_table()
_TOPICS = {key: event_topic(event_signature(entry)) for key, entry in _EVENTS.items()}


@lru_cache(maxsize=1 << 14)
def _encoded(kinds: tuple[str, ...], values: tuple[Any, ...]) -> bytes:
    return CODEC.encode(kinds, values)


def event_log(emitter: str, role: str, name: str, *values: Any) -> ModelLog:
    """The log of one event, encoded by eth-abi."""
    entry = _EVENTS[role, name]
    inputs = list(zip(entry["inputs"], values, strict=True))
    topics = [_encoded((each["type"],), (value,)) for each, value in inputs if each["indexed"]]
    plain = [(each["type"], value) for each, value in inputs if not each["indexed"]]
    data = _encoded(tuple(kind for kind, _ in plain), tuple(value for _, value in plain))
    return ModelLog(emitter, (_TOPICS[role, name], *topics), data)


class Turn:
    """One transaction at work on the contracts."""

    def __init__(self, contracts: Contracts, timestamp: int) -> None:
        self.contracts = contracts
        self.timestamp = timestamp
        self.logs: list[ModelLog] = []

    def do(self, deed: Deed) -> None:
        word, *numbers = deed
        DEEDS[word](self, *numbers)

    def say(self, emitter: str, role: str, name: str, *values: Any) -> None:
        self.logs.append(event_log(emitter, role, name, *values))

    # --- the collections ----------------------------------------------------------------

    def mint(self, a: int, b: int, c: int) -> None:
        contract = self._contract(a)
        held = self.contracts.collections[contract]
        token, to, price = len(held.owners) + 1, _of(PEOPLE, b), _of(PRICES, c)
        name, where = _of(TEXTS, a + b), _of(TEXTS, c)
        held.owners[token], held.prices[token] = to, price
        held.texts[token] = (
            name,
            "estate",
            where,
            _of([0, 1_600_000_000, 2**256 - 1], c),
            name * 2,
            b % 2 == 0,
        )
        self.say(contract, "asset", "Transfer", ZERO, to, token)
        self._callback(b + c, contract, token, to)
        held.uris[token] = f"ipfs://{a}/{b}/{c}"
        self.say(contract, "asset", "MetadataUpdate", token)
        self.say(contract, "asset", "AssetMinted", token, held.uris[token], price, to)

    def transfer(self, a: int, b: int, c: int) -> None:
        contract, token = self._token(a, b)
        if token:
            self._move(contract, token, _of([*PEOPLE, MARKET], c))

    def send_back(self, a: int, b: int, c: int) -> None:
        """Give a token back to whoever listed it, or take it away."""
        contract, token = self._token(a, b)
        offer = self.contracts.listings.get(token)
        if token and offer:
            self._move(contract, token, offer.seller if c % 2 else _of(PEOPLE, c))

    def approve(self, a: int, b: int, c: int) -> None:
        contract, token = self._token(a, b)
        if token:
            self._approve(contract, token, _of([MARKET, ZERO, PEOPLE[3]], c))

    def approve_all(self, a: int, b: int, c: int) -> None:
        contract, owner = self._contract(a), _of(PEOPLE, b)
        if c % 5 == 4:
            self.say(contract, "asset", "ApprovalForAll", owner, STRANGER, True)
            return
        operators = self.contracts.collections[contract].operators
        operators.add(owner) if c % 2 else operators.discard(owner)
        self.say(contract, "asset", "ApprovalForAll", owner, MARKET, bool(c % 2))

    def change_lister(self, a: int, b: int, c: int) -> None:
        """Whoever has something listed approves the marketplace for all, or takes that back, or the single one."""
        if not self.contracts.listings:
            return
        token = _of(sorted(self.contracts.listings), a)
        contract, seller = self.contracts.linked, self.contracts.listings[token].seller
        if b % 3 == 0 and self._held().approved.get(token) and self._held().owners[token] == seller:
            self._approve(contract, token, ZERO)
            return
        operators = self._held().operators
        approved = seller not in operators
        operators.add(seller) if approved else operators.discard(seller)
        self.say(contract, "asset", "ApprovalForAll", seller, MARKET, approved)

    def price(self, a: int, b: int, c: int) -> None:
        contract, token = self._token(a, b)
        if not token:
            return
        held = self.contracts.collections[contract]
        if held.agent == AGENT and self.contracts.agent_linked != contract:
            return
        old, held.prices[token] = held.prices[token], _of(PRICES, c)
        self.say(contract, "asset", "PriceUpdated", token, old, held.prices[token])
        if held.agent in (AGENT, AGENT2):
            told = (token, old, held.prices[token], self.timestamp, _of(TEXTS, c), 70 + c % 31)
            self.say(held.agent, "agent", "PriceUpdated", *told)

    def pricing_agent(self, a: int, b: int, _: int) -> None:
        held = self.contracts.collections[contract := self._contract(a)]
        old, held.agent = held.agent, _of([AGENT, AGENT2, PEOPLE[0]], b)
        self.say(contract, "asset", "PricingAgentUpdated", old, held.agent)

    # --- the marketplace ----------------------------------------------------------------

    def list(self, a: int, b: int, c: int) -> None:
        token = self._market_token(a)
        if token and token not in self.contracts.listings:
            owner = self._held().owners[token]
            if not self._may_move(token, owner):
                self._approve(self.contracts.linked, token, MARKET)
            self._list(token, owner, _of(LISTING_PRICES, c))
            if b % 5 == 4:
                self.delist(a, b, c)
                self._list(token, owner, _of(LISTING_PRICES, c + 1))

    def delist(self, a: int, b: int, c: int) -> None:
        if self.contracts.listings:
            token = _of(sorted(self.contracts.listings), a)
            offer = self.contracts.listings.pop(token)
            self.say(MARKET, "marketplace", "AssetDelisted", token, offer.seller, self.timestamp)

    def buy(self, a: int, b: int, c: int) -> None:
        fit = [token for token in sorted(self.contracts.listings) if self._can_be_bought(token)]
        if not fit:
            return
        token, buyer = _of(fit, a), _of(PEOPLE, b)
        offer = self.contracts.listings.pop(token)
        self._move(self.contracts.linked, token, buyer)
        self._callback(c, self.contracts.linked, token, buyer)
        said = (token, offer.seller, buyer, offer.price, self.timestamp)
        self.say(MARKET, "marketplace", "AssetSold", *said)

    def fee(self, a: int, _b: int, _c: int) -> None:
        old, self.contracts.fee = self.contracts.fee, _of(FEES, a)
        self.say(MARKET, "marketplace", "MarketplaceFeeUpdated", old, self.contracts.fee)

    def collector(self, a: int, _b: int, _c: int) -> None:
        old, self.contracts.collector = self.contracts.collector, _of(PEOPLE, a)
        self.say(MARKET, "marketplace", "FeeCollectorUpdated", old, self.contracts.collector)

    def owner(self, a: int, b: int, _: int) -> None:
        emitter, role = _of([(MARKET, "marketplace"), (RWA, "asset")], a)
        self.say(emitter, role, "OwnershipTransferred", PEOPLE[0], _of([*PEOPLE, ZERO], b))

    def link_market(self, a: int, _b: int, _c: int) -> None:
        old, self.contracts.linked = self.contracts.linked, _of([RWA, RWA2], a)
        self.contracts.relinked_while_listed |= bool(self.contracts.listings) and old != self.contracts.linked
        self.say(MARKET, "marketplace", "RWAAssetContractUpdated", old, self.contracts.linked)

    # --- the pricing agents, and what is not ours ---------------------------------------------

    def link_agent(self, a: int, _b: int, _c: int) -> None:
        old, self.contracts.agent_linked = self.contracts.agent_linked, _of([RWA, RWA2], a)
        self.say(AGENT, "agent", "RWAAssetContractUpdated", old, self.contracts.agent_linked)

    def minimum(self, a: int, b: int, _: int) -> None:
        old, new, emitter = self.contracts.minimum, a % 101, _of([AGENT, AGENT2], b)
        if emitter == AGENT:
            self.contracts.minimum = new
        self.say(emitter, "agent", "MinimumConfidenceScoreUpdated", old, new)

    def poison(self, a: int, b: int, c: int) -> None:
        """A log of ours that its ABI does not explain."""
        known = event_log(RWA, "asset", "Transfer", ZERO, PEOPLE[0], 2**63 + c)
        unknown = ModelLog(RWA, (sha256(bytes([b % 256])).digest(),), bytes([c % 256]) * 7)
        bare = ModelLog(MARKET, (), b"")
        self.logs.append(_of([known, unknown, bare], a))

    def boast(self, a: int, b: int, c: int) -> None:
        """An agent speaks of a price that no asset contract was told."""
        contract, token = self._token(a, b)
        if token:
            old, told = self.contracts.collections[contract].prices[token], _of(PRICES, c)
            said = (token, old, told, self.timestamp, _of(TEXTS, c), 70 + c % 31)
            self.say(_of([AGENT, AGENT2], b), "agent", "PriceUpdated", *said)

    def lookalike(self, a: int, b: int, c: int) -> None:
        self.say(STRANGER, "asset", "Transfer", ZERO, _of(PEOPLE, b), c + 1)

    # --- what they rest on --------------------------------------------------------------------

    def _contract(self, choice: int) -> str:
        return RWA2 if choice % 4 == 3 else RWA

    def _token(self, a: int, b: int) -> tuple[str, int]:
        contract = self._contract(a)
        owners = self.contracts.collections[contract].owners
        return contract, _of(sorted(owners), b) if owners else 0

    def _held(self) -> Collection:
        return self.contracts.collections[self.contracts.linked]

    def _market_token(self, choice: int) -> int:
        owners = self._held().owners
        return _of(sorted(owners), choice) if owners else 0

    def _may_move(self, token: int, owner: str) -> bool:
        return self._held().approved.get(token) == MARKET or owner in self._held().operators

    def _can_be_bought(self, token: int) -> bool:
        seller = self.contracts.listings[token].seller
        return self._held().owners.get(token) == seller and self._may_move(token, seller)

    def _move(self, contract: str, token: int, to: str) -> None:
        held = self.contracts.collections[contract]
        held.approved.pop(token, None)
        owner, held.owners[token] = held.owners[token], to
        self.say(contract, "asset", "Transfer", owner, to, token)

    def _approve(self, contract: str, token: int, to: str) -> None:
        held = self.contracts.collections[contract]
        held.approved[token] = to
        if to == ZERO:
            del held.approved[token]
        self.say(contract, "asset", "Approval", held.owners[token], to, token)

    def _list(self, token: int, seller: str, price: int) -> None:
        self.contracts.listings[token] = Offer(seller, price, self.timestamp)
        self.say(MARKET, "marketplace", "AssetListed", token, seller, price, self.timestamp)

    def _callback(self, choice: int, contract: str, token: int, holder: str) -> None:
        """What a receiving contract may do before the marketplace or the mint logs its last word."""
        if choice % 4 == 1 and contract == self.contracts.linked and token not in self.contracts.listings:
            self._approve(contract, token, MARKET)
            self._list(token, holder, _of(LISTING_PRICES, choice // 4))
        elif choice % 4 == 2:
            self._move(contract, token, _of(PEOPLE, choice // 4))


def _of(choices: Any, number: int) -> Any:
    return choices[number % len(choices)]


DEEDS: dict[str, Callable[[Turn, int, int, int], None]] = {
    name: getattr(Turn, name)
    for name in (
        "mint", "transfer", "send_back", "approve", "approve_all", "price", "pricing_agent", "list", "delist",
        "buy", "fee", "collector", "owner", "link_market", "link_agent", "minimum", "poison", "lookalike",
        "boast", "change_lister",
    )
}  # fmt: skip
