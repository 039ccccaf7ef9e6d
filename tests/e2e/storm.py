"""A market that is indexed by processes which die all the time, and what must hold after every death."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from signal import SIGKILL
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

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
from store.ledger import Ledger
from tests.e2e import forked
from tests.e2e.dying import End
from tests.e2e.places import PLACES
from tests.e2e.running import Market, Running
from tests.integration.indexing import ABIS
from tests.integration.market_play import ETHER

KILLED = -SIGKILL
DEATH_SECONDS = 30.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Storm:
    """Starts commands, sees them die, and holds the database against itself after each death."""

    def __init__(self, stage: Market, node: Node, chance: random.Random) -> None:
        self.stage, self.chance = stage, chance
        self.deaths: list[str] = []
        self.seen = stage.dvault.folder / "seen"
        self._books = Books(stage, node)
        self._armed = stage.dvault.folder / "armed"
        self._fee = 0
        self._started = time.monotonic()

    # --- what happens on the chain --------------------------------------------------------

    def deeds(self, poison: bool = False) -> None:
        """A few blocks that between them give every statement of a commit something to write."""
        play = self.stage.play
        if poison:
            play.emit_raw(play.market, [keccak(text="AssetListed(uint256,address,uint256,uint256)")])
        token = play.mint_token(play.alice)
        approved = play.view(play.asset, "isApprovedForAll", play.alice, play.market)
        self._fee = self._fee % 500 + 1
        with play.one_block():
            play.mint(play.alice)
            play.approve_all(play.alice, not approved)
            play.set_price(token, 11 * ETHER)
            play.approve_and_list(play.alice, token, 2 * ETHER)
            play.set_fee(self._fee)
        with play.one_block():
            play.buy(play.bob, token)
            play.set_price(1, 12 * ETHER + self._fee)  # the oldest, which no reorg takes away
            play.approve_all(self._stranger())

    def _stranger(self) -> str:
        """Somebody who never said a word before, with money for one."""
        address = to_checksum_address(self.chance.randbytes(20))
        for method, *params in (("anvil_setBalance", hex(ETHER)), ("anvil_impersonateAccount",)):
            self.stage.rpc.call(method, address, *params)
        return address

    # --- deaths ---------------------------------------------------------------------------

    def start(self, command: str, place: str | None = None, nth: int = 1, *, armed: bool = True) -> Running:
        """A command that ends at a place: from the start, or from `arm` on."""
        self._armed.unlink(missing_ok=True)
        end = End(place, nth, armed=None if armed else self._armed, small_commits=True, seen=self.seen)
        return forked.start(self.stage.dvault, command, end=end)

    def arm(self) -> None:
        self._armed.touch()

    def dies(self, running: Running, place: str) -> None:
        """It reaches its place and ends there; what it leaves is whole."""
        try:
            code = running.ended(DEATH_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{place} was not reached: {error}") from None
        assert code == KILLED, f"{place}: ended with {code}: {running.said[-3000:]}"
        self._after(running, place)

    def kill(self, running: Running, longest_seconds: float, what: str) -> None:
        """Any moment is as good as another one: here time itself is what is tested."""
        time.sleep(self.chance.uniform(0.0, longest_seconds))
        assert running.process.poll() is None, running.said[-3000:]
        running.kill()
        self._after(running, f"at random in {what}")

    def _after(self, running: Running, place: str) -> None:
        self.deaths.append(place)
        try:
            self._books.assert_whole()
        except AssertionError as error:
            raise AssertionError(f"after death {len(self.deaths)}, {place}: {error}") from error
        self.dead(running)

    def dead(self, running: Running) -> None:
        """It is, and its lease has expired: the dead do not renew, so nobody waits for that."""
        running.kill()
        self.stage.connection.database["checkpoints"].update_one(
            {"_id": "lease", "holder": {"$regex": f":{running.pid}$"}}, {"$set": {"expiresAt": EPOCH}}
        )

    def whole(self) -> None:
        """What is kept now is whole."""
        self._books.assert_whole()

    # --- peace ----------------------------------------------------------------------------

    def settled(self) -> None:
        """One start brings everything to what an index from scratch has, says `verify`, and says `rebuild`."""
        running = self.start("run")
        self.stage.await_current(running)
        assert running.stop() == 0
        self._books.assert_whole()
        self.stage.assert_true()
        self.stage.assert_like_fresh()
        self.no_place_forgotten()

    def no_place_forgotten(self) -> None:
        """Every place that any process reached is one at which we kill."""
        reached = set(self.seen.read_text().splitlines()) if self.seen.exists() else set()
        assert reached <= {*PLACES}, f"nobody kills at {sorted(reached - {*PLACES})}"

    def say(self) -> None:
        """How many deaths there were; `pytest -rP` shows it."""
        seconds = time.monotonic() - self._started
        named = [place for place in self.deaths if "random" not in place]
        sys.stdout.write(
            f"{len(self.deaths)} kills: {len(named)} at {len(set(named))} named places, "
            f"{len(self.deaths) - len(named)} at random times, in {seconds:.0f} s\n"
        )


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

        The server may carry out the last command of the dead while we read: then once more.
        """
        before = self._ledger.checkpoint()
        try:
            self._assert_whole(before)
        except AssertionError:
            now = self._ledger.checkpoint()
            if now == before:
                raise
            self._assert_whole(now)

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
            assert self._ids(name) == sorted(wanted), f"{name}: not the rows of the events"
        assert len(self._ids("assets")) == len(replayed.assets)
        assert (standing.events, standing.quarantined) == (replayed.events, replayed.rejected)
        assert (standing.rolling, replayed.altered) == (replayed.rolling, [])
        found = to_text(scan_digest(self._ledger))
        assert found == to_text(replayed.digest()), "documents are not what the events come to"
        if standing.digest is not None:
            assert to_text(standing.digest) == found, "the digest is not of the documents"
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


@contextmanager
def storm(stage: Market, seed: int) -> Iterator[Storm]:
    with Node([stage.chain.url]) as node:
        yield Storm(stage, node, random.Random(seed))
