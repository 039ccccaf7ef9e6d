"""A server that several modules ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from store.connection import Connection
from tests.e2e.racing import Server, two_workers


@pytest.fixture(scope="session")
def server(
    mongo_uri: str, shared_connection: Connection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with two_workers(mongo_uri, shared_connection, tmp_path_factory.mktemp("races")) as server:
        yield server
