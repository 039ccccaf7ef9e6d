"""The indexer reads nothing older than what it read or wrote before: each read says so to the server.

A new primary may answer a majority read with a state from before the election; only `afterClusterTime` makes
it wait until it knows better. tests/e2e/test_failovers.py shows what comes of it otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bson import Timestamp
from pymongo import MongoClient
from pymongo.monitoring import CommandListener

from dvault.composition import guest_ledger
from store.commit import Commit
from store.connection import Connection
from store.counting import counted, is_counted, kept_holdings
from store.ledger import Ledger
from store.schema import ensure_collections

READS: dict[str, Callable[[Ledger], Any]] = {
    "checkpoint": Ledger.checkpoint,
    "assets": lambda ledger: list(ledger.all_assets()),
    "ids of assets": lambda ledger: list(ledger.asset_ids()),
    "blocks": lambda ledger: list(ledger.blocks(0, 10)),
    "newest block": lambda ledger: ledger.newest_block(10),
    "headers": lambda ledger: list(ledger.headers()),
    "spans": lambda ledger: ledger.spans(0, 10),
    "counted": counted,
    "kept holdings": lambda ledger: list(kept_holdings(ledger)),
    "is counted": is_counted,
    "a commit": lambda ledger: ledger.commit(Commit({})),
}


class Overheard(CommandListener):
    """The commands of a client: what they must come after, and when they were answered."""

    def __init__(self) -> None:
        self.after: list[Timestamp | None] = []
        self.answered: list[Timestamp] = []

    def started(self, event: Any) -> None:
        if event.command.get("autocommit") is None or event.command.get("startTransaction"):
            self.after.append(event.command.get("readConcern", {}).get("afterClusterTime"))

    def succeeded(self, event: Any) -> None:
        if "operationTime" in event.reply:
            self.answered.append(event.reply["operationTime"])

    def failed(self, event: Any) -> None:
        """None is expected."""


@pytest.fixture
def overheard() -> Overheard:
    return Overheard()


@pytest.fixture
def ledger(connection: Connection, overheard: Overheard) -> Iterator[Ledger]:
    """On a client of its own, which has seen nothing of what others wrote."""
    ensure_collections(connection.database)
    for name in ("checkpoints", "market"):
        connection.database.command("collMod", name, validator={})
    connection.database["checkpoints"].insert_one({"_id": "indexer", "epoch": 1, "version": 0, "seq": 0})
    client: MongoClient[dict[str, Any]] = MongoClient(
        connection.uri, event_listeners=[overheard], readConcernLevel="majority", w="majority"
    )
    with client:
        yield Ledger(Connection(client, client[connection.database.name]), 1)


@pytest.mark.parametrize("name", READS)
def test_every_read_comes_after_what_was_written(name: str, ledger: Ledger, overheard: Overheard) -> None:
    ledger.note(lastError=None)
    written, before = overheard.answered[-1], len(overheard.after)

    READS[name](ledger)

    asked = overheard.after[before:]
    assert asked
    assert all(time is not None and time >= written for time in asked)


def written_by_another(connection: Connection) -> Timestamp:
    """When it was, by the cluster."""
    with connection.client.start_session() as session:
        connection.database["market"].insert_one({"_id": "market", "fee": 1}, session=session)
        assert session.operation_time is not None
        return session.operation_time


def test_who_has_caught_up_reads_what_others_wrote(
    connection: Connection, ledger: Ledger, overheard: Overheard
) -> None:
    written = written_by_another(connection)
    version = connection.database["checkpoints"].find_one({"_id": "indexer"})

    ledger.catch_up()
    ledger.market("market")

    asked = overheard.after[-1]
    assert asked is not None
    assert asked >= written
    assert connection.database["checkpoints"].find_one({"_id": "indexer"}) == version


def test_a_guest_reads_what_the_indexer_wrote_before_it_came(
    connection: Connection, ledger: Ledger, overheard: Overheard
) -> None:
    written = written_by_another(connection)

    guest_ledger(ledger.connection).market("market")

    asked = overheard.after[-1]
    assert asked is not None
    assert asked >= written
