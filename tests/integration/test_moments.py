"""The newest moment: never one before another, and named by the program that answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId, Timestamp
from pymongo import MongoClient

from store import moments
from store.connection import Connection
from store.reading import Reading
from tests.integration.test_timeline import Overheard


@pytest.fixture
def overheard() -> Overheard:
    return Overheard()


@pytest.fixture
def listening(connection: Connection, overheard: Overheard) -> Iterator[Reading]:
    """On a client of its own, whose commands are heard."""
    connection.database["checkpoints"].insert_one({"_id": "indexer", "seq": 7})
    client: MongoClient[dict[str, Any]] = MongoClient(connection.uri, event_listeners=[overheard])
    with client:
        yield Reading(client[connection.database.name])


def test_each_moment_comes_after_the_one_before_it(listening: Reading, overheard: Overheard) -> None:
    reached: list[Timestamp] = []
    for _ in range(3):
        reached.append(listening.moments.newest().time)
        assert listening.newest_seq() == 7

    asked = overheard.after[-4:]
    assert all(time is not None and time >= reached[0] for time in asked)
    assert asked[-1] is not None
    assert asked[-1] >= reached[-1]


def test_after_an_election_what_others_wrote_is_waited_for(
    connection: Connection, listening: Reading, overheard: Overheard, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening.moments.newest()
    with connection.client.start_session() as session:
        checkpoints = connection.database["checkpoints"]
        checkpoints.update_one({"_id": "indexer"}, {"$set": {"seq": 8}}, session=session)
        written = session.operation_time
    before = checkpoints.find_one({"_id": "indexer"})
    monkeypatch.setattr(moments, "election", lambda _: ObjectId())

    listening.moments.newest()

    assert written is not None
    assert any(time is not None and time >= written for time in overheard.after)
    assert checkpoints.find_one({"_id": "indexer"}) == before
    assert checkpoints.find_one({"_id": "edits"}) is None


def test_two_programs_do_not_believe_the_names_of_each_other(connection: Connection) -> None:
    connection.database["checkpoints"].insert_one({"_id": "indexer", "seq": 7})
    names = [
        Reading(connection.database, program=program).moments.newest().state.name
        for program in ("a", "b", "a")
    ]

    assert names[0] == names[2] != names[1]
