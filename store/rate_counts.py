"""Counts that several processes share for a few minutes, in MongoDB or in Redis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pymongo
from pymongo import ReadPreference, ReturnDocument, UpdateOne
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern
from redis import Redis
from redis.exceptions import RedisError

from store.connection import Document, redacted
from store.errors import CountsUnavailable
from store.indexes import RATE_COUNTS

PREFIX = "dvault:rate:"
TIMEOUT_SECONDS = 2.0
"""Counting must never keep a request longer than this."""


class MongoCounts:
    """Counts as documents that MongoDB deletes when their time is over, by an index of `store.indexes`.

    Nothing is lost that matters if the server fails at once: hence no waiting for journals or majorities.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._counts = database.get_collection(
            RATE_COUNTS,
            write_concern=WriteConcern(w=1, j=False),
            read_concern=ReadConcern("local"),
            read_preference=ReadPreference.PRIMARY,
        )

    def add(self, amounts: Mapping[str, int], keep_seconds: int) -> dict[str, int]:
        """Add to each count and return the totals. Raises CountsUnavailable.

        Who adds to one count alone gets a number that nobody else gets.
        """
        expire_at = datetime.now(UTC) + timedelta(seconds=keep_seconds)
        increments = {name: amount for name, amount in amounts.items() if amount}
        try:
            with pymongo.timeout(TIMEOUT_SECONDS):
                if len(increments) == 1:
                    totals = self._add_one(*increments.popitem(), expire_at)
                else:
                    totals = self._add_many(increments, expire_at)
                return dict.fromkeys(amounts, 0) | self._totals(amounts.keys() - totals.keys()) | totals
        except PyMongoError as error:
            raise CountsUnavailable(type(error).__name__) from error

    def _add_one(self, name: str, amount: int, expire_at: datetime) -> dict[str, int]:
        change = _increment(amount, expire_at)
        counted = self._counts.find_one_and_update(
            {"_id": name}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        assert counted is not None, "an upsert has a result"
        return {name: int(counted["count"])}

    def _add_many(self, increments: Mapping[str, int], expire_at: datetime) -> dict[str, int]:
        updates = [
            UpdateOne({"_id": name}, _increment(amount, expire_at), upsert=True)
            for name, amount in increments.items()
        ]
        if updates:
            self._counts.bulk_write(updates, ordered=False)
        return {}

    def _totals(self, names: Iterable[str]) -> dict[str, int]:
        found = self._counts.find({"_id": {"$in": list(names)}}, {"count": 1})
        return {str(one["_id"]): int(one["count"]) for one in found}


def _increment(amount: int, expire_at: datetime) -> Document:
    return {"$inc": {"count": amount}, "$setOnInsert": {"expireAt": expire_at}}


class RedisCounts:
    """Counts as keys that Redis forgets when their time is over."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self.place = redacted(url)

    def add(self, amounts: Mapping[str, int], keep_seconds: int) -> dict[str, int]:
        """Add to each count and return the totals, each a number of its own. Raises CountsUnavailable."""
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for name, amount in amounts.items():
                    pipeline.incrby(PREFIX + name, amount)
                    pipeline.expire(PREFIX + name, keep_seconds)
                found = pipeline.execute()[::2]
        except RedisError as error:
            raise CountsUnavailable(type(error).__name__) from error
        return {name: int(total) for name, total in zip(amounts, found, strict=True)}
