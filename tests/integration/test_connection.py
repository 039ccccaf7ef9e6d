"""Connecting: what is set, and what is refused with which words."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bson import ObjectId
from pymongo import MongoClient

from store.connection import Connection, Document, connect
from store.errors import AccessRefused, MalformedUri, NotAReplicaSet, StoreUnreachable
from store.mongod import find_mongod


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_times_come_back_as_aware_utc(connection: Connection) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    connection.database.things.insert_one({"_id": ObjectId(), "at": moment})

    assert connection.database.things.find_one({}) is not None
    assert connection.database.things.find_one({})["at"] == moment  # type: ignore[index]
    assert connection.database.things.find_one({})["at"].tzinfo is not None  # type: ignore[index]


def test_writes_wait_for_the_journals_of_a_majority(connection: Connection) -> None:
    concern = connection.database.write_concern.document

    assert concern["w"] == "majority"
    assert concern["j"] is True
    assert connection.database.read_concern.level == "majority"


def test_a_snapshot_does_not_see_what_is_written_after_its_first_read(connection: Connection) -> None:
    things = connection.database.things
    things.insert_one({"_id": 1})

    with connection.snapshot() as session:
        before = things.count_documents({}, session=session)
        things.insert_one({"_id": 2})
        again = things.count_documents({}, session=session)

    assert (before, again, things.count_documents({})) == (1, 1, 2)


def test_nobody_at_the_address_is_told_without_the_password(closed_port: int) -> None:
    uri = f"mongodb://ann:s3cret@127.0.0.1:{closed_port}/?replicaSet=dvault"

    with pytest.raises(StoreUnreachable) as refusal:
        connect(uri, "vault", timeout_seconds=0.2)

    assert "s3cret" not in str(refusal.value)
    assert "ann:***@127.0.0.1" in str(refusal.value)
    assert "Connection refused" in str(refusal.value)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "localhost",
        "http://localhost",
        "mongodb://",
        "mongodb://a:b@c@localhost",
        "mongodb://localhost:99999",
        "mongodb://localhost:0x",
        "mongodb://localhost/?w=x&journal=maybe",
    ],
)
def test_a_malformed_uri_is_named_as_such(uri: str) -> None:
    with pytest.raises(MalformedUri):
        connect(uri, "vault", timeout_seconds=0.2)


def test_an_impossible_database_name_is_refused(mongo_uri: str) -> None:
    with pytest.raises(MalformedUri):
        connect(mongo_uri, "no spaces allowed", timeout_seconds=1)


def test_a_wrong_set_name_is_told_with_the_right_one(mongo_uri: str) -> None:
    with pytest.raises(StoreUnreachable, match="called 'dvault', not 'other'"):
        connect(mongo_uri.replace("replicaSet=dvault", "replicaSet=other"), "vault", timeout_seconds=0.3)


def test_a_user_the_server_does_not_know_is_refused(mongo_uri: str) -> None:
    with pytest.raises(AccessRefused) as refusal:
        connect(mongo_uri.replace("//", "//ann:s3cret@"), "vault", timeout_seconds=2)

    assert "s3cret" not in str(refusal.value)


@contextmanager
def bare_mongod(home: Path, *arguments: str) -> Iterator[int]:
    """A server that somebody else started, in his own way; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    place = ["--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(home), "--nounixsocket"]
    command = [str(find_mongod()), *place, "--wiredTigerCacheSizeGB", "0.25", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            with MongoClient[Document](
                "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=10_000
            ) as client:
                client.admin.command("ping")
            yield port
        finally:
            server.kill()


@pytest.mark.parametrize("query", ["", "?replicaSet=dvault", "?directConnection=true"])
def test_a_standalone_server_is_refused_with_the_way_to_convert_it(standalone: int, query: str) -> None:
    with pytest.raises(NotAReplicaSet, match=r"is a standalone server.*rs\.initiate"):
        connect(f"mongodb://127.0.0.1:{standalone}/{query}", "vault", timeout_seconds=0.5)


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with bare_mongod(tmp_path_factory.mktemp("standalone")) as port:
        yield port


def test_a_set_never_initiated_is_refused(tmp_path: Path) -> None:
    with (
        bare_mongod(tmp_path, "--replSet", "dvault") as port,
        pytest.raises(NotAReplicaSet, match="nobody has initiated"),
    ):
        connect(f"mongodb://127.0.0.1:{port}/?replicaSet=dvault", "vault", timeout_seconds=0.5)


def test_a_stranger_is_refused_where_users_must_log_in(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("a" * 32)
    key.chmod(0o400)

    with bare_mongod(tmp_path, "--replSet", "dvault", "--keyFile", str(key)) as port:
        initiate(port)
        with pytest.raises(AccessRefused):
            connect(f"mongodb://127.0.0.1:{port}/?replicaSet=dvault", "vault", timeout_seconds=10)


def initiate(port: int) -> None:
    config = {"_id": "dvault", "members": [{"_id": 0, "host": f"127.0.0.1:{port}"}]}
    with MongoClient[Document]("127.0.0.1", port, directConnection=True) as client:
        client.admin.command("replSetInitiate", config)
