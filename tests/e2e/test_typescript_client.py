"""The client for TypeScript against real processes: an API that serves what an indexer keeps of a real chain."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from indexer.session import LIVE_REACH
from tests.clients import CLIENT, build
from tests.e2e.running import Market, Running, market
from tests.e2e.test_streams import served

CONFIRMATIONS = 40
RESYNC = "resync.test.js"
"""Needs somebody who stops the indexer, takes final blocks back, and links another asset contract."""
pytestmark = pytest.mark.timeout(240)


def history(stage: Market) -> None:
    """Several sales, so that lists have pages."""
    stage.trade(4)
    stage.mine(1)


def test_the_client_does_what_its_readme_says(connection, mongo_uri, tmp_path: Path):
    built = build(tmp_path / "client")
    with market(connection, mongo_uri, tmp_path, confirmations=CONFIRMATIONS) as stage:
        history(stage)
        running = stage.dvault.start("run")
        stage.await_current(running)
        with served(stage) as (_, url):
            environ = {
                **os.environ,
                "DVAULT_URL": url,
                "RPC_URL": stage.chain.url,
                "ASSET_ADDRESS": stage.play.deployed.asset,
                "MARKETPLACE_ADDRESS": stage.play.deployed.marketplace,
            }
            by_itself = [each for each in built if each.name != RESYNC]
            run_under_node(by_itself, environ)
            assert running.process.poll() is None
            before = str(stage.connection.database["checkpoints"].find_one({"_id": "indexer"})["seq"])
            running = final_blocks_go_and_come(stage, running)
            earlier_rows_come(stage, running)
            run_under_node(
                [each for each in built if each.name == RESYNC], environ | {"BEFORE_RESYNC": before}
            )
        assert running.process.poll() is None


def final_blocks_go_and_come(stage: Market, running: Running) -> Running:
    """An outage, after which blocks come in bulk; and an operator who takes final ones back."""
    assert running.stop() == 0
    stage.mine(CONFIRMATIONS + 2 * LIVE_REACH)
    running = stage.dvault.start("run")
    stage.await_current(running)
    assert running.stop() == 0
    final = stage.report()["finalized"]["number"]
    done = stage.dvault.finish("rewind", "--to-block", str(final - 3), "--yes")
    assert done.code == 0, done.stderr
    running = stage.dvault.start("run")
    stage.await_current(running)
    return running


def earlier_rows_come(stage: Market, running: Running) -> None:
    """With an asset contract that is linked after its first mint."""
    second = stage.play.second_asset()
    second.mint_token(second.alice)
    stage.play.repoint_market(second.asset)
    stage.await_current(running)


def run_under_node(tests: list[Path], environ: dict[str, str]) -> None:
    done = subprocess.run(
        ["node", "--test", "--test-concurrency=1", "--test-timeout=60000", *map(str, tests)],
        cwd=CLIENT, env=environ, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert tests
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "# skipped 0" in done.stdout
