"""A replica set of three members on loopback, whose primary can be killed or sent away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from dvault.demo.command import free_port
from store import lifeline
from store.mongod import command_line, find_mongod
from store.replica_set import REPLICA_SET, direct_client
from tests.e2e.running import wait_for

SECONDS = 60.0
QUICK: dict[str, int] = {
    "electionTimeoutMillis": 1000,
    "heartbeatIntervalMillis": 300,
    "heartbeatTimeoutSecs": 2,
    "catchUpTimeoutMillis": 2000,
}
STEPPED_DOWN_SECONDS = 5
PRIMARY, SECONDARY = 1, 2


class Member:
    """One server; its keeper ends it when we end."""

    def __init__(self, folder: Path) -> None:
        (folder / "db").mkdir(parents=True)
        self._folder = folder
        self.port = free_port(0)
        self._keeper: subprocess.Popen[bytes] | None = None
        self._pid = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def asked(self) -> Iterator[MongoClient[dict[str, Any]]]:
        """A client of this member alone."""
        with direct_client(self.port) as client:
            yield client

    def start(self) -> None:
        command = command_line(find_mongod(), self.port, self._folder)
        command[command.index("--wiredTigerCacheSizeGB") + 1] = "0.25"
        with (self._folder / "out").open("wb") as out:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", lifeline.__file__, *command],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, start_new_session=True,
            )  # fmt: skip
        assert self._keeper.stdout is not None
        self._pid = int(self._keeper.stdout.readline())

    def kill(self) -> None:
        """As a power cut would."""
        keeper, self._keeper = self._keeper, None
        if keeper is None or keeper.stdin is None or keeper.stdout is None:
            return
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        keeper.wait()
        keeper.stdin.close()
        keeper.stdout.close()


class ReplicaSet:
    """Three members, one of them primary."""

    def __init__(self, folder: Path) -> None:
        self._members = [Member(folder / f"member-{number}") for number in range(3)]

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(member.address for member in self._members)}/?replicaSet={REPLICA_SET}"

    def start(self) -> None:
        for member in self._members:
            member.start()
        hosts = [{"_id": number, "host": member.address} for number, member in enumerate(self._members)]
        config = {"_id": REPLICA_SET, "members": hosts, "settings": QUICK}
        wait_for("initiated set", lambda: self._initiated(config), SECONDS)
        self.await_whole()

    def stop(self) -> None:
        for member in self._members:
            member.kill()

    def primary(self) -> Member:
        """Whoever takes writes at present."""
        found: Member = wait_for("primary", lambda: next(filter(_is_primary, self._members), None), SECONDS)
        return found

    def kill_primary(self) -> Member:
        """End the primary as a power cut would; it is returned, to be started again."""
        member = self.primary()
        member.kill()
        return member

    def send_primary_away(self) -> Member:
        """Have the primary step down; returns who it was."""
        member = self.primary()
        with member.asked() as client, suppress(PyMongoError):
            client.admin.command("replSetStepDown", STEPPED_DOWN_SECONDS, secondaryCatchUpPeriodSecs=3)
        return member

    def await_whole(self) -> None:
        """One primary, and two that keep up with it."""
        wait_for("whole replica set", self._is_whole, SECONDS)

    def _initiated(self, config: dict[str, Any]) -> bool:
        try:
            with self._members[0].asked() as client:
                client.admin.command("replSetInitiate", config)
        except OperationFailure as error:
            return error.code == 23  # AlreadyInitialized
        except PyMongoError:
            return False
        return True

    def _is_whole(self) -> bool:
        member = next(filter(_is_primary, self._members), None)
        if member is None:
            return False
        try:
            with member.asked() as client:
                states = [each["state"] for each in client.admin.command("replSetGetStatus")["members"]]
        except PyMongoError:
            return False
        return sorted(states) == [PRIMARY, SECONDARY, SECONDARY]


def _is_primary(member: Member) -> bool:
    try:
        with member.asked() as client:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False


@contextmanager
def replica_set(folder: Path) -> Iterator[ReplicaSet]:
    """Running, and gone afterwards."""
    with ExitStack() as stack:
        started = ReplicaSet(folder)
        stack.callback(started.stop)
        started.start()
        yield started
