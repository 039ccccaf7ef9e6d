"""Plays deeds on a development chain.

DeedRefused   a contract refused what the plan took for possible
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, NamedTuple

from chain.contracts import encode_call, load_artifact
from chain.transactions import Deployed, DevRpc, Transaction, accounts, deploy, deploy_market
from chain.values import Address, Hash
from dvault.demo.catalogue import BATCH_BUYER, OPERATOR, PEOPLE, RELISTER, Asset
from dvault.demo.deeds import BatchBuy, Buy, BuyAndRelist, Deed, Delist, List, Mint, SetPrice, Transfer
from dvault.demo.history import Block

ACCOUNTS = 1 + len(PEOPLE)
ETHER_EACH = 100_000_000
"""Nobody in this story runs out of money."""

ASSET, AGENT, MARKET = "RWAAssetContract", "DynamicPricingAgent", "MarketplaceContract"
BATCH = 25
"""Requests a round trip, few enough that the node works them off without putting any aside."""
LATEST = ("eth_getBlockByNumber", ["latest", False])


class DeedRefused(RuntimeError):
    """The plan and the chain disagree: a fault of the demo. Says which deed."""

    def __init__(self, deeds: tuple[Deed, ...], transaction_hash: Hash) -> None:
        what = " / ".join(map(str, deeds))
        super().__init__(f"the chain refused {transaction_hash}, of a block with: {what}")


class Mined(NamedTuple):
    """The newest block."""

    number: int
    hash: str
    timestamp: int


class Player:
    """Deploys the contracts, then makes every block itself."""

    def __init__(self, rpc: DevRpc) -> None:
        self.rpc = rpc
        people = accounts(rpc)
        self.deployed: Deployed = deploy_market(rpc, people[0])
        self._addresses = dict(zip((OPERATOR, *PEOPLE), people, strict=True))
        for person, contract in ((BATCH_BUYER, "BatchBuyer"), (RELISTER, "Relister")):
            self._addresses[person], _ = deploy(rpc, people[0], contract, self.deployed.marketplace)
        rpc.call("evm_setAutomine", False)
        self.head = self._ask_head()

    def address(self, person: str) -> Address:
        """Who that is on chain."""
        return self._addresses[person]

    def play(self, block: Block) -> None:
        """Mine one block of these deeds, not before its time. Raises DeedRefused."""
        sent = self._send([self._transactions(deed) for deed in block.deeds])
        self.rpc.call("evm_mine", max(block.at, self.head.timestamp + 1))
        # Not with the request to mine: within a batch, a node may answer before it is done.
        receipts, head = self.rpc.batch([("eth_getBlockReceipts", ["latest"]), LATEST])
        self.head = _mined(head)
        statuses = {receipt["transactionHash"]: receipt["status"] for receipt in receipts}
        for transaction_hash in sent:
            if statuses.get(transaction_hash) != "0x1":
                raise DeedRefused(block.deeds, transaction_hash)

    def _send(self, deeds: list[list[Transaction]]) -> list[Hash]:
        """Send the first transaction of every deed, then the second: a batch keeps to no order."""
        sent: list[Hash] = []
        for turn in zip_longest(*deeds):
            requests = [transaction.request() for transaction in turn if transaction]
            for first in range(0, len(requests), BATCH):
                few = requests[first : first + BATCH]
                sent += self.rpc.batch(("eth_sendTransaction", [request]) for request in few)
        return sent

    def reorg(self, depth: int) -> None:
        """Replace the newest blocks by as many empty ones."""
        self.rpc.call("anvil_reorg", depth, [])
        self.head = self._ask_head()

    def _ask_head(self) -> Mined:
        return _mined(self.rpc.batch([LATEST])[0])

    # --- deeds as transactions ---

    def _transactions(self, deed: Deed) -> list[Transaction]:
        asset, agent, market = self.deployed.asset, self.deployed.agent, self.deployed.marketplace
        match deed:
            case Mint(_, to, price_wei, what):
                minted = (self.address(to), what.uri, price_wei, _metadata(what))
                return [self._call(OPERATOR, asset, ASSET, "mint", minted)]
            case SetPrice(token, price_wei, source, confidence):
                price = (token, price_wei, source, confidence)
                return [self._call(OPERATOR, agent, AGENT, "updatePrice", price)]
            case List(token, seller, price_wei):
                approval = self._call(seller, asset, ASSET, "approve", (market, token))
                return [approval, self._call(seller, market, MARKET, "listAsset", (token, price_wei))]
            case Delist(token, seller):
                return [self._call(seller, market, MARKET, "delistAsset", (token,))]
            case Transfer(token, sender, to):
                parties = (self.address(sender), self.address(to), token)
                return [self._call(sender, asset, ASSET, "transferFrom", parties)]
            case _:
                return [self._purchase(deed)]

    def _purchase(self, deed: Buy | BatchBuy | BuyAndRelist) -> Transaction:
        match deed:
            case Buy(token, buyer, price_wei):
                market = self.deployed.marketplace
                return self._call(buyer, market, MARKET, "buy", (token,), price_wei)
            case BatchBuy(tokens, price_wei):
                actor = self.address(BATCH_BUYER)
                return self._call(OPERATOR, actor, "BatchBuyer", "buyAll", (tokens,), price_wei)
            case BuyAndRelist(token, price_wei, new_price_wei):
                actor = self.address(RELISTER)
                relisting = (token, new_price_wei, False)
                return self._call(OPERATOR, actor, "Relister", "buyAndRelist", relisting, price_wei)

    def _call(
        self,
        sender: str,
        to: Address,
        contract: str,
        function: str,
        args: tuple[Any, ...],
        value_wei: int = 0,
    ) -> Transaction:
        abi = load_artifact(contract).abi
        return Transaction(self.address(sender), to, encode_call(abi, function, args), value_wei)


def _metadata(asset: Asset) -> tuple[Any, ...]:
    return (
        asset.name, asset.asset_type, asset.location, asset.acquired_at, asset.description, asset.is_verified,
    )  # fmt: skip


def _mined(block: dict[str, Any]) -> Mined:
    return Mined(int(block["number"], 16), str(block["hash"]), int(block["timestamp"], 16))
