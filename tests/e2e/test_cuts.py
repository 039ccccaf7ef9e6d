"""Ends in the middle of what is more than one commit, with the database, and by request."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from store.connection import connect
from store.mongod import EmbeddedMongod
from tests.e2e import forked
from tests.e2e.dying import End
from tests.e2e.forked import market
from tests.e2e.running import applied_by
from tests.e2e.storm import Storm, storm

pytestmark = pytest.mark.timeout(600)
SEED = 20240610
FINAL = 8
"""Confirmations."""


@pytest.mark.long
def test_a_rebuild_or_a_deep_rewind_that_dies_is_finished_by_a_rebuild_and_nobody_indexes_before(
    connection, mongo_uri, tmp_path
):
    """They are many commits; in between documents are of two times, and the checkpoint says so."""
    with market(connection, mongo_uri, tmp_path, FINAL) as stage, storm(stage, SEED) as deadly:
        for _ in range(6):
            deadly.deeds()
        stage.mine(FINAL + 2)
        deadly.settled()
        for target, kind in (
            (None, "rebuilding"),
            (None, "counting"),
            (stage.head()["number"] - 20, "rebuilding"),
        ):
            command = ("rebuild",) if target is None else ("rewind", "--to-block", str(target), "--yes")
            commits = 0
            while died_in_commit(deadly, command, kind, commits + 1):
                commits += 1
                unfinished = connection.database["checkpoints"].find_one({"_id": "indexer"}).get("unfinished")
                refused = stage.dvault.finish("backfill")
                assert (refused.code == 1) == bool(unfinished), refused
                assert not unfinished or "was interrupted: run `dvault rebuild` to finish it" in refused.err
                if unfinished:
                    command = ("rebuild",)
            assert commits > (3 if kind == "rebuilding" else 1)
            deadly.settled()
        deadly.say()


def died_in_commit(deadly: Storm, command: tuple[str, ...], kind: str, number: int) -> bool:
    """Before or after the commit of that number; False if there are not so many, and it is through."""
    side = deadly.chance.choice(("before", "after"))
    place = f"{kind}: {side} commitTransaction"
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
        storm(stage, SEED + 1) as deadly,
    ):
        port = server.port
        for _ in range(12):
            running = deadly.current()
            deadly.something_happens(FINAL)
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
            stage.reorg(2) if place.startswith("rewind") else deadly.something_happens(FINAL)

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
