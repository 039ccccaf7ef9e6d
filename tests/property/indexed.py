"""A database and the indexer that fills it from a model chain; and how to compare two of them."""

from __future__ import annotations

from time import monotonic, sleep
from typing import Any

from chain.decode import Decoder
from indexer.asset_documents import asset_state
from indexer.digest import to_text
from indexer.finality import FinalityPolicy
from indexer.following import Contracts, Following
from indexer.gather import Gatherer
from indexer.interpret import Interpreter
from indexer.loading import load_market, scan_digest
from indexer.opening import Options
from indexer.session import Session, Watch
from indexer.state import AssetKey, AssetState, OperatorKey
from indexer.verify import Difference, differences
from indexer.world import World
from store.connection import Connection
from store.indexes import ensure_early
from store.lease import Lease
from store.ledger import Ledger
from store.orphans import PEOPLE
from store.schema import ensure_collections
from tests.property.model_chain import DEPLOYED_AT, Block, ModelChain
from tests.property.model_contracts import ABIS, AGENT, MARKET, RWA

CONTRACTS = Contracts(RWA, AGENT, MARKET)
RANGE_MAX = 3
DERIVED = (
    "assets", "transactions", "priceHistory", "operatorApprovals", "market", "chainEvents", "blocks", "quarantine",
    "tradeHours", "holdings",
)  # fmt: skip
STOOD_FOR = (
    "tip",
    "tipTimestamp",
    "finalized",
    "events",
    "quarantined",
    "digest",
    "rollingDigest",
    "state",
    "startBlock",
)
CHAIN_METADATA = ("assetLocation", "acquisitionDate")

PATIENCE_SECONDS = 10.0


def acquired(lease: Lease) -> int:
    """Its epoch; a transaction of somebody who died may be in the way until the server ends it."""
    deadline = monotonic() + PATIENCE_SECONDS
    while (epoch := lease.acquire()) is None:
        assert monotonic() < deadline, "nobody gives the lease back"
        sleep(0.05)
    return epoch


class Indexed:
    """An indexer at rest between steps; `restart` loads it from the database, as a new process would."""

    def __init__(
        self, connection: Connection, chain: ModelChain, confirmations: int | None, **options: Any
    ) -> None:
        self.database = connection.database
        self.chain = chain
        given: dict[str, Any] = {"start_block": DEPLOYED_AT, "range_max": RANGE_MAX, **options}
        self.options = Options(
            chain_id=31337,
            contracts=CONTRACTS,
            policy=FinalityPolicy(confirmations, 1000),
            enrich=True,
            abis=ABIS,
            **given,
        )
        self.history_completed = 0
        self.ledger = Ledger(connection, acquired(Lease(self.database, "test")))
        self.stopping = False
        self.session = self.restart()

    def follow(self, head: Block) -> None:
        """Let the node announce a head, and index up to it."""
        self.chain.view = head
        self.catch_up()

    def asset(self, contract: str, token_id: int) -> dict[str, Any]:
        found = self.database["assets"].find_one({"contractAddress": contract, "tokenId": token_id})
        assert found is not None
        return found

    def restart(self) -> Session:
        watch = Watch(lambda: self.stopping, lambda _: None, self._complete)
        self.session = Session(self.chain, self.ledger, self.options, watch)
        return self.session

    def step(self) -> bool:
        return self.session.step()

    def catch_up(self) -> None:
        """Ask until nothing changes twice: a lower head is believed the second time."""
        quiet = 0
        for _ in range(12):
            quiet = 0 if self.session.step() else quiet + 1
            if quiet == 2:
                return
        raise AssertionError("the indexer does not come to rest")

    def _complete(self) -> None:
        self.history_completed += 1

    def following(self) -> Following:
        """As `dvault rebuild` makes one."""
        gatherer = Gatherer(self.chain, enrich=True)
        return Following(CONTRACTS, Decoder(ABIS), gatherer, DEPLOYED_AT, RANGE_MAX)

    def checkpoint(self) -> dict[str, Any]:
        document = self.ledger.checkpoint()
        assert document is not None
        return document

    def differences(self) -> list[Difference]:
        """What the contracts say otherwise at our tip."""
        assets: dict[AssetKey, AssetState | None] = {
            state.key: state for state in map(asset_state, self.ledger.all_assets())
        }
        operators: dict[OperatorKey, bool | None] = {
            (each["contractAddress"], each["owner"]): each["approved"] for each in self.ledger.all_operators()
        }
        world = World(Interpreter(MARKET, AGENT), load_market(self.ledger), assets, operators)
        tip = self.session.standing.tip
        assert tip is not None
        return list(differences(self.chain, world, CONTRACTS, tip))

    def scanned_digest(self) -> str:
        return to_text(scan_digest(self.ledger))

    def contents(self) -> dict[str, Any]:
        """Every derived document, by collection and id, without what people wrote."""
        found: dict[str, Any] = {
            name: {each["_id"]: without_people(each) for each in self.database[name].find()}
            for name in DERIVED
        }
        checkpoint = self.checkpoint()
        found["checkpoint"] = {name: checkpoint[name] for name in STOOD_FOR}
        return found


def prepare(connection: Connection) -> None:
    ensure_collections(connection.database)
    ensure_early(connection.database)


def empty(connection: Connection) -> None:
    """Cheaper than another database."""
    for name in connection.database.list_collection_names():
        connection.database[name].delete_many({})


def without_people(document: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in document.items() if name not in PEOPLE}
    if "currentPrice" in document:
        kept["metadata"] = {name: document["metadata"][name] for name in CHAIN_METADATA}
    return kept


def people_of(document: dict[str, Any]) -> dict[str, Any]:
    """What people wrote about an asset, as an orphan keeps it."""
    said = {name: document[name] for name in PEOPLE if name in document}
    metadata = {name: value for name, value in document["metadata"].items() if name not in CHAIN_METADATA}
    return {**said, "metadata": metadata} if metadata else said


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Like ==, but a failure names the documents that differ."""
    for name, documents in theirs.items():
        assert ours[name].keys() == documents.keys(), f"{name}: other documents"
        for key, document in documents.items():
            assert ours[name][key] == document, f"{name} {key}"
