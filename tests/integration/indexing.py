"""An indexer at work in this process, on a real node and a real database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from chain.contracts import load_abi
from chain.devchain import DevChain
from chain.node import Node
from chain.transactions import DevRpc
from chain.values import Header
from indexer.asset_documents import asset_state
from indexer.digest import to_text
from indexer.finality import FinalityPolicy
from indexer.following import Contracts
from indexer.interpret import Interpreter
from indexer.loading import load_market, scan_digest
from indexer.opening import Options
from indexer.session import Session, Watch
from indexer.state import AssetKey, AssetState
from indexer.verify import Difference, differences
from indexer.world import World
from store.connection import Connection
from store.indexes import ensure_early
from store.lease import Lease
from store.ledger import Ledger
from store.schema import ensure_collections
from tests.integration.market_play import MarketPlay

Document = dict[str, Any]
Documents = dict[tuple[str, Any], Document]

ABIS: Any = {
    "asset": load_abi("RWAAssetContract"),
    "agent": load_abi("DynamicPricingAgent"),
    "marketplace": load_abi("MarketplaceContract"),
}
BRANCHLESS = (
    "assets",
    "transactions",
    "priceHistory",
    "operatorApprovals",
    "market",
    "chainEvents",
    "quarantine",
)
"""Collections that depend on the canonical chain alone, whatever way we came by it."""
EVERYTHING = (*BRANCHLESS, "blocks")
STANDING = (
    "chainId",
    "startBlock",
    "tip",
    "tipTimestamp",
    "finalized",
    "head",
    "events",
    "quarantined",
    "digest",
    "state",
)
ALL_FINAL = FinalityPolicy(0, 128)


class UpTo:
    """A node that has not heard yet of blocks above `height`, and tells a `finalized` tag of our choice."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.height: int | None = None
        self.tagged: int | None = None
        self.genesis: str | None = None

    def head(self) -> Header:
        return self._node.head() if self.height is None else self._node.headers([self.height])[0]

    def ends(self) -> tuple[Header, Header | None]:
        return self.head(), None if self.tagged is None else self._node.header(self.tagged)

    def headers(self, numbers: Any) -> list[Header]:
        told = self._node.headers(numbers)
        if self.genesis is None:
            return told
        return [replace_hash(header, self.genesis) if header.number == 0 else header for header in told]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


def replace_hash(header: Header, told: str) -> Header:
    return Header(header.number, told, header.parent_hash, header.timestamp, header.logs_bloom)


