"""How fast are the endpoints, against the least that could answer the same?

    python -m bench.read [--seconds 4] [--rounds 3] [--connections 32] [--quick] [--access-log on]
    python -m bench.read --assets 1000000 [--uri mongodb://… --database big]

Chain A is indexed, then the head rises by a block of twenty events a second while `wrk` reads: from
`dvault serve` and from `bench.minimal_api`, both under granian with two workers, one after the other in
every round. With --assets the database is one of bench.seed instead (or, with --uri, one that is there),
and a block of twenty prices is committed to it every second. "Cold" is with the cache off; p99 is taken at
half of our peak, evenly paced. The last line is JSON, medians of the rounds, our rate over theirs:
{"listRatio", "byIdRatio", "coldListRatio", "notModifiedRatio", "p99Ms", …}.
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
from bench.seed import arriving, fill
from store.connection import connect
from store.mongod import EmbeddedMongod

WORKERS = 2
LIST, ASSET = "/api/assets?limit=20", "/api/assets/7"
START_SECONDS = 120.0
UNREACHED = "9999999/second"
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


def load(url: str, options: argparse.Namespace, script: str = "") -> Load:
    """Let wrk read for some seconds; `script` says how a client behaves that does more than ask."""
    command = [_wrk(), "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--latency"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        if script:
            file.write(script)
            file.flush()
            command += ["-s", file.name]
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


def paced(per_second: float, connections: int) -> str:
    """Clients that together ask about so often, each after a pause that is never the same."""
    longest = max(1, round(2000 * connections / per_second))
    return f"delay = function() return math.random(0, {longest}) end"


def _wrk() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise NoWrk
    return found


def served_settings(chosen: Mapping[str, str], **more: str) -> dict[str, str]:
    """Both of our servers, with a limit that one client who plays thousands does not reach."""
    return {
        **chosen,
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "API_WORKERS": str(WORKERS),
        "RATE_LIMIT_READ": UNREACHED,
        "SECRET_KEY": "a key of a bench that is long enough",
        **more,
    }


def played(urls: Mapping[str, str], options: argparse.Namespace) -> dict[str, float]:
    """One round: the ratios, and our p99 at half of our peak."""
    rates = {
        "list": load(urls["ours"] + LIST, options),
        "minimal list": load(urls["minimal"] + LIST, options),
        "cold list": load(urls["cold"] + LIST, options),
        "not modified": load(urls["ours"] + LIST, options, REMEMBERING),
        "asset": load(urls["ours"] + ASSET, options),
        "minimal asset": load(urls["minimal"] + ASSET, options),
    }
    half = paced(rates["list"].per_second / 2, options.connections)
    rates["half"] = load(urls["ours"] + LIST, options, half)
    for name, one in rates.items():
        print(f"  {name:<16}{one.per_second:>10,.0f} req/s   p99 {one.p99_ms:.1f} ms", flush=True)
    base = rates["minimal list"].per_second
    return {
        "listRatio": rates["list"].per_second / base,
        "byIdRatio": rates["asset"].per_second / rates["minimal asset"].per_second,
        "coldListRatio": rates["cold list"].per_second / base,
        "notModifiedRatio": rates["not modified"].per_second / base,
        "p99Ms": rates["half"].p99_ms,
        "listPerSecond": rates["list"].per_second,
    }


@contextmanager
def indexed_chain(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, str]]:
    """The settings of a chain that is being followed."""
    chosen_chain = chain("quick" if options.quick else "A")
    with ExitStack() as stack:
        mongod = stack.enter_context(EmbeddedMongod(folder / "mongod"))
        rpc = stack.enter_context(replay_server(chosen_chain.path, blocks_behind=RISING_BLOCKS))
        chosen = backfill_settings(chosen_chain, rpc, mongod.uri, "read")
        (folder / "run").mkdir()
        stack.enter_context(running("run", dict(chosen), folder / "run"))
        yield chosen


@contextmanager
def seeded(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, str]]:
    """The settings of a database of any size, into which blocks come."""
    with ExitStack() as stack:
        uri = options.uri
        if uri is None:
            uri = stack.enter_context(EmbeddedMongod(folder / "mongod")).uri
            seconds = fill(uri, options.database, options.assets, 2 * options.assets)
            print(f"{options.assets:,} assets and twice as many deeds in {seconds:.0f} s", flush=True)
        connection = stack.enter_context(connect(uri, options.database, timeout_seconds=30))
        stack.enter_context(arriving(connection))
        yield {"NETWORK": "local", "MONGODB_URI": uri, "MONGODB_DATABASE": options.database}


def contest(options: argparse.Namespace) -> dict[str, Any]:
    """Start everything, play all rounds, stop everything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        source = seeded if options.assets or options.uri else indexed_chain
        chosen = stack.enter_context(source(options, folder))
        logged = {"ACCESS_LOG": options.access_log}
        ours, cold = (
            served_settings(chosen, **logged),
            served_settings(chosen, RESPONSE_CACHE="off", **logged),
        )
        for told in (ours, cold):
            own = folder / f"serve{told['PORT']}"
            own.mkdir()
            stack.enter_context(running("serve", dict(told), own))
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
    medians = {name: round(median(one[name] for one in rounds), 2) for name in rounds[0]}
    return medians | {"rounds": len(rounds), "accessLog": options.access_log}


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
    parser.add_argument("--access-log", choices=["on", "off"], default="on")
    parser.add_argument("--assets", type=int, default=0, help="a seeded database of that many")
    parser.add_argument("--uri", help="with --database: a seeded database that is there already")
    parser.add_argument("--database", default="big")
    parser.add_argument("--quick", action="store_true", help="the small chain: does it work?")
    print(json.dumps(contest(parser.parse_args())))


if __name__ == "__main__":
    main()
