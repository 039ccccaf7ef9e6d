"""An application over a database of the test's own."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from api import Whereabouts, make_app
from store.connection import Connection
from store.reading import Reading
from store.schema import ensure_collections
from store.validators import VALIDATORS


def load_builders() -> ModuleType:
    """Tests import `builders` by that name, wherever they are collected from."""
    spec = importlib.util.spec_from_file_location("builders", Path(__file__).with_name("builders.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["builders"] = module
    spec.loader.exec_module(module)
    return module


builders = load_builders()

from tests.api.large import Watched, lived_market, told_market  # noqa: E402 - needs the builders


class TickingClock:
    """Stands still until somebody sleeps; `on_sleep` lets the world change meanwhile."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.wall: datetime = builders.at(100) + timedelta(seconds=30)
        self.on_sleep: Any = lambda: None

    def now(self) -> datetime:
        return self.wall + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.on_sleep()


class Node:
    """A node that knows the transactions it was told of; `branch` has the hashes of their blocks."""

    def __init__(self) -> None:
        self.known: dict[str, int | None] = {}
        self.branch: dict[int, str] = {}
        self.asked = 0

    def find(self, transaction_hash: str) -> Whereabouts:
        self.asked += 1
        number = self.known.get(transaction_hash)
        return Whereabouts(transaction_hash in self.known, number, self.branch.get(number or -1))


@pytest.fixture(scope="session")
def emptied(shared_connection: Connection) -> Iterator[Connection]:
    """A database of this process, emptied for each test: making collections anew takes a quarter of a second."""
    name = f"test_api_{os.getpid()}"
    connection = Connection(shared_connection.client, shared_connection.client[name])
    ensure_collections(connection.database)
    yield connection
    connection.client.drop_database(name)


@pytest.fixture
def connection(emptied: Connection) -> Connection:
    """As everywhere, but with collections and, after the tests that want them, with indexes."""
    for name in VALIDATORS:
        # Some documents are written for speed: the majority may not have them yet.
        collection = emptied.database[name].with_options(read_concern=ReadConcern("local"))
        if collection.find_one({}, {"_id": 1}):
            collection.delete_many({})
    return emptied


@pytest.fixture
def seed(database: Database[Any]) -> Any:
    return builders.Seed(database)


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def app(database: Database[Any], clock: TickingClock, node: Node) -> Flask:
    return make_app(
        Reading(database),
        secret_key="a test",
        auth=builders.auth(database),
        pending=node,
        clock=clock,
        history=builders.history(),
    )


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


@pytest.fixture(scope="module")
def large(shared_connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """For those who only ask."""
    with told_market(shared_connection, tmp_path_factory.mktemp("large")) as market:
        yield market


@pytest.fixture(scope="module")
def lived(shared_connection: Connection) -> Iterator[Watched]:
    """For those who ask what is final, or how it was."""
    with lived_market(shared_connection) as market:
        yield market
