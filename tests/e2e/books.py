"""The database of a market, held against itself: what must be so at any moment, whoever died."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from chain.decode import Decoder
from chain.node import Node
from indexer.block_documents import header_of
from indexer.digest import to_text
from indexer.following import Contracts, Following
from indexer.gather import Gatherer
from indexer.loading import scan_digest
from indexer.replay import Replayed, replay
from indexer.row_documents import price_document, quarantine_document, transaction_document
from indexer.standing import Standing, standing_of
from store.counting import counted, kept_holdings
from store.ledger import Ledger
from tests.e2e.running import Market
from tests.integration.indexing import ABIS


class Books:
    """The database of a market, held against itself: no process of ours has a say in it."""

    def __init__(self, stage: Market, node: Node) -> None:
        deployed = stage.play.deployed
        contracts = Contracts(deployed.asset, deployed.agent, deployed.marketplace)
        self._connection = stage.connection
        self._database = stage.connection.database
        self._ledger = Ledger(stage.connection, -1)
        self._contracts, self._node = contracts, node

    @property
    def _following(self) -> Following:
        """A fresh one, since it remembers; replaying asks the node nothing."""
        return Following(self._contracts, Decoder(ABIS), Gatherer(self._node, enrich=False), 0, 1000)

    def assert_whole(self) -> None:
        """Every document is of the same block: nothing is half written, missing or doubled.

        The server, or the process that wrote for the dead, may finish a last commit while we read: then again.
        """
        now = self._ledger.checkpoint()
        for _ in range(5):
            before = now
            try:
                return self._assert_whole(before)
            except AssertionError:
                now = self._ledger.checkpoint()
                if now == before:
                    raise
        raise AssertionError("somebody goes on writing")

    def _assert_whole(self, document: dict[str, Any] | None) -> None:
        if document is None or document["tip"] is None:
            names = ("chainEvents", "transactions", "priceHistory", "assets", "blocks", "events")
            assert not any(self._ids(name) for name in names)
            return
        standing = standing_of(document)
        assert standing.tip is not None
        self._assert_window(standing)
        rows = Rows()
        replayed = replay(self._ledger, self._following, standing, standing.tip.number, rows.take)
        self._assert_replayed(standing, replayed, rows)
        self._assert_told(document)

    def _assert_replayed(self, standing: Standing, replayed: Replayed, rows: Rows) -> None:
        assert standing.tip is not None
        for name, wanted in rows.ids.items():
            found = Counter(self._ids(name))
            missing, beyond = Counter(wanted) - found, found - Counter(wanted)
            assert not missing | beyond, f"{name}: not the rows of the events: {missing=}, {beyond=}"
        assert len(self._ids("assets")) == len(replayed.assets)
        assert (standing.events, standing.quarantined) == (replayed.events, replayed.rejected)
        assert (standing.rolling, replayed.altered) == (replayed.rolling, [])
        found = to_text(scan_digest(self._ledger))
        assert found == to_text(replayed.digest()), "documents are not what the events come to"
        if standing.digest is not None:
            assert to_text(standing.digest) == found, "the digest is not of the documents"
            wanted = {each["_id"]: each for each in counted(self._ledger).documents()}
            kept = {each["_id"]: each for each in kept_holdings(self._ledger)}
            assert kept == wanted, "the numbers of assets are not those of the documents"
        above = {"_id": {"$gt": standing.tip.number + 1}}
        assert self._database["chainEvents"].count_documents(above) == 0

    def _assert_window(self, standing: Standing) -> None:
        headers = [header_of(document) for document in self._ledger.headers()]
        assert standing.tip is not None
        first = standing.finalized.number + 1 if standing.finalized else 0
        assert [header.number for header in headers] == list(range(first, standing.tip.number + 1))
        for parent, child in pairwise(headers):
            assert child.parent_hash == parent.hash
        if headers:
            assert headers[-1].hash == standing.tip.hash

    def _assert_told(self, checkpoint: dict[str, Any]) -> None:
        """Whoever listened from the first event on has the rows of the books."""
        events = list(self._database["events"].find(sort=[("_id", 1)]))
        assert [event["_id"] for event in events] == list(range(1, checkpoint["seq"] + 1))
        blocks = [event["blockNumber"] for event in events if event["type"] == "block"]
        if not blocks:
            return
        again = [event["blockNumber"] + 1 for event in events if event["body"].get("resync")]
        kept = {"blockchain.blockNumber": {"$gte": [blocks[0], *again][-1]}}
        ours = [row for name in ("transactions", "priceHistory") for row in self._database[name].find(kept)]
        heard, tip = listened(events)
        assert heard == {row["_id"]: row for row in ours}, "listeners have other rows"
        assert tip == checkpoint["tip"], "listeners stand at another block"

    def _ids(self, name: str) -> list[Any]:
        return sorted(document["_id"] for document in self._database[name].find({}, {"_id": 1}))


class Rows:
    """Ids of the rows that a replay comes to."""

    def __init__(self) -> None:
        self.ids: dict[str, list[Any]] = {"transactions": [], "priceHistory": [], "quarantine": []}

    def take(self, world: Any, _: object) -> None:
        self.ids["transactions"] += [transaction_document(deed)["_id"] for deed in world.deeds]
        self.ids["priceHistory"] += [price_document(point)["_id"] for point in world.points]
        self.ids["quarantine"] += [quarantine_document(d.block, bad)["_id"] for d, bad in world.rejected]


def listened(events: list[dict[str, Any]]) -> tuple[dict[Any, Any], dict[str, Any] | None]:
    """The rows somebody has who heard all this, and the tip; a retraction must name a row that was told."""
    rows: dict[Any, Any] = {}
    tip: dict[str, Any] | None = None
    for event in events:
        if event["type"] in ("transaction", "price"):
            assert event["body"]["_id"] not in rows, f"told twice: {event}"
            rows[event["body"]["_id"]] = event["body"]
        elif event["type"] == "retraction":
            assert rows.pop(event["body"]["_id"]) == event["body"]
        elif event["type"] in ("block", "reorg"):
            if event["body"].get("resync"):
                rows.clear()  # they are final, and the state was read again
            assert event["type"] == "reorg" or tip is None or event["blockNumber"] == tip["number"] + 1
            tip = {"number": event["blockNumber"], "hash": event["blockHash"]}
    return rows, tip
