"""A replica set of three loses its primary again and again while blocks are indexed: what was committed stays."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from store.connection import connect
from tests.e2e import forked
from tests.e2e.forked import market
from tests.e2e.running import Market, Running, applied_by
from tests.e2e.storm import Storm, storm
from tests.e2e.three import ReplicaSet, replica_set

pytestmark = pytest.mark.timeout(900)
SEED = 20261126


@contextmanager
def busy(deadly: Storm) -> Iterator[None]:
    """Somebody trades all the time, and now and then some of it never happened."""
    over = threading.Event()
    failed: list[BaseException] = []

    def trade() -> None:
        try:
            rounds = 0
            while not over.is_set():
                deadly.deeds()
                rounds += 1
                if rounds % 7 == 0:
                    deadly.stage.reorg(deadly.chance.randint(1, 12))
                    deadly.stage.mine(1)
                over.wait(0.05)
        except BaseException as error:
            failed.append(error)
            raise

    trader = threading.Thread(target=trade)
    trader.start()
    try:
        yield
    finally:
        over.set()
        trader.join()
    assert not failed


@pytest.mark.parametrize("faults", [2, pytest.param(24, marks=pytest.mark.long)])
def test_nothing_that_was_reported_committed_is_lost_with_a_primary(tmp_path, faults):
    chance = random.Random(SEED)
    with (
        replica_set(tmp_path / "set") as servers,
        connect(servers.uri, "failover") as connection,
        market(connection, servers.uri, tmp_path, 40) as stage,
        storm(stage, SEED) as deadly,
    ):
        stage.mine(50)
        running = forked.start(stage.dvault, "run")
        stage.await_current(running)
        started = time.monotonic()
        with busy(deadly):
            for number in range(faults):
                lose_primary(servers, running, stage, chance, kill=number % 2 == 0)
        stage.await_current(running)

        assert running.stop() == 0
        reported = applied_by(running)
        assert_told(stage, reported)
        deadly.settled()
        sys.stdout.write(
            f"{faults} primaries lost in {time.monotonic() - started:.0f} s, {len(reported)} commits reported, "
            f"{connection.database['reorgs'].count_documents({})} reorgs\n"
        )


def lose_primary(
    servers: ReplicaSet, running: Running, stage: Market, chance: random.Random, *, kill: bool
) -> None:
    """Whatever was under way; then blocks go on being committed."""
    time.sleep(chance.uniform(0.0, 0.5))  # any moment
    before = len(applied_by(running))
    gone = servers.kill_primary() if kill else servers.send_primary_away()
    running.waited("commits to another primary", lambda: len(applied_by(running)) > before + 3, seconds=60)
    if kill:
        gone.start()
    servers.await_whole()


def assert_told(stage: Market, reported: list[tuple[int, str]]) -> None:
    """Each of them is in the sequence of events, once for each time it was reported; no reorg forgot it."""
    query = {"type": "block"}
    told = Counter(
        (event["blockNumber"], event["blockHash"])
        for event in stage.connection.database["events"].find(query)
    )
    missing = Counter(reported) - told
    assert not missing
    orphaned = {
        (ref["number"], ref["hash"])
        for reorg in stage.connection.database["reorgs"].find()
        for ref in reorg["orphaned"]
    }
    for number, reported_hash in set(reported) - orphaned:
        block = stage.rpc.call("eth_getBlockByNumber", hex(number), False)
        assert block["hash"] == reported_hash
