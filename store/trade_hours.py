"""Sales summed up by the hour, and mints and listings counted: figures then cost no pass over all rows.

The indexer keeps the sums in the transaction of the rows that they are of. They are a function of the rows:
what is added is added; where rows are taken back or written again, their hours are summed up anew. The sums
of all hours together are moved by the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.decimal128 import Decimal128
from pymongo.client_session import ClientSession
from pymongo.database import Database

from store import bulk
from store.commit import Commit
from store.exact_sums import PARTS, parts_of
from store.snapshot import Document, Filter

COLLECTION = "tradeHours"
KEPT, LAYOUT = "tradeHours", 2
"""Field of the checkpoint, and what it says where all of the sums are kept of every block. True, from an
earlier version: of sales only, and not of all hours together."""
ALL_HOURS, EPOCH = -1, 0
"""`_id` of the sums of all hours, and of the first hour that there is: no block is older than 1970."""
HOUR = timedelta(hours=1)
HOUR_SECONDS = 3600
AMOUNTS = ("price", "fee", "selfPrice")
COUNTED = {"mint": "mints", "list": "listings"}
"""Deeds that are counted only, by type."""
COUNTS = ("sales", "selfTrades", *COUNTED.values())
SUMMED_UP = {"$in": ["buy", *COUNTED]}
AT_ONCE = 50
"""Hours that one commit sums up where all are."""
PART_FIELDS = tuple(f"{name}{part}" for name in AMOUNTS for part in range(PARTS))


def hour_of(moment: datetime) -> int:
    """Hours since 1970."""
    return int(moment.timestamp()) // HOUR_SECONDS


def start_of(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)


@dataclass(slots=True)
class Sums:
    """Of the deeds of one hour, or of more; amounts by name, each in parts. May be a difference of sums."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    parts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PART_FIELDS, 0))

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in a row that is summed up."""
        if row["type"] in COUNTED:
            self.counts[COUNTED[row["type"]]] += 1
            return
        to_self = row["seller"] == row["buyer"]
        self.counts["selfTrades" if to_self else "sales"] += 1
        for name, wei in (("selfPrice" if to_self else "price", "priceWei"), ("fee", "platformFeeWei")):
            for part, value in enumerate(parts_of(int(row[wei] or 0))):
                self.parts[f"{name}{part}"] += value

    def move(self, other: Sums, by: int = 1) -> None:
        """Add other sums, or (by -1) take them out."""
        for mine, others in ((self.counts, other.counts), (self.parts, other.parts)):
            for name, value in others.items():
                mine[name] += by * value

    def stored(self) -> Document:
        return {**self.counts, **{name: Decimal128(str(value)) for name, value in self.parts.items()}}


def sums_of(rows: Iterable[Mapping[str, Any]]) -> dict[int, Sums]:
    """Hour → the sums of those among the rows that are summed up."""
    hours: dict[int, Sums] = {}
    take_in(hours, rows)
    return hours


def take_in(hours: dict[int, Sums], rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows to sums by the hour."""
    for row in rows:
        if row["type"] == "buy" or row["type"] in COUNTED:
            hours.setdefault(hour_of(row["timestamp"]), Sums()).add(row)


def read_sums(document: Mapping[str, Any]) -> Sums:
    """Sums as they were stored."""
    return Sums(
        {name: int(document.get(name, 0)) for name in COUNTS},
        {name: int(document[name].to_decimal()) for name in PART_FIELDS},
    )


def taken_back(database: Database[Any], commit: Commit, session: ClientSession) -> set[int]:
    """Hours of the rows that a commit is about to delete, and those that it says are to be summed up anew."""
    gone: list[Filter] = []
    if commit.rewind_above is not None:
        gone.append({"blockchain.blockNumber": {"$gt": commit.rewind_above}})
        if commit.dropped_contracts:
            gone.append({"contractAddress": {"$in": list(commit.dropped_contracts)}})
    if commit.rewrite_rows_of is not None:
        first, last = commit.rewrite_rows_of
        gone.append({"blockchain.blockNumber": {"$gte": first, "$lte": last}})
    return {*commit.hours_again, *(hour for one in gone for hour in hours_among(database, one, session))}


def keep(database: Database[Any], fresh: Mapping[int, Sums], again: set[int], session: ClientSession) -> None:
    """Bring the sums in step with rows that were inserted, given by their sums; hours of deleted ones are
    summed up `again`."""
    moved = Sums()
    if again:
        moved = sum_again(database, again | fresh.keys(), session)
    else:
        changes = [(hour, {"$inc": sums.stored()}) for hour, sums in fresh.items()]
        bulk.update(database, COLLECTION, changes, session, validate=False, upsert=True)
        for sums in fresh.values():
            moved.move(sums)
    if moved != Sums():
        # Not put there where it is missing: it would be of some hours only.
        database[COLLECTION].update_one({"_id": ALL_HOURS}, {"$inc": moved.stored()}, session=session)


def hours_among(database: Database[Any], condition: Filter, session: ClientSession | None = None) -> set[int]:
    """The hours of the rows that meet a condition and are summed up: to be asked before they are deleted."""
    sales = {"$match": {**condition, "type": SUMMED_UP}}
    seconds = {"$toLong": {"$divide": [{"$toLong": "$timestamp"}, 1000 * HOUR_SECONDS]}}
    found = database["transactions"].aggregate([sales, {"$group": {"_id": seconds}}], session=session)
    return {int(row["_id"]) for row in found}


def sum_again(database: Database[Any], hours: Iterable[int], session: ClientSession) -> Sums:
    """Sum up hours anew, from the rows as they are now in this transaction; returns what that changes."""
    moved = Sums()
    for hour in sorted(hours):
        within = {"$gte": start_of(hour), "$lt": start_of(hour + 1)}
        condition = {"type": SUMMED_UP, "timestamp": within}
        sums = sums_of(database["transactions"].find(condition, SUMMED, session=session))
        before = database[COLLECTION].find_one({"_id": hour}, session=session)
        database[COLLECTION].delete_one({"_id": hour}, session=session)
        if before is not None:
            moved.move(read_sums(before), -1)
        if hour in sums:
            database[COLLECTION].insert_one({"_id": hour, **sums[hour].stored()}, session=session)
            moved.move(sums[hour])
    return moved


def portions(hours: Iterable[int]) -> Iterator[list[int]]:
    """Those of single hours, as many at a time as one commit sums up."""
    single = sorted(set(hours) - {ALL_HOURS})
    for at in range(0, len(single), AT_ONCE):
        yield single[at : at + AT_ONCE]


def nothing() -> Document:
    """The sums of all hours before the first."""
    return {"_id": ALL_HOURS, **Sums().stored()}


def add_up(database: Database[Any], session: ClientSession) -> None:
    """Put the sums of all hours in their place, from those of each."""
    whole = Sums()
    for document in database[COLLECTION].find({"_id": {"$ne": ALL_HOURS}}, session=session):
        whole.move(read_sums(document))
    database[COLLECTION].replace_one(
        {"_id": ALL_HOURS}, {"_id": ALL_HOURS, **whole.stored()}, upsert=True, session=session
    )


SUMMED = dict.fromkeys(("type", "seller", "buyer", "priceWei", "platformFeeWei", "timestamp"), 1)
