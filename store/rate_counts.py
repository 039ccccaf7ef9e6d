"""Counts that several processes share for a few minutes, in MongoDB or in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pymongo
from pymongo import ReadPreference, UpdateOne
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern
from redis import Redis
from redis.exceptions import RedisError

from store.connection import Document, redacted
from store.errors import CountsUnavailable

COLLECTION = "rateCounts"
PREFIX = "dvault:rate:"
TIMEOUT_SECONDS = 0.5
"""Counting must never keep a request longer than this."""


class MongoCounts:
    """Counts as documents that MongoDB deletes when their time is over.

    Nothing is lost that matters if the server fails at once: hence no waiting for journals or majorities.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._counts = database.get_collection(
            COLLECTION,
            write_concern=WriteConcern(w=1, j=False),
            read_concern=ReadConcern("local"),
            read_preference=ReadPreference.PRIMARY,
        )
        self._is_ready = False

    def add(self, amounts: Mapping[str, int], keep_seconds: int) -> dict[str, int]:
        """Add to each count and return the totals. Raises CountsUnavailable."""
        try:
            with pymongo.timeout(TIMEOUT_SECONDS):
                self._prepare()
                self._write(amounts, datetime.now(UTC) + timedelta(seconds=keep_seconds))
                found = self._counts.find({"_id": {"$in": list(amounts)}}, {"count": 1})
                totals = {str(one["_id"]): int(one["count"]) for one in found}
        except PyMongoError as error:
            raise CountsUnavailable(type(error).__name__) from error
        return {name: totals.get(name, 0) for name in amounts}

    def _write(self, amounts: Mapping[str, int], expire_at: datetime) -> None:
        updates = [
            UpdateOne(
                {"_id": name},
                {"$inc": {"count": amount}, "$setOnInsert": {"expireAt": expire_at}},
                upsert=True,
            )
            for name, amount in amounts.items()
            if amount
        ]
        if updates:
            self._counts.bulk_write(updates, ordered=False)

    def _prepare(self) -> None:
        if not self._is_ready:
            self._counts.create_index("expireAt", expireAfterSeconds=0)
            self._is_ready = True


class RedisCounts:
    """Counts as keys that Redis forgets when their time is over."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self.place = redacted(url)

    def add(self, amounts: Mapping[str, int], keep_seconds: int) -> dict[str, int]:
        """Add to each count and return the totals. Raises CountsUnavailable."""
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for name, amount in amounts.items():
                    if amount:
                        pipeline.incrby(PREFIX + name, amount)
                        pipeline.expire(PREFIX + name, keep_seconds)
                pipeline.mget([PREFIX + name for name in amounts])
                found = pipeline.execute()[-1]
        except RedisError as error:
            raise CountsUnavailable(type(error).__name__) from error
        return {name: int(total or 0) for name, total in zip(amounts, found, strict=True)}
