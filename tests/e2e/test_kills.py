"""Power cuts (kill -9) at moments nobody chose: what is kept afterwards is what an index from scratch has."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.e2e.running import Market, Running, market
from tests.e2e.wire import Wire

SEED = 20240607
KILLS = 5


@contextmanager
def trading(stage: Market) -> Iterator[None]:
    """Somebody trades all the time."""
    over = threading.Event()

    def trade() -> None:
        while not over.is_set():
            stage.trade(1)

    trader = threading.Thread(target=trade)
    trader.start()
    try:
        yield
    finally:
        over.set()
        trader.join()


def killed_after(running: Running, seconds: float) -> None:
    """Any moment is as good as another one: here, and only here, time itself is what is tested."""
    time.sleep(seconds)
    running.kill()


def test_a_backfill_killed_again_and_again_is_complete_and_doubles_nothing(connection, mongo_uri, tmp_path):
    chance = random.Random(SEED)
    with market(connection, mongo_uri, tmp_path, confirmations=1, LOG_RANGE_MAX="2") as stage:
        stage.history(400)
        stage.mine(1)
        port = urlsplit(stage.chain.url).port
        assert port
        with Wire(port, delay_seconds=0.05) as slow:
            dvault = stage.dvault.with_settings(RPC_URLS=slow.url)
            tips = [stage.tip_number()]
            for command in ("backfill", "run", "backfill", "run", "backfill"):
                running = dvault.start(command)
                running.waited("progress", lambda: stage.tip_number() > tips[-1])
                killed_after(running, chance.uniform(0.0, 0.15))
                tips.append(stage.tip_number())

        assert tips == sorted(set(tips))
        assert tips[-1] < stage.head()["number"] - 1, "the last kill came too late to prove anything"
        finished = stage.dvault.finish("backfill", "--json")
        running = stage.dvault.start("run")
        stage.await_current(running)

        assert finished.code == 0
        assert finished.json["fromBlock"] == tips[-1] + 1
        assert finished.json["tip"]["number"] == stage.head()["number"] - 1
        stage.assert_like_fresh()
        stage.assert_true()


def test_a_follower_killed_again_and_again_converges_and_doubles_nothing(connection, mongo_uri, tmp_path):
    chance = random.Random(SEED + 1)
    with market(connection, mongo_uri, tmp_path, confirmations=64) as stage:
        with trading(stage):
            for _ in range(KILLS):
                before = stage.tip_number()
                running = stage.dvault.start("run")
                running.waited("progress", lambda before=before: stage.tip_number() > before + 3)
                killed_after(running, chance.uniform(0.0, 0.1))
        running = stage.dvault.start("run")
        stage.await_current(running)

        assert running.stop() == 0
        stage.assert_like_fresh()
        stage.assert_true()


def test_a_rewind_killed_again_and_again_is_finished_by_the_next_start(connection, mongo_uri, tmp_path):
    chance = random.Random(SEED + 2)
    with market(connection, mongo_uri, tmp_path, confirmations=100) as stage:
        stage.history(70)
        for _ in range(KILLS):
            stage.trade(1)
            running = stage.dvault.start("run")
            stage.await_current(running)
            stage.reorg(64)
            stage.mine(1)
            killed_after(running, chance.uniform(0.0, 0.2))
        running = stage.dvault.start("run")
        stage.await_current(running)

        assert running.stop() == 0
        stage.assert_like_fresh()
        stage.assert_true()


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
