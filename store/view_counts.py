"""Views of assets, counted once for a viewer and a day, without keeping who it was.

Who looked is kept as a keyed hash that nobody can undo once the day's salt is gone. First the hashes are laid
down, then the counters move: a crash between loses views, and never counts one twice.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from store import edition
from store.answering import answering
from store.connection import Document

KEPT = timedelta(days=2)
"""A view late in the day is still told from a new one; after that salts and hashes are removed."""
SALT_BYTES, HASH_BYTES = 32, 16
DUPLICATE = 11000


class Seen(msgspec.Struct, frozen=True):
    """Somebody looked at an asset (its id, 24 hex digits), the one of that mint.

    It counts if it is the first that day of each of the names that stand for who looked.
    """

    asset: str
    mint: str
    names: tuple[str, ...]


class ViewCounts:
    """The counters `stats.viewCount`, and what keeps them honest. Every method raises StoreUnreachable."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def count(self, views: Sequence[Seen], now: datetime) -> int:
        """Count those that are the first of their day; returns how many were."""
        with answering(self._database):
            new = self._first_ones(views, now)
        if not new:
            return 0
        counted = Counter((view.asset, view.mint) for view in new)
        # Of that mint: by now a reorg may have given the token id to another one.
        updates = [
            UpdateOne(
                {"_id": ObjectId(asset), "chain.mintTransactionHash": mint},
                {"$inc": {"stats.viewCount": number}},
            )
            for (asset, mint), number in counted.items()
        ]

        def write(session: ClientSession) -> None:
            self._database["assets"].bulk_write(updates, ordered=False, session=session)

        edition.edit(self._database, write)
        return len(new)

    def _first_ones(self, views: Sequence[Seen], now: datetime) -> list[Seen]:
        salt, until = self._salt(now), now + KEPT
        hashed = [(view, [_hash(salt, view, name) for name in view.names]) for view in views]
        documents = [{"_id": key, "expireAt": until} for _, keys in hashed for key in keys]
        taken = self._lay_down(documents)
        new: list[Seen] = []
        for view, keys in hashed:
            if not taken.intersection(keys):
                new.append(view)
            taken.update(keys)
        return new

    def _lay_down(self, documents: Sequence[Document]) -> set[bytes]:
        """Insert them; returns the ids that were there before."""
        once = list({document["_id"]: document for document in documents}.values())
        if not once:
            return set()
        try:
            self._database["countedViews"].insert_many(once, ordered=False)
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            if any(failure["code"] != DUPLICATE for failure in failures):
                raise
            return {once[failure["index"]]["_id"] for failure in failures}
        return set()

    def _salt(self, now: datetime) -> bytes:
        """The day's salt, which all processes share; the first who needs it makes it."""
        fresh = {"salt": os.urandom(SALT_BYTES), "expireAt": now + KEPT}
        found = self._database["viewSalts"].find_one_and_update(
            {"_id": now.date().isoformat()},
            {"$setOnInsert": fresh},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        assert found is not None, "an upsert has a result"
        return bytes(found["salt"])


def _hash(salt: bytes, view: Seen, name: str) -> bytes:
    said = f"{view.asset} {view.mint} {name}".encode()
    return hmac.new(salt, said, hashlib.sha256).digest()[:HASH_BYTES]
