"""The same storm on a real mongod: the faults strike between the store and the driver."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from store.connection import Connection, connect
from store.indexes import ensure_early
from store.mongod import EmbeddedMongod
from store.schema import ensure_collections
from tests.simulation.fake_mongo.driver import Link
from tests.simulation.storm import Outcome, told

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
DATABASE = "simulation"
READING = ("find_one", "aggregate", "count_documents")
WRITING = (
    "insert_one",
    "insert_many",
    "update_one",
    "update_many",
    "replace_one",
    "delete_many",
    "bulk_write",
)


class RealStore:
    """A database of a real replica set; every connection goes through a link that may break."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sessions: list[Any] = []

    def connect(self, _: str, link: Link) -> Connection:
        client: Any = LinkedClient(self._connection.client, link, self._sessions)
        return Connection(client, client[self._connection.database.name])

    def moment(self) -> Callable[[str], Mapping[Any, Mapping[str, Any]]]:
        """One snapshot, read when it is first asked for."""
        database = self._connection.database
        with self._connection.snapshot() as session:
            found = {
                name: {each["_id"]: each for each in database[name].find({}, session=session)}
                for name in LOOKED_AT
            }
        return lambda name: found[name]

    def checkpoint(self) -> Mapping[str, Any] | None:
        """Where the indexer says it stands."""
        return self._connection.database["checkpoints"].find_one({"_id": "indexer"})

    def free_assets(self) -> Mapping[Any, Mapping[str, Any]]:
        """None while a transaction is open: whoever writes waits for it, and nobody would end it."""
        return {} if self.is_writing() else self.moment()("assets")

    def is_writing(self) -> bool:
        return any(session.in_transaction for session in self._sessions)

    def step_down(self) -> None:
        """The only member stays primary; the error alone is told."""

    def forget_the_dead(self) -> None:
        """The server's clock cannot be moved: end the lease instead."""
        self._connection.database["checkpoints"].update_one(
            {"_id": "lease"}, {"$set": {"expiresAt": LONG_AGO}}
        )


LOOKED_AT = (
    "checkpoints", "assets", "transactions", "priceHistory", "quarantine", "chainEvents", "operatorApprovals",
    "market", "blocks", "evidence", "events", "reorgs", "orphans", "tradeHours", "holdings",
)  # fmt: skip


class LinkedClient:
    def __init__(self, client: MongoClient[Any], link: Link, sessions: list[Any]) -> None:
        self._client, self._link, self._sessions = client, link, sessions

    def __getitem__(self, name: str) -> LinkedDatabase:
        return LinkedDatabase(self, self._client[name], self._link)

    def get_database(self, name: str, **options: Any) -> Any:
        return self._client.get_database(name, **options)

    @contextmanager
    def start_session(self, **options: Any) -> Iterator[Any]:
        """A session of the driver whose commits go through the link."""
        with self._client.start_session(**options) as session:
            commit = session.commit_transaction

            def linked() -> None:
                self._link.before("commit", session)
                commit()
                self._link.after("commit", session)

            session.commit_transaction = linked  # type: ignore[method-assign]
            self._sessions.append(session)
            try:
                yield session
            finally:
                self._sessions.remove(session)


class LinkedDatabase:
    def __init__(self, client: LinkedClient, database: Any, link: Link) -> None:
        self.client, self._database, self._link, self.name = client, database, link, database.name

    def __getitem__(self, name: str) -> LinkedCollection:
        return LinkedCollection(self._database[name], self._link)

    def command(self, command: Any, *arguments: Any, session: Any = None) -> Any:
        kind, name = next(iter(command.items())) if isinstance(command, dict) else (command, "")
        self._link.before(f"{kind} {name}", session)
        answer = self._database.command(command, *arguments, session=session)
        self._link.after(f"{kind} {name}", session)
        return answer


class LinkedCollection:
    """Reads and writes of a real collection, with a boundary before and after each."""

    def __init__(self, collection: Any, link: Link) -> None:
        self._collection, self._link = collection, link

    def find(self, *arguments: Any, session: Any = None, **options: Any) -> Any:
        self._link.before(f"find {self._collection.name}", session)
        return self._collection.find(*arguments, session=session, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._collection, name)
        kind = name.partition("_")[0] if name in WRITING else "find" if name in READING else "update"

        def linked(*arguments: Any, session: Any = None, **options: Any) -> Any:
            self._link.before(f"{kind} {self._collection.name}", session)
            answer = operation(*arguments, session=session, **options)
            self._link.after(f"{kind} {self._collection.name}", session)
            return answer

        return linked


def prepared(connection: Connection) -> RealStore:
    """Validators and the indexes that are there while indexing; emptied, where it was used before."""
    ensure_collections(connection.database)
    ensure_early(connection.database)
    for name in connection.database.list_collection_names():
        connection.database[name].delete_many({})
    return RealStore(connection)


def on_real_server(seeds: range) -> Iterator[tuple[Outcome, float]]:
    """Each seed, with the processor time it took here, on an embedded mongod started for it."""
    with tempfile.TemporaryDirectory(prefix="simulation-") as directory:
        server = EmbeddedMongod(Path(directory))
        try:
            with connect(server.start(), DATABASE) as connection:
                for seed in seeds:
                    before = time.process_time()
                    outcome = told(seed, prepared(connection))
                    yield outcome, time.process_time() - before
        finally:
            server.kill()
