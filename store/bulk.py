"""Many small writes in few commands.

The driver's own bulk interface spends more time on each operation than the server does; a command that
carries thousands of documents is encoded in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DocumentTooLarge

Document = Mapping[str, Any]
DOCUMENTS_PER_COMMAND = 1000
"""Few enough to be made, encoded and forgotten within the cache of a processor."""
Given = TypeVar("Given")
Made = TypeVar("Made")


class Lazily(Sequence[Made], Generic[Given, Made]):
    """A sequence whose members are made when they are asked for, each time: a batch of documents is big."""

    def __init__(self, make: Callable[[Given], Made], given: Sequence[Given]) -> None:
        self._make, self._given = make, given

    def __len__(self) -> int:
        return len(self._given)

    @overload
    def __getitem__(self, place: int) -> Made: ...
    @overload
    def __getitem__(self, place: slice) -> list[Made]: ...
    def __getitem__(self, place: int | slice) -> Made | list[Made]:
        if isinstance(place, slice):
            return [self._make(each) for each in self._given[place]]
        return self._make(self._given[place])


def insert(
    database: Database[Any],
    name: str,
    documents: Sequence[Document],
    session: ClientSession,
    *,
    validate: bool,
) -> None:
    """Insert documents that bring their `_id`. Raises what the driver raises."""
    for some in portions(documents):
        command = {
            "insert": name,
            "documents": some,
            "ordered": False,
            "bypassDocumentValidation": not validate,
        }
        try:
            _run(database, command, session)
        except DocumentTooLarge:
            database[name].insert_many(
                some, ordered=False, bypass_document_validation=not validate, session=session
            )


def update(
    database: Database[Any],
    name: str,
    changes: Sequence[tuple[Any, Document]],
    session: ClientSession,
    *,
    validate: bool,
    upsert: bool = False,
) -> None:
    """Apply update operators (or a whole replacement) to documents by `_id`."""
    for some in portions(changes):
        command = {
            "update": name,
            "updates": [{"q": {"_id": _id}, "u": change, "upsert": upsert} for _id, change in some],
            "ordered": False,
            "bypassDocumentValidation": not validate,
        }
        try:
            _run(database, command, session)
        except DocumentTooLarge:
            updates = [UpdateOne({"_id": _id}, change, upsert=upsert) for _id, change in some]
            database[name].bulk_write(updates, ordered=False, session=session)


def _run(database: Database[Any], command: dict[str, Any], session: ClientSession) -> None:
    reply = database.command(command, session=session)
    if reply.get("writeErrors"):
        raise BulkWriteError(reply)


def portions(items: Sequence[Any]) -> Iterator[list[Any]]:
    """As many at a time as go into one command."""
    for at in range(0, len(items), DOCUMENTS_PER_COMMAND):
        yield list(items[at : at + DOCUMENTS_PER_COMMAND])
