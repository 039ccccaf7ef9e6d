"""`dvault` as real processes, and the market they follow."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import psutil

from chain.devchain import DevChain, DevChainOptions
from chain.node import Node
from chain.transactions import DevRpc
from dvault.commands.watching import report_of
from store.connection import Connection
from tests.integration.indexing import Indexing, assert_same
from tests.integration.market_play import ETHER, MarketPlay

APPLIED = re.compile(r"block applied block=(\d+) hash=(0x[0-9a-f]{64})")
ROOT = Path(__file__).parents[2]
SECONDS = 40.0
"""Long enough for a busy machine; no test waits for it to pass."""


def wait_for(what: str, condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """The first true answer; an AssertionError that says what was waited for if there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"in {seconds:g} s there was no {what}"
        time.sleep(0.02)
    return found


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its answer, which must be one line of stdout."""
        assert self.out.count("\n") == 1, self
        return json.loads(self.out)


class Process(Protocol):
    """A child of ours, as `subprocess` has them."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...
    def send_signal(self, number: int, /) -> None: ...


class Running:
    """A command that stays."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process, self._log = process, log

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def said(self) -> str:
        return self._log.read_text()

    def waited(self, what: str, condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """What `wait_for` gives, while this process lives."""

        def alive() -> Any:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.said}"
            return condition()

        try:
            return wait_for(what, alive, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it said: {self.said[-3000:]}") from None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 15.0) -> int:
        """Send a signal; returns the exit code."""
        self.send(number)
        return self.ended(seconds)

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def ended(self, seconds: float = SECONDS) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s: {self.said[-3000:]}") from None


@dataclass
class Dvault:
    """Our command line with one configuration."""

    folder: Path
    environ: Mapping[str, str]
    started: list[Running] = field(default_factory=list)

    def with_settings(self, **settings: str | None) -> Self:
        """The same with other settings; None takes one away."""
        mixed = {**self.environ, **settings}
        kept = {name: value for name, value in mixed.items() if value is not None}
        return type(self)(self.folder, kept, self.started)

    def finish(self, *command: str, seconds: float = SECONDS, stdin: str = "") -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            self._line(command), cwd=self.folder, env=dict(self.environ), input=stdin,
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *command: str) -> Running:
        """Start a command; what it says goes to a file of its own."""
        log = self.log_of(command)
        with log.open("w") as out:
            process = subprocess.Popen(
                self._line(command), cwd=self.folder, env=dict(self.environ), text=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.started.append(Running(process, log))
        return self.started[-1]

    def log_of(self, command: tuple[str, ...]) -> Path:
        """Where the next one that is started writes."""
        return self.folder / f"{len(self.started)}-{command[0]}.log"

    def stop_all(self) -> None:
        """Whatever a test left running has ended afterwards, children included."""
        for running in self.started:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.process.wait()

    @staticmethod
    def _line(command: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "dvault", *command]


@dataclass(frozen=True, slots=True)
class Market:
    """A chain with a market on it, a database, and our commands for both."""

    chain: DevChain
    rpc: DevRpc
    play: MarketPlay
    connection: Connection
    dvault: Dvault
    confirmations: int

    # --- the chain ---

    def head(self) -> dict[str, Any]:
        block = self.rpc.call("eth_getBlockByNumber", "latest", False)
        return {"number": int(block["number"], 16), "hash": block["hash"]}

    def mine(self, blocks: int) -> None:
        self.rpc.call("anvil_mine", hex(blocks))

    def stay_within_an_hour(self) -> None:
        """The next 3,600 blocks are of the same hour."""
        hours = int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16) // 3600
        self.rpc.call("evm_setNextBlockTimestamp", (hours + 1) * 3600)
        self.rpc.call("anvil_setBlockTimestampInterval", 1)
        self.mine(1)

    def trade(self, rounds: int) -> None:
        """Five blocks a round: a token is minted, priced, offered and bought."""
        play = self.play
        for _ in range(rounds):
            token = play.mint_token(play.alice)
            play.set_price(token, 11 * ETHER)
            play.approve_and_list(play.alice, token, 2 * ETHER)
            play.buy(play.bob, token)

    def history(self, rounds: int) -> None:
        """Minted and priced tokens, two blocks a round, sent without waiting."""
        for number in range(rounds):
            with self.play.one_block():
                self.play.mint(self.play.alice, ETHER + number)
                self.play.approve_all(self.play.alice, number % 2 == 0)
                if number:
                    self.play.set_price(number, 2 * ETHER + number)

    def reorg(self, depth: int, *transactions: tuple[dict[str, Any], int]) -> None:
        """Replace the newest blocks by empty ones, or by these (request, block) counted from 0."""
        self.rpc.call("anvil_reorg", depth, [list(each) for each in transactions])

    # --- the index ---

    def report(self) -> dict[str, Any]:
        """What `dvault status --json` would say, without starting a process."""
        return report_of(self.connection, 31337)

    def tip(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.report()["tip"]
        return found

    def tip_number(self) -> int:
        tip = self.tip()
        return tip["number"] if tip else -1

    def is_current(self) -> bool:
        """The tip is at the head, and what is due is final: that comes in a commit of its own."""
        report, head = self.report(), self.head()
        due, final = head["number"] - self.confirmations, report["finalized"]
        is_settled = due < 0 or (final is not None and final["number"] >= due)
        return report["state"] == "live" and report["tip"] == head and is_settled

    def await_current(self, running: Running) -> None:
        """The process is at work, and the tip is at the head."""
        running.waited("the lease in its hands", lambda: self.is_held_by(running))
        running.waited(f"tip at the head {self.head()}", self.is_current)

    def is_held_by(self, running: Running) -> bool:
        lease = self.connection.database["checkpoints"].find_one({"_id": "lease"})
        process = psutil.Process(running.pid)
        ours = [process, *process.children(recursive=True)]
        return lease is not None and any(lease["holder"].endswith(f":{each.pid}") for each in ours)

    def assert_true(self) -> None:
        """`verify` and `rebuild --check` agree with what is kept."""
        verified = self.dvault.finish("verify", "--json")
        rebuilt = self.dvault.finish("rebuild", "--check", "--json")

        assert (verified.code, verified.json["differences"]) == (0, []), verified
        assert verified.json["block"]["hash"] == self.report()["tip"]["hash"]
        assert rebuilt.code == 0, rebuilt
        assert rebuilt.json["digest"] == self.report()["digest"]

    def assert_like_fresh(self) -> None:
        """Nothing is doubled and nothing is missing: every document is what an index from scratch has."""
        database = self.connection.client[f"{self.connection.database.name}_fresh"]
        with Node([self.chain.url]) as node:
            fresh = Indexing(
                self.play,
                Connection(self.connection.client, database),
                node,
                self.confirmations,
                start_block=0,
            )
            fresh.catch_up()
            fresh.assert_true()
            ours = {
                (name, document["_id"]): document
                for name in ("assets", "transactions", "priceHistory", "operatorApprovals", "market",
                             "chainEvents", "quarantine", "blocks")
                for document in self.connection.database[name].find()
            }  # fmt: skip
            try:
                assert_same(ours, fresh.documents())
                assert self.report()["events"] == fresh.checkpoint()["events"]
            finally:
                self.connection.client.drop_database(database)


def applied_by(running: Running) -> list[tuple[int, str]]:
    """Number and hash of every block that an indexer said it had committed."""
    return [(int(number), block_hash) for number, block_hash in APPLIED.findall(running.said)]


def settings_of(chain_url: str, mongodb_uri: str, database: str, folder: Path) -> dict[str, str]:
    """An environment with these settings, and nothing else that is ours."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **inherited,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NETWORK": "local",
        "RPC_URLS": chain_url,
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": database,
        "DATA_DIR": str(folder / "data"),
        "POLL_INTERVAL_SECONDS": "0.05",
        "LEASE_SECONDS": "1.5",
    }


@contextmanager
def market(
    connection: Connection, uri: str, folder: Path, confirmations: int = 64, **settings: str
) -> Iterator[Market]:
    """A market of its own, its blocks seven seconds apart."""
    # Without a large number of states in memory, anvil has none to go back to in a reorg after some 900 blocks.
    options = DevChainOptions(extra=("--prune-history", "20000"))
    with DevChain(options=options) as chain, DevRpc(chain.url) as rpc:
        rpc.call("anvil_setBlockTimestampInterval", 7)
        play = MarketPlay(rpc)
        environ = {
            **settings_of(chain.url, uri, connection.database.name, folder),
            "FINALITY": str(confirmations),
            "RWA_ASSET_ADDRESS": play.deployed.asset,
            "PRICING_AGENT_ADDRESS": play.deployed.agent,
            "MARKETPLACE_ADDRESS": play.deployed.marketplace,
            **settings,
        }
        dvault = Dvault(folder, environ)
        try:
            yield Market(chain, rpc, play, connection, dvault, confirmations)
        finally:
            dvault.stop_all()
