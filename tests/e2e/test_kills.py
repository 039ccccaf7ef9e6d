"""Power cuts (kill -9) at every place of a write, and at moments nobody chose: nothing is lost, nothing doubled.

After each of them the database is held against itself (storm.Books), and the next start goes on from there;
at the end, and now and then, it is held against the contracts, a replay, and an index from scratch.
`make test` runs a slice, `make test-long` everything: 300 kills.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from itertools import cycle

import pytest

from store.connection import connect
from store.mongod import EmbeddedMongod
from tests.e2e import forked
from tests.e2e.dying import End
from tests.e2e.forked import market
from tests.e2e.places import (
    BATCH,
    BEGINNING,
    BLOCK,
    COMPLETION,
    FINALITY,
    REWIND,
    STARTING,
    STAYING,
)
from tests.e2e.running import Running, applied_by
from tests.e2e.storm import Storm, storm

pytestmark = pytest.mark.timeout(900)
SLICED = pytest.mark.parametrize(
    "few", [pytest.param(True, id="slice"), pytest.param(False, id="all", marks=pytest.mark.long)]
)
SEED = 20240607
FINAL, DEEP = 8, 70
"""Confirmations: few, so that blocks become final all the time; many, so that 64 can be taken back."""
DEPTHS = (1, 3, 12, 64)
KILLS_UNTIL_PEACE = 30
RANDOM = {"backfill": 64, "live": 36, "rewind": 48}
"""Kills at random times, in all."""


def named() -> int:
    """Kills at named places, in all; of a rewind, every place is tried alive and at a start."""
    return sum(map(len, (BEGINNING, BATCH, COMPLETION, BLOCK, FINALITY, STARTING, STAYING, REWIND, REWIND)))


def test_everything_is_at_least_300_kills():
    assert named() + sum(RANDOM.values()) >= 300


@SLICED
def test_history_is_indexed_whole_however_often_it_is_cut_off(connection, mongo_uri, tmp_path, few):
    with (
        market(connection, mongo_uri, tmp_path, FINAL, LOG_RANGE_MAX="4") as stage,
        storm(stage, SEED) as deadly,
    ):
        for place in BEGINNING[:: 8 if few else 1]:
            with_history_ahead(deadly)
            if place == "begin: done":
                connection.client.drop_database(connection.database.name)  # nobody gets there twice
            deadly.dies(deadly.start("backfill", place, nth=some(deadly, place)), place)
        for place, command in zip(BATCH[:: 9 if few else 1], cycle(("backfill", "run")), strict=False):
            with_history_ahead(deadly)
            deadly.dies(deadly.start(command, place, nth=deadly.chance.choice((1, 2))), place)
        for _ in range(1 if few else RANDOM["backfill"]):
            with_history_ahead(deadly)
            deadly.kill(deadly.start("backfill"), 0.6, "a backfill")
        for place, command in zip(COMPLETION[:: 5 if few else 1], cycle(("backfill", "run")), strict=False):
            deadly.deeds()
            stage.mine(FINAL + 20)
            deadly.dies(deadly.start(command, place), place)

        deadly.settled()
        deadly.say()


def with_history_ahead(deadly: Storm, blocks: int = 150) -> None:
    """Enough for whoever dies next not to come to the end of it."""
    stage = deadly.stage
    while stage.head()["number"] - FINAL - stage.tip_number() < blocks:
        deadly.deeds(poison=deadly.chance.random() < 0.5)


def some(deadly: Storm, place: str) -> int:
    return deadly.chance.choice((1, 2, 3)) if place.endswith(("create", "createIndexes")) else 1


@SLICED
def test_the_head_is_followed_whole_however_often_the_follower_dies(connection, mongo_uri, tmp_path, few):
    with market(connection, mongo_uri, tmp_path, FINAL) as stage, storm(stage, SEED + 1) as deadly:
        stage.mine(FINAL + 1)
        for place in STARTING[:: 4 if few else 1]:
            deadly.deeds()
            deadly.dies(deadly.start("run", place), place)
        for place in [*BLOCK, *FINALITY, *STAYING][:: 12 if few else 1]:
            peace_now_and_then(deadly)
            if deadly.chance.random() < 0.5 or place in STAYING:
                running = current(deadly, place)
                deadly.arm()
                something_happens(deadly)
            else:
                deadly.dead(current(deadly))
                something_happens(deadly)
                running = deadly.start("run", place)
            if place.startswith("releasing"):
                running.send(signal.SIGTERM)
            deadly.dies(running, place)
        for _ in range(1 if few else RANDOM["live"]):
            peace_now_and_then(deadly)
            running = current(deadly)
            something_happens(deadly)
            deadly.kill(running, 0.15, "following")

        deadly.settled()
        deadly.say()


def something_happens(deadly: Storm) -> None:
    """Every kind of deed, and those of before become final."""
    deadly.deeds(poison=True)
    deadly.stage.mine(FINAL)


def current(deadly: Storm, place: str | None = None) -> Running:
    """What the dead left is caught up with; from `arm` on the place counts."""
    running = deadly.start("run", place, armed=False)
    deadly.stage.await_current(running)
    return running


def peace_now_and_then(deadly: Storm) -> None:
    if len(deadly.deaths) % KILLS_UNTIL_PEACE == KILLS_UNTIL_PEACE - 1:
        deadly.settled()


@SLICED
def test_a_reorg_is_followed_whole_however_often_the_rewind_is_cut_off(connection, mongo_uri, tmp_path, few):
    """Each place is died at by a process that lived through the reorg, and by one that starts after it."""
    with market(connection, mongo_uri, tmp_path, DEEP) as stage, storm(stage, SEED + 2) as deadly:
        deadly.deeds()
        stage.mine(DEEP + 10)
        for place in REWIND[:: 11 if few else 1]:
            peace_now_and_then(deadly)
            running = with_deeds_to_lose(deadly, place)
            deadly.arm()
            stage.reorg(deadly.chance.choice(DEPTHS[1:]))
            deadly.dies(running, place)

            if not few:
                deadly.dead(with_deeds_to_lose(deadly))
                stage.reorg(deadly.chance.choice(DEPTHS[1:]))
                deadly.dies(deadly.start("run", place), place)
        for _ in range(2 if few else RANDOM["rewind"]):
            peace_now_and_then(deadly)
            running = with_deeds_to_lose(deadly)
            stage.reorg(deadly.chance.choice(DEPTHS))
            deadly.kill(running, 0.1, "a rewind")

        deadly.settled()
        deadly.say()
        assert {row["depth"] for row in connection.database["reorgs"].find()} >= set(
            DEPTHS[1:2] if few else DEPTHS
        )


def with_deeds_to_lose(deadly: Storm, place: str | None = None) -> Running:
    running = current(deadly, place)
    deadly.deeds()
    deadly.stage.await_current(running)
    return running


@pytest.mark.long
def test_a_rebuild_or_a_deep_rewind_that_dies_is_finished_by_a_rebuild_and_nobody_indexes_before(
    connection, mongo_uri, tmp_path
):
    """They are many commits; in between documents are of two times, and the checkpoint says so."""
    with market(connection, mongo_uri, tmp_path, FINAL) as stage, storm(stage, SEED + 3) as deadly:
        for _ in range(6):
            deadly.deeds()
        stage.mine(FINAL + 2)
        deadly.settled()
        for target in (None, stage.head()["number"] - 20):
            command = ("rebuild",) if target is None else ("rewind", "--to-block", str(target), "--yes")
            commits = 0
            while died_in_commit(deadly, command, commits + 1):
                commits += 1
                unfinished = connection.database["checkpoints"].find_one({"_id": "indexer"}).get("unfinished")
                refused = stage.dvault.finish("backfill")
                assert (refused.code == 1) == bool(unfinished), refused
                assert not unfinished or "was interrupted: run `dvault rebuild` to finish it" in refused.err
                if unfinished:
                    command = ("rebuild",)
            assert commits > 3
            deadly.settled()
        deadly.say()


def died_in_commit(deadly: Storm, command: tuple[str, ...], number: int) -> bool:
    """Before or after the commit of that number; False if there are not so many, and it is through."""
    side = deadly.chance.choice(("before", "after"))
    place = f"rebuilding: {side} commitTransaction"
    running = forked.start(deadly.stage.dvault, *command, end=End(place, number, small_commits=True))
    code = running.ended()
    deadly.dead(running)
    assert code in (0, -signal.SIGKILL), running.said
    if code:
        deadly.deaths.append(place)
    return bool(code)


@pytest.mark.long
def test_power_cuts_that_take_the_database_along_lose_nothing_that_was_said(tmp_path):
    """Indexer and server end in the same moment: what was acknowledged is in the journal."""
    with (
        EmbeddedMongod(tmp_path / "mongod") as server,
        connect(server.uri, "cuts") as connection,
        market(connection, server.uri, tmp_path, FINAL) as stage,
        storm(stage, SEED + 4) as deadly,
    ):
        port = server.port
        for _ in range(12):
            running = current(deadly)
            something_happens(deadly)
            time.sleep(deadly.chance.uniform(0.0, 0.2))  # any moment
            running.process.kill()
            server.kill()
            server.start()
            assert server.port == port
            running.ended()
            told = stage.connection.database["events"].distinct("blockHash", {"type": "block"})
            assert {said for _, said in applied_by(running)} <= {*told}
            deadly.whole()
            deadly.dead(running)
        deadly.settled()


@pytest.mark.parametrize(
    "place",
    [
        "block: before commitTransaction",
        *(
            pytest.param(place, marks=pytest.mark.long)
            for place in (
                "batch: after insert chainEvents",
                "batch: before commitTransaction",
                "late indexes: before createIndexes",
                "block: after update checkpoints",
                "finality: before insert events",
                "rewind: after delete transactions",
                "rewind: after commitTransaction",
            )
        ),
    ],
)
def test_sigterm_in_the_middle_of_a_write_ends_in_order_and_gives_the_lease_back(
    connection, mongo_uri, tmp_path, place
):
    settings = {"LEASE_SECONDS": "600", "LOG_RANGE_MAX": "4"}
    with market(connection, mongo_uri, tmp_path, FINAL, **settings) as stage, storm(stage, SEED) as deadly:
        for _ in range(3):
            deadly.deeds()
        stage.mine(FINAL + 10)
        history = place.startswith(("batch", "late"))
        end = End(
            place, number=signal.SIGTERM, armed=None if history else tmp_path / "armed", small_commits=True
        )
        running = forked.start(stage.dvault, "run", end=end)
        if not history:
            stage.await_current(running)
            deadly.deeds()
            stage.await_current(running)
            (tmp_path / "armed").touch()
            stage.reorg(2) if place.startswith("rewind") else something_happens(deadly)

        assert running.ended(15) == 0
        assert stage.report()["lease"] is None
        deadly.whole()
        deadly.settled()


def test_a_commit_that_a_killed_indexer_left_open_does_not_hold_up_the_next_one(
    connection, mongo_uri, tmp_path
):
    """The server keeps the transaction of a client that vanished for a minute."""
    dies = (
        "import os, sys; from store.connection import connect, process_name; from store.lease import Lease\n"
        "database = connect(sys.argv[1], sys.argv[2]).database\n"
        "assert Lease(database, process_name(), 1.0).acquire()\n"
        "session = database.client.start_session(); session.start_transaction()\n"
        "database['checkpoints'].update_one({'_id': 'indexer'}, {'$set': {'version': 2}}, session=session)\n"
        "os._exit(9)"
    )
    with market(connection, mongo_uri, tmp_path) as stage:
        running = stage.dvault.start("run")
        stage.await_current(running)
        assert running.stop() == 0
        died = subprocess.run(
            [sys.executable, "-c", dies, mongo_uri, connection.database.name],
            env=dict(stage.dvault.environ), check=False,
        )  # fmt: skip
        stage.mine(1)

        running = stage.dvault.start("run")

        assert died.returncode == 9
        running.waited("tip at the head", stage.is_current, seconds=20)
