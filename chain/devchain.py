"""A development chain of our own: one anvil process on a loopback port, gone when we are.

DevChainUnavailable   anvil is not installed, or would not start
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from chain.contracts import ROOT
from chain.transactions import DevRpc

START_SECONDS = 20.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.01
LISTENING = re.compile(rb"^Listening on [^\s:]+:(\d+)$", re.MULTILINE)
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

# Linux sends the signal when the thread that started the process ends, so start one from a thread that stays.
# Asking from inside the new process needs no code between fork and exec, where threads are unsafe.
DIE_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class DevChainUnavailable(RuntimeError):
    """There is no development chain to be had; the text says what to do."""


@dataclass(frozen=True, slots=True)
class DevChainOptions:
    """How the chain behaves. Without `block_time_seconds` and `no_mining` each transaction is a block."""

    chain_id: int = 31337
    block_time_seconds: int | None = None
    no_mining: bool = False
    timestamp: int | None = None
    """Of the genesis block, Unix seconds; None: now."""
    slots_in_an_epoch: int | None = None
    """`safe` trails the head by this many blocks, `finalized` by twice as many; None: anvil's own, 32."""
    gas_limit: int = 1_000_000_000
    """Per block; high, because a development transaction asks for far more gas than it uses."""
    accounts: int = 10
    port: int = 0
    """0: any free one."""
    extra: tuple[str, ...] = ()
    """More anvil arguments, as on its command line."""

    def arguments(self) -> Iterator[str]:
        """Say the same to anvil."""
        yield from ("--host", "127.0.0.1", "--port", str(self.port), "--order", "fifo")
        yield from ("--chain-id", str(self.chain_id), "--accounts", str(self.accounts))
        yield from ("--gas-limit", str(self.gas_limit))
        if self.block_time_seconds is not None:
            yield from ("--block-time", str(self.block_time_seconds))
        if self.no_mining:
            yield "--no-mining"
        if self.timestamp is not None:
            yield from ("--timestamp", str(self.timestamp))
        if self.slots_in_an_epoch is not None:
            yield from ("--slots-in-an-epoch", str(self.slots_in_an_epoch))
        yield from self.extra


class DevChain:
    """A running anvil: `with DevChain() as chain: DevRpc(chain.url)`."""

    def __init__(self, root: Path = ROOT, options: DevChainOptions | None = None) -> None:
        self.root = root
        self.options = options or DevChainOptions()
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the running anvil."""
        if self._process is None:
            raise DevChainUnavailable("the development chain is not running; start it first")
        return self._process.pid

    def start(self) -> Self:
        """Start anvil and return when it answers."""
        binary = find_anvil(self.root)
        self._folder = tempfile.TemporaryDirectory(prefix="dvault-devchain-")
        command = [str(binary), *self.options.arguments(), "--cache-path", self._folder.name]
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                _bound_to_us(command), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        try:
            self.url = f"http://127.0.0.1:{self._await_port()}"
            with DevRpc(self.url) as rpc:
                # Else it writes a line for every request; a silent start would not say its port.
                rpc.call("anvil_setLoggingEnabled", False)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Ask anvil to end, and see to it that it does; does nothing when it is not running."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._forget()

    def kill(self) -> None:
        """End anvil at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
        self._forget()

    @property
    def _log_path(self) -> Path:
        if self._folder is None:
            raise DevChainUnavailable("the development chain is not running; start it first")
        return Path(self._folder.name, "anvil.log")

    def _forget(self) -> None:
        if self._process is not None:
            self._process.wait()
        if self._folder is not None:
            self._folder.cleanup()
        self._process, self._folder = None, None

    def _await_port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if found := LISTENING.search(self._log_path.read_bytes()):
                return int(found[1])
            if self._process is None or self._process.poll() is not None:
                raise self._unavailable("it ended at once")
            time.sleep(POLL_SECONDS)
        raise self._unavailable(f"it did not listen within {START_SECONDS:.0f} s")

    def _unavailable(self, what: str) -> DevChainUnavailable:
        lines = self._log_path.read_text(errors="replace").strip().splitlines()
        said = [line for line in lines if "error" in line.lower()] or lines[-3:]
        return DevChainUnavailable(
            f"anvil did not start: {what}; it said: {' / '.join(said) or 'nothing'}. "
            "Check the options, or run `make setup` to install it again."
        )


def find_anvil(root: Path = ROOT) -> Path:
    """Return the anvil binary: the one npm installed under `root`, else the one on PATH."""
    system = {"Windows": "win32"}.get(platform.system(), platform.system().lower())
    machine = ARCHITECTURES.get(platform.machine().lower(), platform.machine())
    name = "anvil.exe" if system == "win32" else "anvil"
    installed = root / "node_modules" / "@foundry-rs" / f"anvil-{system}-{machine}" / "bin" / name
    if installed.is_file():
        return installed
    if on_path := shutil.which("anvil"):
        return Path(on_path)
    raise DevChainUnavailable(f"no anvil: neither {installed} nor on PATH. Run `make setup` to install it.")


def _bound_to_us(command: list[str]) -> list[str]:
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, str(os.getpid()), *command]
