"""A database twice: the fake one, and a real replica set."""

from __future__ import annotations

from typing import Any

import pytest

from store.connection import Connection
from tests.simulation.clock import VirtualClock
from tests.simulation.fake_mongo.driver import FakeClient
from tests.simulation.fake_mongo.server import Server


@pytest.fixture(params=["fake", "real"])
def database(request: pytest.FixtureRequest) -> Any:
    """Whatever holds for one must hold for the other. The real one is started only where it is asked for."""
    if request.param == "real":
        connection: Connection = request.getfixturevalue("connection")
        return connection.database
    clock = VirtualClock()
    return FakeClient(Server(clock.monotonic, clock.pass_by))["test"]
