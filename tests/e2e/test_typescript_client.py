"""The client for TypeScript against real processes: an API that serves what an indexer keeps of a real chain."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.clients import CLIENT, build
from tests.e2e.running import Market, market
from tests.e2e.test_streams import served

pytestmark = pytest.mark.timeout(240)


def history(stage: Market) -> None:
    """Several sales, so that lists have pages."""
    stage.trade(4)
    stage.mine(1)


def test_the_client_does_what_its_readme_says(connection, mongo_uri, tmp_path: Path):
    built = build(tmp_path / "client")
    with market(connection, mongo_uri, tmp_path, confirmations=40) as stage:
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
            done = subprocess.run(
                ["node", "--test", "--test-concurrency=1", "--test-timeout=60000", *map(str, built)],
                cwd=CLIENT, env=environ, capture_output=True, text=True, timeout=200, check=False,
            )  # fmt: skip

        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert "# skipped 0" in done.stdout
        assert running.process.poll() is None
