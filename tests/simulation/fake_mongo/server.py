"""The server's side: committed collections, and transactions that see one moment and come all or nothing.

A committed collection is never changed, but replaced by another dictionary: a snapshot is a handful of
references.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import bson
from bson.codec_options import CodecOptions
from pymongo.errors import OperationFailure

AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
LIFETIME_SECONDS = 60.0
"""`transactionLifetimeLimitSeconds`: how long the server keeps what a vanished client left open."""
WRITE_CONFLICT, NO_SUCH_TRANSACTION = 112, 251
TRANSIENT, UNKNOWN_RESULT = "TransientTransactionError", "UnknownTransactionCommitResult"


class Stored:
    """One version of a document: its BSON, and the same decoded once, to look at and never to hand out."""

    __slots__ = ("_seen", "raw")

    def __init__(self, document: Any) -> None:
        self.raw = bson.encode(document)
        self._seen: dict[str, Any] | None = None

    @property
    def seen(self) -> dict[str, Any]:
        if self._seen is None:
            self._seen = self.copy()
        return self._seen

    def copy(self) -> dict[str, Any]:
        """A fresh document, as a client gets it."""
        return bson.decode(self.raw, AWARE)


Collection = dict[Any, Stored]


class Transaction:
    """Reads of one moment, and writes that nobody else sees before the commit."""

    def __init__(self, server: Server, application: str) -> None:
        self.application = application
        self.began = self.heard_of = server.seconds()
        self.moment = dict(server.collections)
        self.own: dict[str, Collection] = {}
        self.written: set[tuple[str, Any]] = set()
        self.ended = False

    def read(self, name: str) -> Collection:
        found = self.own.get(name)
        return self.moment.get(name, {}) if found is None else found


class Server:
    """All that survives its clients. `seconds` is its clock, `wait` lets time pass."""

    def __init__(self, seconds: Callable[[], float], wait: Callable[[float], None]) -> None:
        self.seconds = seconds
        self.wait = wait
        self.collections: dict[str, Collection] = {}
        self.open: list[Transaction] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(round(1_800_000_000 + self.seconds(), 3), UTC)

    # --- single operations ------------------------------------------------------------

    def read(self, name: str) -> Collection:
        return self.collections.get(name, {})

    def write(self, name: str, key: Any, stored: Stored | None) -> None:
        """Outside transactions: waits for whoever holds the document, as the server does."""
        while any((name, key) in each.written for each in self._living()):
            self.wait(1.0)
        after = dict(self.read(name))
        _put(after, key, stored)
        self.collections[name] = after

    # --- transactions -----------------------------------------------------------------

    def begin(self, application: str) -> Transaction:
        transaction = Transaction(self, application)
        self.open.append(transaction)
        return transaction

    def write_inside(self, transaction: Transaction, name: str, key: Any, stored: Stored | None) -> None:
        """Raises a write conflict where somebody else wrote the document since the moment, or is about to."""
        if (name, key) not in transaction.written:
            before, committed = transaction.moment.get(name, {}), self.read(name)
            held = any((name, key) in other.written for other in self._living() if other is not transaction)
            if held or (before is not committed and before.get(key) is not committed.get(key)):
                self.abort(transaction)
                raise failure("WriteConflict", WRITE_CONFLICT, TRANSIENT)
            transaction.written.add((name, key))
        if name not in transaction.own:
            transaction.own[name] = dict(transaction.moment.get(name, {}))
        _put(transaction.own[name], key, stored)

    def check(self, transaction: Transaction) -> None:
        """A transaction that the server gave up is no transaction any more."""
        self._living()
        if transaction.ended:
            raise failure("NoSuchTransaction", NO_SUCH_TRANSACTION, TRANSIENT)
        transaction.heard_of = self.seconds()

    def commit(self, transaction: Transaction) -> None:
        self.check(transaction)
        for name, after in transaction.own.items():
            committed = self.read(name)
            if committed is not transaction.moment.get(name, {}):
                merged = dict(committed)
                for key in [key for written, key in transaction.written if written == name]:
                    _put(merged, key, after.get(key))
                after = merged
            self.collections[name] = after
        self.abort(transaction)

    def abort(self, transaction: Transaction) -> None:
        transaction.ended = True
        if transaction in self.open:
            self.open.remove(transaction)

    def step_down(self) -> None:
        """Another primary: what was open is gone."""
        for transaction in list(self.open):
            self.abort(transaction)

    def _living(self) -> list[Transaction]:
        if not self.open:
            return self.open
        for each in [each for each in self.open if self.seconds() - each.began > LIFETIME_SECONDS]:
            self.abort(each)
        return self.open


def _put(collection: Collection, key: Any, stored: Stored | None) -> None:
    if stored is None:
        collection.pop(key, None)
    else:
        collection[key] = stored


def failure(message: str, code: int, *labels: str) -> OperationFailure:
    """An error as the server sends it."""
    return OperationFailure(message, code, {"ok": 0, "code": code, "errorLabels": [*labels]})
