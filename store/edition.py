"""The edition of what people write: a mark that changes with every edit that answers depend on.

Answers about the chain are kept by the state they are of (store.moments). What people write (metadata,
verification, counters, favourites) is part of it, so whoever writes any of that moves the mark, in the same
transaction: no reader can see the edit and the mark of before.

A mark is new, not counted on: two databases, or one before and after a restore, never have one in common
that stands for different edits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.database import Database

from store.answering import answering
from store.connection import MAJORITY, SNAPSHOT, Document

Result = TypeVar("Result")

EDITS = "edits"
"""`_id` of the mark's document in the collection checkpoints."""


def move(database: Database[Any], session: ClientSession) -> None:
    """Say, inside the transaction of an edit, that answers may differ from now on.

    Call it first: of two edits at the same moment one waits for the other here, before it has done anything.
    """
    database["checkpoints"].update_one(
        {"_id": EDITS}, {"$set": {"mark": ObjectId()}}, upsert=True, session=session
    )


def edit(database: Database[Document], write: Callable[[ClientSession], Result]) -> Result:
    """Run `write` in a transaction of its own that moves the mark too; it may run several times.

    Raises StoreUnreachable, and what `write` raises.
    """

    def written(session: ClientSession) -> Result:
        move(database, session)
        return write(session)

    with answering(database), database.client.start_session() as session:
        return session.with_transaction(written, read_concern=SNAPSHOT, write_concern=MAJORITY)
