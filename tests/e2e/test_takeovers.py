"""Two indexers at once: one works, the other stands by."""

from __future__ import annotations

import signal
import time
from typing import Any

import psutil
import pytest

from tests.e2e import forked
from tests.e2e.dying import End
from tests.e2e.forked import market
from tests.e2e.running import Market, Running, wait_for
from tests.e2e.storm import storm


def holder(stage: Market) -> str | None:
    lease = stage.report()["lease"]
    return lease["holder"] if lease else None


def holds(stage: Market, running: Running) -> bool:
    return str(holder(stage)).endswith(f":{running.pid}")


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.long), signal.SIGKILL])
def test_when_the_one_that_works_ends_the_other_takes_over(connection, mongo_uri, tmp_path, number):
    with market(connection, mongo_uri, tmp_path) as stage:
        first = stage.dvault.start("run")
        stage.await_current(first)
        second = stage.dvault.start("run")
        second.waited("standby", lambda: "standing by" in second.said)
        stage.trade(1)
        stage.await_current(first)
        assert holds(stage, first)

        first.stop(number)
        stage.trade(1)

        stage.await_current(second)
        assert holds(stage, second)
        refused = stage.dvault.finish("rebuild")
        assert refused.code == 1
        assert "is at work on this database: stop it first" in refused.err
        assert second.stop() == 0
        stage.assert_like_fresh()


def test_one_that_slept_through_a_takeover_writes_nothing_more_and_stands_by(connection, mongo_uri, tmp_path):
    with market(connection, mongo_uri, tmp_path) as stage:
        sleeper = stage.dvault.start("run")
        stage.await_current(sleeper)
        other = stage.dvault.start("run")
        other.waited("standby", lambda: "standing by" in other.said)

        sleeper.send(signal.SIGSTOP)
        stage.trade(1)
        stage.await_current(other)
        epoch = stage.report()["lease"]["epoch"]
        sleeper.send(signal.SIGCONT)
        sleeper.waited("standby", lambda: "standing by" in sleeper.said)
        stage.trade(1)
        stage.await_current(other)

        assert holds(stage, other)
        assert stage.report()["lease"]["epoch"] == epoch
        stage.assert_like_fresh()
        assert (other.stop(), sleeper.process.poll()) == (0, None)
        stage.trade(1)
        stage.await_current(sleeper)
        assert sleeper.stop() == 0
        stage.assert_true()


# --- paused in the middle of something --------------------------------------------------------------

MIDDLES = (
    "block: after insert transactions",
    "block: before commitTransaction",
    "rewind: after delete transactions",
)
OTHER_MIDDLES = (
    "block: before update checkpoints",
    "block: after update checkpoints",
    "block: after commitTransaction",
    "block: done",
    "finality: before update checkpoints",
    "finality: after delete blocks",
    "finality: before commitTransaction",
    "rewind: before update checkpoints",
    "rewind: after insert events",
    "rewind: before commitTransaction",
    "rewind: after commitTransaction",
    "renewing: before update checkpoints",
    "renewing: after update checkpoints",
    "note of eventsPerSecond: before update checkpoints",
    "cards: before update checkpoints",
)


def everything(stage: Market) -> dict[Any, Any]:
    """All documents, but for what the one at work says now and then of itself and of the node."""
    database = stage.connection.database
    kept = {
        (name, document["_id"]): document
        for name in database.list_collection_names()
        for document in database[name].find()
    }
    kept.pop(("checkpoints", "endpoints"), None)
    lease, indexer = kept[("checkpoints", "lease")], kept[("checkpoints", "indexer")]
    del lease["expiresAt"], indexer["eventsPerSecond"]
    return kept


@pytest.mark.parametrize(
    "place", [*MIDDLES, *(pytest.param(place, marks=pytest.mark.long) for place in OTHER_MIDDLES)]
)
def test_one_that_slept_in_the_middle_of_a_write_is_fenced_when_it_wakes(
    connection, mongo_uri, tmp_path, place
):
    with market(connection, mongo_uri, tmp_path, 12) as stage, storm(stage, 3) as deadly:
        deadly.deeds()
        stage.mine(16)
        armed = tmp_path / "armed"
        sleeper = forked.start(
            stage.dvault,
            "run",
            end=End(place, number=signal.SIGSTOP, armed=armed),
        )
        stage.await_current(sleeper)
        other = forked.start(stage.dvault, "run")
        other.waited("standby", lambda: "standing by" in other.said)
        deadly.deeds()
        stage.await_current(sleeper)
        armed.touch()
        if "rewind" in place:
            stage.reorg(3)
        else:
            deadly.deeds()
        stopped = psutil.Process(sleeper.pid)
        wait_for(f"sleep at {place}", lambda: stopped.status() == psutil.STATUS_STOPPED)

        stage.await_current(other)
        deadly.whole()
        before = everything(stage)
        sleeper.send(signal.SIGCONT)
        sleeper.waited("standby", lambda: "standing by" in sleeper.said)

        assert everything(stage) == before
        assert holds(stage, other)
        deadly.dead(other)
        deadly.deeds()
        stage.await_current(sleeper)
        assert sleeper.stop() == 0
        deadly.settled()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_one_that_slept_for_a_minute_stands_by_and_takes_over_when_the_other_dies(
    connection, mongo_uri, tmp_path
):
    with market(connection, mongo_uri, tmp_path, LEASE_SECONDS="10") as stage, storm(stage, 4) as deadly:
        sleeper = stage.dvault.start("run")
        stage.await_current(sleeper)
        other = stage.dvault.start("run")
        other.waited("standby", lambda: "standing by" in other.said)

        sleeper.send(signal.SIGSTOP)
        deadly.deeds()
        stopped_at = time.monotonic()
        other.waited("the lease", lambda: holds(stage, other))
        stage.await_current(other)
        while time.monotonic() < stopped_at + 60:
            deadly.deeds()
            stage.await_current(other)
            time.sleep(1)  # the length of the sleep is what is tested
        before, epoch = everything(stage), stage.report()["lease"]["epoch"]
        sleeper.send(signal.SIGCONT)
        sleeper.waited("standby", lambda: "standing by" in sleeper.said)

        assert "lease lost" in sleeper.said
        assert everything(stage) == before
        other.kill()
        deadly.deeds()
        sleeper.waited("the lease", lambda: holds(stage, sleeper))
        stage.await_current(sleeper)
        assert stage.report()["lease"]["epoch"] == epoch + 1
        assert sleeper.stop() == 0
        deadly.settled()
