"""Two indexers at once: one works, the other stands by."""

from __future__ import annotations

import signal

import pytest

from tests.e2e.running import Market, Running, market


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
