"""How fast are the endpoints, against the least that could answer the same?

    python -m bench.read [--seconds 4] [--rounds 3] [--connections 32] [--quick]

Chain A is indexed, then the head rises by a block of twenty events a second while `wrk` reads: from
`dvault serve` and from `bench.minimal_api`, both under granian with two workers, one after the other in
every round. "Cold" is with the cache off, p99 is taken at half of our peak. The last line is JSON, medians of
the rounds, our rate over theirs: {"listRatio", "byIdRatio", "coldListRatio", "notModifiedRatio", "p99Ms", …}.
Needs wrk on PATH (Debian and Ubuntu: apt-get install wrk).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.chains import chain
from bench.head import free_port, running
from bench.ours import backfill_settings, settings
from bench.replay import replay_server
from store.mongod import EmbeddedMongod

WORKERS = 2
LIST, ASSET = "/api/assets?limit=20", "/api/assets/7"
START_SECONDS = 120.0
RISING_BLOCKS = 400
"""Blocks that come while we measure."""


class NoWrk(RuntimeError):
    """The load generator is missing."""

    def __init__(self) -> None:
        super().__init__("bench.read needs wrk on PATH (Debian and Ubuntu: apt-get install wrk)")


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw."""

    per_second: float
    p99_ms: float


@contextmanager
def minimal(chosen: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The yardstick as a server of its own; yields its URL."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--port", str(port)]
    command += ["--workers", str(WORKERS), "--no-ws", "bench.minimal_api:make"]
    with (folder / "minimal.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=settings(chosen))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def answered(url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Headers of the answer, once there is one with status 200 and rows."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers or {}))) as answer:
                if b"tokenId" in answer.read():
                    return dict(answer.headers)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def load(url: str, options: argparse.Namespace, *, connections: int = 0, etag: bool = False) -> Load:
    """Let wrk read for some seconds; with `etag`, by a client that has the present answer already."""
    command = [_wrk(), "-t1", f"-c{connections or options.connections}", f"-d{options.seconds}s", "--latency"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if etag:
            script.write(REMEMBERING)
            script.flush()
            command += ["-s", script.name]
        told = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told:
        raise RuntimeError(f"{url} answered with errors:\n{told}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", told)
    assert rate, told
    assert slow, told
    return Load(float(rate[1]), float(slow[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[slow[2]])


REMEMBERING = """
local tag = nil
request = function()
  return wrk.format("GET", nil, tag and {["If-None-Match"] = tag} or {})
end
response = function(status, headers, body)
  tag = headers["ETag"] or headers["etag"] or tag
end
"""
"""A client that asks again with the ETag of the last answer."""


def _wrk() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise NoWrk
    return found


def served_settings(chosen: Mapping[str, str], **more: str) -> dict[str, str]:
    """Both of our servers, with limits out of the way: one client plays thousands."""
    return {
        **chosen,
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "API_WORKERS": str(WORKERS),
        "RATE_LIMIT_READ": "off",
        **more,
    }


def played(urls: Mapping[str, str], options: argparse.Namespace) -> dict[str, float]:
    """One round: the ratios, and our p99 at half of our peak."""
    rates = {
        "list": load(urls["ours"] + LIST, options),
        "minimal list": load(urls["minimal"] + LIST, options),
        "asset": load(urls["ours"] + ASSET, options),
        "minimal asset": load(urls["minimal"] + ASSET, options),
        "cold list": load(urls["cold"] + LIST, options),
        "not modified": load(urls["ours"] + LIST, options, etag=True),
        "half": load(urls["ours"] + LIST, options, connections=max(1, options.connections // 8)),
    }
    for name, one in rates.items():
        print(f"  {name:<16}{one.per_second:>10,.0f} req/s   p99 {one.p99_ms:.1f} ms", flush=True)
    base = rates["minimal list"].per_second
    return {
        "listRatio": rates["list"].per_second / base,
        "byIdRatio": rates["asset"].per_second / rates["minimal asset"].per_second,
        "coldListRatio": rates["cold list"].per_second / base,
        "notModifiedRatio": rates["not modified"].per_second / base,
        "p99Ms": rates["half"].p99_ms,
    }


def contest(options: argparse.Namespace) -> dict[str, Any]:
    """Start everything, play all rounds, stop everything."""
    chosen_chain = chain("quick" if options.quick else "A")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        mongod = stack.enter_context(EmbeddedMongod(folder / "mongod"))
        rpc = stack.enter_context(replay_server(chosen_chain.path, blocks_behind=RISING_BLOCKS))
        chosen = backfill_settings(chosen_chain, rpc, mongod.uri, "read")
        ours, cold = served_settings(chosen), served_settings(chosen, RESPONSE_CACHE="off")
        for name, told in (("run", chosen), ("serve", ours), ("serve", cold)):
            own = folder / f"{name}{told.get('PORT', '')}"
            own.mkdir()
            stack.enter_context(running(name, dict(told), own))
        urls = {
            "ours": f"http://127.0.0.1:{ours['PORT']}",
            "cold": f"http://127.0.0.1:{cold['PORT']}",
            "minimal": stack.enter_context(minimal(chosen, folder)),
        }
        for url in urls.values():
            answered(url + LIST)
            answered(url + ASSET)
        _await_live(urls["ours"])
        rounds = [played(urls, options) for _ in range(options.rounds)]
    return {name: round(median(one[name] for one in rounds), 2) for name in rounds[0]} | {
        "rounds": len(rounds)
    }


def _await_live(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(url + "/api/status") as answer:
            if json.loads(answer.read())["state"] == "live":
                return
        time.sleep(0.2)
    raise TimeoutError(f"the indexer did not reach the head within {START_SECONDS:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--quick", action="store_true", help="the small chain: does it work?")
    print(json.dumps(contest(parser.parse_args())))


if __name__ == "__main__":
    main()