@dataclass(frozen=True, slots=True)
class Stage:
    """A development chain, and a node that speaks for it."""

    rpc: DevRpc
    node: Node

    def number(self) -> int:
        return int(self.rpc.call("eth_blockNumber"), 16)

    def mine(self, blocks: int) -> None:
        mine(self.rpc, blocks)

    def reorg(self, depth: int, *transactions: tuple[Document, int]) -> None:
        """Replace the newest blocks by empty ones, or by these (request, block) counted from 0."""
        self.rpc.call("anvil_reorg", depth, [list(each) for each in transactions])

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Whatever happens inside is forgotten by the node: its head shrinks."""
        snapshot = self.rpc.call("evm_snapshot")
        yield
        assert self.rpc.call("evm_revert", snapshot) is True


@contextmanager
def stage() -> Iterator[Stage]:
    """A chain of its own, each block seven seconds after the last."""
    with DevChain() as chain, DevRpc(chain.url) as rpc, Node([chain.url], deadline_seconds=3.0) as node:
        rpc.call("anvil_setBlockTimestampInterval", 7)
        yield Stage(rpc, node)


class Indexing:
    """Indexes what a play did; every method works on the state in the database."""

    def __init__(
        self,
        play: MarketPlay,
        connection: Connection,
        node: Node,
        confirmations: int | None = 64,
        enrich: bool = True,
        **options: Any,
    ) -> None:
        self.play = play
        self.connection = connection
        self.database = connection.database
        if not self.database.list_collection_names():
            ensure_collections(self.database)
            ensure_early(self.database)
        self.node = node
        self.chain = UpTo(node)
        self.contracts = Contracts(play.deployed.asset, play.deployed.agent, play.deployed.marketplace)
        self.options = replace(
            Options(
                chain_id=31337,
                contracts=self.contracts,
                start_block=play.deployed.start_block,
                policy=FinalityPolicy(confirmations, 128),
                range_max=1000,
                enrich=enrich,
                abis=ABIS,
            ),
            **options,
        )
        epoch = Lease(self.database, "test").acquire()
        assert epoch is not None
        self.ledger = Ledger(connection, epoch)
        self.session = self.load()

    def load(self, stopping: Callable[[], bool] = lambda: False, **options: Any) -> Session:
        """A session loaded from the database, as after a restart; with other options, if they are given."""
        watch = Watch(stopping, lambda _: None, lambda: None)
        self.options = replace(self.options, **options)
        self.session = Session(self.chain, self.ledger, self.options, watch)
        return self.session

    def catch_up(self, height: int | None = None) -> None:
        """Step until nothing changes any more; with a height, as if the chain ended there."""
        self.chain.height = height
        for _ in range(50):
            if not self.session.step():
                return
        raise AssertionError("the indexer does not come to rest")

    def checkpoint(self) -> dict[str, Any]:
        document = self.ledger.checkpoint()
        assert document is not None
        return document

    def world(self) -> World:
        """The states as the documents have them."""
        assets: dict[AssetKey, AssetState | None] = {
            state.key: state for state in map(asset_state, self.ledger.all_assets())
        }
        operators: dict[Any, bool | None] = {
            (d["contractAddress"], d["owner"]): d["approved"] for d in self.ledger.all_operators()
        }
        return World(
            Interpreter(self.contracts.marketplace, self.contracts.agent),
            load_market(self.ledger),
            assets,
            operators,
        )

    def differences(self) -> list[Difference]:
        """What the contracts say otherwise, at our tip."""
        tip = self.session.standing.tip
        assert tip is not None
        return list(differences(self.node, self.world(), self.contracts, tip))

    def assert_true(self) -> None:
        """The documents agree with the contracts, and the digest with the documents."""
        found = self.differences()
        assert not found, f"the contracts say otherwise: {found}"
        kept, scanned = self.checkpoint()["digest"], to_text(scan_digest(self.ledger))
        assert kept == scanned, f"digest {kept} is not of the documents, {scanned} is"

    # --- looking at documents -----------------------------------------------------------

    def documents(self, *names: str) -> Documents:
        """Every document of some collections (all that the chain determines), by collection and `_id`."""
        return {
            (name, document["_id"]): document
            for name in names or EVERYTHING
            for document in self.database[name].find()
        }

    def all_documents(self) -> Documents:
        """Every document there is, but for the lease."""
        found = self.documents(*self.database.list_collection_names())
        found.pop(("checkpoints", "lease"), None)
        return found

    def standing(self) -> Document:
        """What the checkpoint says of the chain."""
        checkpoint = self.checkpoint()
        return {name: checkpoint[name] for name in STANDING}

    def asset(self, token_id: int, contract: str | None = None) -> Document | None:
        query = {"contractAddress": contract or self.contracts.asset, "tokenId": token_id}
        return self.database["assets"].find_one(query)

    def rows(self, name: str = "transactions", **query: Any) -> list[Document]:
        """Rows in the order of the chain."""
        order = [("blockchain.blockNumber", 1), ("blockchain.logIndex", 1), ("_id", 1)]
        return list(self.database[name].find(query).sort(order))

    # --- held against a fresh index -------------------------------------------------------

    @contextmanager
    def fresh(self, **options: Any) -> Iterator[Indexing]:
        """Another one that indexes the same chain into an empty database."""
        other = emptied(self.connection, "fresh")
        given = {
            **{field: getattr(self.options, field) for field in ("policy", "start_block", "enrich")},
            **options,
        }
        indexing = Indexing(self.play, other, self.node, **given)
        indexing.catch_up()
        yield indexing

    def assert_like_fresh(self) -> None:
        """Document for document what an index from scratch has, with the same finality and when all is final."""
        self.assert_true()
        with self.fresh() as other:
            other.assert_true()
            if self.checkpoint()["finalized"] == other.checkpoint()["finalized"]:
                assert_same(self.documents(), other.documents())
                assert_same({("checkpoint", 0): self.standing()}, {("checkpoint", 0): other.standing()})
        with self.fresh(policy=ALL_FINAL) as other:
            assert_same(settled(self.documents(*BRANCHLESS)), settled(other.documents(*BRANCHLESS)))


def emptied(connection: Connection, name: str) -> Connection:
    """A database of this process that is emptied rather than made anew, which takes a quarter of a second."""
    database = connection.client[f"test_index_{name}_{os.getpid()}"]
    for collection in database.list_collection_names():
        database[collection].delete_many({})
    return Connection(connection.client, database)


def assert_same(ours: Documents, theirs: Documents) -> None:
    """Say which fields of which documents differ."""
    differing = [
        f"{name} {_id}: {_differing(ours.get((name, _id)), theirs.get((name, _id)))}"
        for name, _id in ours | theirs
        if ours.get((name, _id)) != theirs.get((name, _id))
    ]
    assert not differing, "\n".join(differing)


def _differing(ours: Document | None, theirs: Document | None) -> str:
    if ours is None or theirs is None:
        return f"ours {ours} != theirs {theirs}"
    fields = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
    return ", ".join(f"{name} {ours.get(name)!r} != {theirs.get(name)!r}" for name in fields)


def settled(documents: Mapping[tuple[str, Any], Document]) -> Documents:
    """The same documents without what is kept only to take blocks back."""
    return {key: _settled(document) for key, document in documents.items() if key != ("market", "base")}


def _settled(document: Document) -> Document:
    chain = {name: value for name, value in document.get("chain", {}).items() if name != "base"}
    kept = {name: value for name, value in document.items() if name != "base"}
    return {**kept, "chain": chain} if chain else kept


def mine(rpc: DevRpc, blocks: int) -> None:
    rpc.call("anvil_mine", hex(blocks))
