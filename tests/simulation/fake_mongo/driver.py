"""The driver's side: clients, databases, and sessions with their transactions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from pymongo.errors import PyMongoError

from tests.simulation.fake_mongo.collection import Document, FakeCollection, Link
from tests.simulation.fake_mongo.matching import matches
from tests.simulation.fake_mongo.server import TRANSIENT, UNKNOWN_RESULT, Server, Transaction

RETRY_SECONDS = 120.0
"""How long `with_transaction` tries."""


class FakeClient:
    """One process's way to the server."""

    def __init__(self, server: Server, application: str = "", link: Link | None = None) -> None:
        self.server, self.application, self.link = server, application, link or Link()

    def __getitem__(self, name: str) -> FakeDatabase:
        return FakeDatabase(self, name)

    def get_database(self, name: str, **_: Any) -> FakeDatabase:
        return FakeDatabase(self, name)

    def start_session(self, *, snapshot: bool = False, causal_consistency: bool = True) -> FakeSession:
        return FakeSession(self, snapshot)


class FakeSession:
    """A session with at most one transaction; or, of a snapshot, reads of one moment.

    There is one server, so reads never go back in time, and there is no time to tell.
    """

    operation_time = None

    def __init__(self, client: FakeClient, snapshot: bool) -> None:
        self._client, self._server = client, client.server
        self.moment = dict(client.server.collections) if snapshot else None
        self.transaction: Transaction | None = None
        self._committed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.in_transaction:
            self.abort_transaction()

    @property
    def in_transaction(self) -> bool:
        return self.transaction is not None and not self._committed

    def start_transaction(self, *_: Any, **__: Any) -> _Bounds:
        self.transaction, self._committed = self._server.begin(self._client.application), False
        return _Bounds(self)

    def commit_transaction(self) -> None:
        self._client.link.before("commit", self)
        if self.transaction is not None and not self._committed:
            self._server.commit(self.transaction)
            self._committed = True
        self._client.link.after("commit", self)

    def abort_transaction(self) -> None:
        if self.transaction is not None:
            self._server.abort(self.transaction)
        self.transaction = None

    def with_transaction(self, callback: Callable[[Any], Any], *_: Any, **__: Any) -> Any:
        """As the driver does it: the whole again after a transient error, the commit after an unknown one."""
        ends = self._server.seconds() + RETRY_SECONDS
        for attempt in itertools.count():
            self._server.wait(min(0.5, 0.005 * 1.5**attempt) if attempt else 0.0)
            self.start_transaction()
            try:
                answer = callback(self)
            except BaseException as error:
                if self.in_transaction:
                    self.abort_transaction()
                if _is(error, TRANSIENT) and self._server.seconds() < ends:
                    continue
                raise
            if not self.in_transaction or self._has_committed(ends):
                return answer
        raise AssertionError

    def _has_committed(self, ends: float) -> bool:
        """False where the whole has to be done again."""
        while True:
            try:
                self.commit_transaction()
                return True
            except PyMongoError as error:
                if self._server.seconds() >= ends:
                    raise
                if _is(error, UNKNOWN_RESULT):
                    continue
                if _is(error, TRANSIENT):
                    self.transaction = None
                    return False
                raise


class _Bounds:
    """`with session.start_transaction():` ends the transaction one way or the other."""

    def __init__(self, session: FakeSession) -> None:
        self._session = session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._session.in_transaction:
            self._session.commit_transaction() if kind is None else self._session.abort_transaction()


class FakeDatabase:
    def __init__(self, client: FakeClient, name: str) -> None:
        self.client, self.name = client, name

    def __getitem__(self, name: str) -> FakeCollection:
        return FakeCollection(self.client.server, self.client.link, name)

    def command(self, command: Any, value: Any = None, *, session: Any = None) -> dict[str, Any]:
        """The commands `insert`, `update` and `killSessions`."""
        if command == "killSessions":
            for transaction in [each for each in self.client.server.open if id(each) in value_ids(value)]:
                self.client.server.abort(transaction)
            return {"ok": 1}
        kind, name = next(iter(command.items()))
        collection = self[name]
        if kind == "insert":
            return collection.inserted(command["documents"], session)
        if kind == "update":
            return collection.updated(command["updates"], session)
        raise NotImplementedError(f"command {kind}")

    def aggregate(self, pipeline: Sequence[Document]) -> Iterator[dict[str, Any]]:
        """`$currentOp`: the transactions that are open, as the server tells of them."""
        wanted = next(stage["$match"] for stage in pipeline if "$match" in stage)
        server = self.client.server
        self.client.link.before("currentOp", None)
        for each in list(server.open):
            silent = int((server.seconds() - each.heard_of) * 1_000_000)
            told = {"appName": each.application, "transaction": {"timeInactiveMicros": silent}}
            if matches(told, wanted, server.now()):
                yield {"lsid": {"id": id(each)}}


def value_ids(sessions: Iterable[Document]) -> set[int]:
    return {each["id"] for each in sessions}


def _is(error: BaseException, label: str) -> bool:
    return isinstance(error, PyMongoError) and error.has_error_label(label)
