"""Two databases for the whole module, emptied rather than made anew: that is most of what an example costs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from store.connection import Connection
from tests.property.indexed import empty, prepare


@pytest.fixture(scope="module")
def databases(shared_connection: Connection) -> Iterator[tuple[Connection, Connection]]:
    client = shared_connection.client
    pair = [Connection(client, client[f"test_{uuid.uuid4().hex[:16]}"]) for _ in range(2)]
    for each in pair:
        prepare(each)
    yield pair[0], pair[1]
    for each in pair:
        client.drop_database(each.database.name)


@pytest.fixture
def home(databases: tuple[Connection, Connection]) -> Connection:
    """An empty database."""
    empty(databases[0])
    return databases[0]


@pytest.fixture
def other(databases: tuple[Connection, Connection]) -> Connection:
    """Another one."""
    empty(databases[1])
    return databases[1]
