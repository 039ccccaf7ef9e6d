"""The embedded server: what is acknowledged stays, whoever dies; it dies with its owner."""

from __future__ import annotations

import os
import signal
import socketserver
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from store.connection import connect
from store.errors import MongodUnavailable
from store.mongod import EmbeddedMongod

ROOT = Path(__file__).parents[2]
OWNER = """
import sys, time
from pathlib import Path
from store.mongod import EmbeddedMongod
server = EmbeddedMongod(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedMongod]:
    embedded = EmbeddedMongod(tmp_path / "data")
    embedded.start()
    yield embedded
    embedded.kill()


def write(server: EmbeddedMongod, count: int) -> None:
    with connect(server.uri, "vault") as connection:
        for number in range(count):
            connection.database.things.insert_one({"_id": number})


def count(server: EmbeddedMongod) -> int:
    with connect(server.uri, "vault") as connection:
        return connection.database.things.count_documents({})


class Squatter(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


@contextmanager
def squatter(port: int) -> Iterator[None]:
    """Somebody else who serves something on that port."""
    with Squatter(("127.0.0.1", port), socketserver.BaseRequestHandler) as other:
        threading.Thread(target=other.serve_forever, args=(0.01,)).start()
        yield
        other.shutdown()


def await_end(pid: int) -> None:
    deadline = monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert monotonic() < deadline, f"{pid} is still there"
        sleep(0.02)


def test_the_server_is_a_replica_set_with_transactions(server: EmbeddedMongod) -> None:
    with connect(server.uri, "vault") as connection, connection.client.start_session() as session:
        session.with_transaction(
            lambda inside: connection.database.things.insert_one({"_id": 1}, session=inside)
        )

    assert server.owner
    assert count(server) == 1


def test_what_was_acknowledged_survives_kill_9(server: EmbeddedMongod) -> None:
    write(server, 50)

    server.kill()
    server.start()

    assert count(server) == 50


def test_a_restart_on_another_port_keeps_everything(server: EmbeddedMongod) -> None:
    write(server, 3)
    before = server.port
    assert before is not None
    server.stop()

    with squatter(before):
        server.start()

        assert server.port != before
        assert count(server) == 3


def test_a_second_program_joins_the_running_server(server: EmbeddedMongod) -> None:
    second = EmbeddedMongod(server.data_dir)

    second.start()
    second.stop()

    assert (second.uri, second.owner) == (server.uri, False)
    assert count(server) == 0


def test_stopping_ends_the_server_and_starting_again_is_possible(server: EmbeddedMongod) -> None:
    pid = server.pid
    assert pid is not None

    server.stop()
    server.stop()

    await_end(pid)
    assert server.start() == server.uri


def test_the_server_ends_when_its_owner_is_killed_and_the_next_takes_over(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        second = EmbeddedMongod(tmp_path)
        second.start()
        write(second, 5)
        owner.kill()

    await_end(pid)
    second.start()

    assert second.owner
    assert count(second) == 5
    second.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no death signal")
def test_the_server_ends_when_its_keeper_is_killed(server: EmbeddedMongod) -> None:
    pid = server.pid
    assert pid is not None

    os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)

    await_end(pid)


def test_an_interrupt_from_the_terminal_does_not_reach_the_server(server: EmbeddedMongod) -> None:
    assert server.pid is not None
    assert os.getpgid(server.pid) != os.getpgid(0)


def test_a_fresh_data_directory_is_small(server: EmbeddedMongod) -> None:
    files = [file for file in server.data_dir.rglob("*") if file.is_file()]

    assert sum(file.stat().st_size for file in files) < 80_000_000


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open",
            r"shared library is missing.*libcurl\.so\.4",
        ),
        ("No space left on device", "disk is full"),
        ("DBPathInUse: Unable to lock the lock file", "another mongod"),
        ("something new", "exit code 3: something new"),
    ],
)
def test_a_server_that_cannot_run_says_why_and_names_the_way_out(
    tmp_path: Path, words: str, meaning: str
) -> None:
    binary = tmp_path / "mongod"
    binary.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 3\n")
    binary.chmod(stat.S_IRWXU)

    with pytest.raises(MongodUnavailable, match=f"{meaning}.*MONGODB_URI"):
        EmbeddedMongod(tmp_path / "data", binary).start()


def test_a_binary_of_another_machine_is_told(tmp_path: Path) -> None:
    binary = tmp_path / "mongod"
    binary.write_bytes(b"\x00not a program")
    binary.chmod(stat.S_IRWXU)

    with pytest.raises(MongodUnavailable, match="Exec format error"):
        EmbeddedMongod(tmp_path / "data", binary).start()


def test_a_data_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(MongodUnavailable, match="Not a directory"):
        EmbeddedMongod(tmp_path / "file" / "data").start()
