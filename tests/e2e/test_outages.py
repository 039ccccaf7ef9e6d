"""What the indexer and the API depend on goes away, and comes back: they go on by themselves."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from store.connection import connect
from store.mongod import EmbeddedMongod
from tests.e2e.forked import market
from tests.e2e.running import Market, wait_for
from tests.e2e.wire import Wire

pytestmark = pytest.mark.timeout(180)


@contextmanager
def wired(stage: Market) -> Iterator[Wire]:
    port = urlsplit(stage.chain.url).port
    assert port
    with Wire(port) as wire:
        yield wire


def ready(port: int) -> int:
    try:
        return int(urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20).status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


@pytest.mark.long
def test_an_indexer_started_before_its_node_waits_for_it_and_outlives_every_outage(
    connection, mongo_uri, tmp_path
):
    with market(connection, mongo_uri, tmp_path) as stage, wired(stage) as wire:
        wire.become("cut")
        dvault = stage.dvault.with_settings(RPC_URLS=wire.url)
        running = dvault.start("run")
        running.waited("the lease", lambda: stage.report()["lease"])
        assert stage.report()["state"] == "unindexed"
        wire.become("open")
        stage.await_current(running)

        for state in ("cut", "blocked"):
            wire.become(state)
            running.waited("a last error", lambda: stage.report()["lastError"], seconds=60)
            told = dvault.finish("status", "--json")
            assert told.code == 3
            assert told.json["lastError"]
            wire.become("open")
            running.waited("no last error", lambda: not stage.report()["lastError"], seconds=60)
            stage.trade(1)
            stage.await_current(running)

        assert running.stop() == 0
        stage.assert_true()


def test_a_node_that_knows_no_code_where_a_contract_was_followed_is_waited_for(
    connection, mongo_uri, tmp_path
):
    """Unknown is not absent: it lags, or answers in the middle of a reorg."""
    with market(connection, mongo_uri, tmp_path) as stage:
        running = stage.dvault.start("run")
        stage.await_current(running)
        assert running.stop() == 0
        code = stage.rpc.call("eth_getCode", stage.play.market, "latest")
        stage.rpc.call("anvil_setCode", stage.play.market, "0x")

        running = stage.dvault.start("run")
        running.waited("a last error", lambda: "no node knows code at" in str(stage.report()["lastError"]))
        stage.rpc.call("anvil_setCode", stage.play.market, code)
        stage.trade(1)

        stage.await_current(running)
        assert running.stop() == 0


@pytest.mark.parametrize("how", [pytest.param("stopped", marks=pytest.mark.long), "killed"])
def test_a_database_that_goes_away_and_comes_back_is_outlived(tmp_path, how):
    with (
        EmbeddedMongod(tmp_path / "mongod") as server,
        connect(server.uri, "outage") as connection,
        market(connection, server.uri, tmp_path) as stage,
    ):
        running = stage.dvault.start("run")
        serving = stage.dvault.start("serve", "--port", "0")
        stage.await_current(running)
        port = int(serving.waited("address", lambda: serving.said.partition("127.0.0.1:")[2].split("\n")[0]))
        serving.waited("readiness", lambda: ready(port) == 200)

        if how == "stopped":
            assert server.pid
            os.kill(server.pid, signal.SIGSTOP)
            stage.trade(1)
            serving.waited("unreadiness", lambda: ready(port) in (0, 503))
            # Longer than the lease: nobody may believe that it is still held.
            time.sleep(3)
            os.kill(server.pid, signal.SIGCONT)
        else:
            server.kill()
            stage.trade(1)
            serving.waited("unreadiness", lambda: ready(port) == 503)
            before = server.port
            server.start()
            assert server.port == before

        wait_for("readiness", lambda: ready(port) == 200)
        stage.await_current(running)
        assert (running.stop(), serving.stop()) == (0, 0)
        stage.assert_true()
        stage.assert_like_fresh()


@pytest.mark.long
def test_a_database_that_stands_still_for_half_a_minute_is_outlived(tmp_path):
    with (
        EmbeddedMongod(tmp_path / "mongod") as server,
        connect(server.uri, "outage") as connection,
        market(connection, server.uri, tmp_path) as stage,
    ):
        running = stage.dvault.start("run")
        stage.await_current(running)
        assert server.pid
        os.kill(server.pid, signal.SIGSTOP)
        stage.trade(2)
        time.sleep(30)
        os.kill(server.pid, signal.SIGCONT)

        stage.await_current(running)
        assert running.stop() == 0
        stage.assert_true()
