"""How soon after a block is mined does the API show it? And a block that replaces another?

    python -m bench.head [--blocks 60] [--interval 1.0] [--reorgs 3] [--poll 0.1]

A live development chain with the real contracts, `dvault run` and `dvault serve` as processes, one block
of five events per interval at a random phase, and a client that polls GET /api/status every 5 ms.
The last line is JSON: {"medianMs", "p95Ms", "reorgMs", "blocks", …}.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.live_market import EVENTS_PER_BLOCK, LiveMarket, Mined
from bench.ours import dvault, settings
from bench.watcher import Watcher
from chain.devchain import DevChain
from chain.transactions import DevRpc
from store.mongod import EmbeddedMongod

REORG_DEPTH = 5
WARM_BLOCKS = 10
START_SECONDS = 60.0
STOP_SECONDS = 20.0
VISIBLE_SECONDS = 15.0
JITTER = 0.2
"""Of the interval: blocks must not fall into step with the indexer's polls."""


class ServerEnded(RuntimeError):
    """One of our processes ended although it should serve."""

    def __init__(self, command: str, code: int, output: str) -> None:
        super().__init__(f"`dvault {command}` ended with {code}:\n{output[-4000:]}")


@contextmanager
def running(command: str, chosen: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `dvault` command as a process, asked to end with the block."""
    with (folder / f"{command}.log").open("wb") as log:
        process = subprocess.Popen(
            [dvault(), command], env=settings(chosen), stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        yield process
    finally:
        ended = process.poll()
        stopped(process)
        if ended is not None:
            raise ServerEnded(command, ended, (folder / f"{command}.log").read_text(errors="replace"))


def stopped(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and see to it that it does."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def live_settings(market: LiveMarket, mongodb_uri: str, port: int, poll_seconds: float) -> dict[str, str]:
    deployed = market.deployed
    return {
        "NETWORK": "local",
        "RPC_URLS": market.rpc.url,
        "RWA_ASSET_ADDRESS": deployed.asset,
        "PRICING_AGENT_ADDRESS": deployed.agent,
        "MARKETPLACE_ADDRESS": deployed.marketplace,
        "START_BLOCK": str(deployed.start_block),
        "POLL_INTERVAL_SECONDS": str(poll_seconds),
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": "head",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "RATE_LIMIT_READ": "off",
    }


def await_serving(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the API accepts connections, or has ended."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"`dvault serve` did not listen on port {port} within {START_SECONDS:.0f} s")


def latency_ms(watcher: Watcher, mined: Mined) -> float:
    """From the node's answer that it made the block to the API's answer that shows it."""
    return 1000 * (watcher.seen(mined.hash, VISIBLE_SECONDS) - mined.at)


def blocks(market: LiveMarket, watcher: Watcher, count: int, interval: float) -> Iterator[float]:
    """Make a block per interval, give or take a random phase; yields the latency of each in ms."""
    due = time.monotonic()
    for _ in range(count):
        due += interval
        moment = due + interval * JITTER * random.uniform(-0.5, 0.5)
        time.sleep(max(0.0, moment - time.monotonic()))
        yield latency_ms(watcher, market.mine())


def reorg_ms(market: LiveMarket, watcher: Watcher, interval: float) -> float:
    """Let blocks settle, replace the newest five, and wait for the replacement."""
    for _ in blocks(market, watcher, REORG_DEPTH + 1, interval):
        pass
    time.sleep(interval * random.uniform(0.5, 1.0))
    return latency_ms(watcher, market.reorg(REORG_DEPTH))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below this share of them."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def measure(market: LiveMarket, watcher: Watcher, options: argparse.Namespace) -> dict[str, Any]:
    """All blocks, then all reorgs."""
    for _ in range(WARM_BLOCKS):
        warm = market.mine()
    watcher.seen(warm.hash, START_SECONDS)
    latencies = list(blocks(market, watcher, options.blocks, options.interval))
    reorgs = [reorg_ms(market, watcher, options.interval / 4) for _ in range(options.reorgs)]
    return {
        "medianMs": round(median(latencies), 1),
        "p95Ms": round(percentile(latencies, 0.95), 1),
        "reorgMs": round(max(reorgs), 1) if reorgs else None,
        "blocks": len(latencies),
        "maxMs": round(max(latencies), 1),
        "reorgs": [round(one, 1) for one in reorgs],
        "pollSeconds": options.poll,
        "eventsPerBlock": EVENTS_PER_BLOCK,
    }


def contest(options: argparse.Namespace) -> dict[str, Any]:
    """Start everything, measure, stop everything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        mongod = stack.enter_context(EmbeddedMongod(folder / "mongod"))
        rpc = stack.enter_context(DevRpc(stack.enter_context(DevChain()).url))
        market, port = LiveMarket(rpc), free_port()
        chosen = live_settings(market, mongod.uri, port, options.poll)
        stack.enter_context(running("run", chosen, folder))
        await_serving(stack.enter_context(running("serve", chosen, folder)), port)
        return measure(market, stack.enter_context(Watcher(port)), options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--blocks", type=int, default=60)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between blocks")
    parser.add_argument("--reorgs", type=int, default=3, help="reorgs of depth 5; the slowest is reported")
    parser.add_argument("--poll", type=float, default=0.1, help="POLL_INTERVAL_SECONDS of the indexer")
    figures = contest(parser.parse_args())
    print(f"block mined to visible: median {figures['medianMs']} ms, 95 % within {figures['p95Ms']} ms")
    print(f"reorg of depth {REORG_DEPTH} to visible: {figures['reorgs']} ms")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
