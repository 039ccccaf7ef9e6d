"""How much was asked with each key on each day, and when last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import InvalidOperation

from store.answering import answering
from store.connection import Document
from store.documents import ApiKeyUsageDocument
from store.errors import StoreUnreachable

LAST_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Used:
    """Requests with one key on one day; `last` is the time of the newest."""

    requests: int
    last: datetime


class KeyUsage:
    """The collection apiKeyUsage, and `lastUsed` of the collection apiKeys."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def add(self, counted: Mapping[tuple[str, datetime], Used]) -> None:
        """Add what was counted, by key and day; `lastUsed` moves once a minute. Raises StoreUnreachable."""
        requests = [_counted(key_id, day, used.requests) for (key_id, day), used in counted.items()]
        times = [_used_at(key_id, used.last) for (key_id, _), used in counted.items()]
        try:
            with answering(self._database):
                self._database["apiKeyUsage"].bulk_write(requests, ordered=False)
                self._database["apiKeys"].bulk_write(times, ordered=False)
        except InvalidOperation as error:
            raise StoreUnreachable(f"database {self._database.name}", "we are ending") from error

    def days(self, key_id: ObjectId, since: datetime) -> list[ApiKeyUsageDocument]:
        """The days of one key on which it was used, newest first. Raises StoreUnreachable."""
        wanted = {"keyId": key_id, "day": {"$gte": since}}
        with answering(self._database):
            found = self._database["apiKeyUsage"].find(wanted).sort("day", -1).to_list()
        return cast("list[ApiKeyUsageDocument]", found)


def day_of(moment: datetime) -> datetime:
    """Midnight (UTC) before that moment."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _counted(key_id: str, day: datetime, requests: int) -> UpdateOne:
    return UpdateOne(
        {"_id": f"{key_id} {day:%Y-%m-%d}"},
        {"$inc": {"requests": requests}, "$setOnInsert": {"keyId": ObjectId(key_id), "day": day}},
        upsert=True,
    )


def _used_at(key_id: str, moment: datetime) -> UpdateOne:
    long_ago = [{"lastUsed": None}, {"lastUsed": {"$lt": moment - LAST_USED_EVERY}}]
    return UpdateOne({"_id": ObjectId(key_id), "$or": long_ago}, {"$set": {"lastUsed": moment}})
