"""What every test may ask for: one embedded MongoDB for the whole run, a fresh database for each test."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from store.connection import Connection, Document, connect
from store.mongod import EmbeddedMongod


class SharedMongod:
    """One server for all workers of a run: the worker that started it leaves last."""

    def __init__(self, run: str) -> None:
        self.data_dir = Path(tempfile.gettempdir(), f"dvault-tests-{os.getuid()}-{run}")
        self.server = EmbeddedMongod(self.data_dir)
        self.users: int | None = None

    def start(self) -> str:
        self.data_dir.mkdir(exist_ok=True)
        self.users = os.open(self.data_dir / "users.lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(self.users, fcntl.LOCK_SH)
        return self.server.start()

    def leave(self) -> None:
        if self.users is None:
            return
        if self.server.owner:
            fcntl.flock(self.users, fcntl.LOCK_EX)
            self.server.kill()
            shutil.rmtree(self.data_dir)
        os.close(self.users)


SHARED = pytest.StashKey[SharedMongod]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SHARED] = SharedMongod(os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex)


def pytest_sessionfinish(session: pytest.Session) -> None:
    # Not the end of a fixture: waiting for the other workers must not count as the last test's time.
    session.config.stash[SHARED].leave()


@pytest.fixture(scope="session")
def mongo_uri(pytestconfig: pytest.Config) -> str:
    """Connection string of a real replica set, shared by the run: use a database name of your own."""
    return pytestconfig.stash[SHARED].start()


@pytest.fixture(scope="session")
def shared_connection(mongo_uri: str) -> Iterator[Connection]:
    """The client behind `connection`; opening one for each test would cost more than most tests."""
    with connect(mongo_uri, "shared") as connection:
        yield connection


@pytest.fixture
def connection(shared_connection: Connection) -> Iterator[Connection]:
    """A checked connection to a database of this test alone, dropped afterwards. Do not close it."""
    database = shared_connection.client[f"test_{uuid.uuid4().hex[:16]}"]
    fresh = Connection(shared_connection.client, database, shared_connection.uri)
    yield fresh
    # Nobody reads it again, so nobody waits for the journal (0.1 s).
    fresh.database.with_options(write_concern=WriteConcern(w=1, j=False)).command("dropDatabase")


@pytest.fixture
def database(connection: Connection) -> Database[Document]:
    """A fresh database of this test alone."""
    return connection.database
