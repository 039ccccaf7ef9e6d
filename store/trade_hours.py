"""Sales summed up by the hour, so that the market's figures do not cost a pass over all sales.

The indexer keeps the sums in the transaction of the rows that they are of. They are a function of the rows:
what is added is added; where rows are taken back or written again, their hours are summed up anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from bson.decimal128 import Decimal128
from pymongo.client_session import ClientSession
from pymongo.database import Database

from store import bulk
from store.commit import Commit
from store.snapshot import Document, Filter

COLLECTION = "tradeHours"
KEPT = "tradeHours"
"""Field of the checkpoint: true where the sums have been kept from the first block on."""
HOUR = timedelta(hours=1)
HOUR_SECONDS = 3600
PARTS, PART_DIGITS = 3, 26
"""Three parts hold any uint256; Decimal128 adds 10**8 parts of 26 digits without rounding."""
AMOUNTS = ("price", "fee", "selfPrice")
COUNTS = ("sales", "selfTrades")
PART_FIELDS = tuple(f"{name}{part}" for name in AMOUNTS for part in range(PARTS))


def hour_of(moment: datetime) -> int:
    """Hours since 1970."""
    return int(moment.timestamp()) // HOUR_SECONDS


def start_of(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)


def parts_of(wei: int) -> list[int]:
    """The digits of an amount in parts, the highest first."""
    return [wei // 10 ** (PART_DIGITS * (PARTS - 1 - part)) % 10**PART_DIGITS for part in range(PARTS)]


def whole(row: Mapping[str, Any], name: str) -> int:
    """The amount that parts stand for."""
    sums = [int(cast("Decimal128", row[f"{name}{part}"]).to_decimal()) for part in range(PARTS)]
    return sum(value * 10 ** (PART_DIGITS * (PARTS - 1 - part)) for part, value in enumerate(sums))


@dataclass(slots=True)
class Sums:
    """Of the sales of one hour; amounts by name, each in parts."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    parts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PART_FIELDS, 0))

    def add(self, row: Mapping[str, Any]) -> None:
        to_self = row["seller"] == row["buyer"]
        self.counts["selfTrades" if to_self else "sales"] += 1
        for name, wei in (("selfPrice" if to_self else "price", "priceWei"), ("fee", "platformFeeWei")):
            for part, value in enumerate(parts_of(int(row[wei] or 0))):
                self.parts[f"{name}{part}"] += value

    def stored(self) -> Document:
        return {**self.counts, **{name: Decimal128(str(value)) for name, value in self.parts.items()}}


def sums_of(rows: Iterable[Mapping[str, Any]]) -> dict[int, Sums]:
    """Hour → the sums of the sales among the rows."""
    hours: dict[int, Sums] = {}
    for row in rows:
        if row["type"] == "buy":
            hours.setdefault(hour_of(row["timestamp"]), Sums()).add(row)
    return hours


def taken_back(database: Database[Any], commit: Commit, session: ClientSession) -> set[int]:
    """Hours of the sales that a commit is about to delete."""
    gone: list[Filter] = []
    if commit.rewind_above is not None:
        gone.append({"blockchain.blockNumber": {"$gt": commit.rewind_above}})
        if commit.dropped_contracts:
            gone.append({"contractAddress": {"$in": list(commit.dropped_contracts)}})
    if commit.rewrite_rows_of is not None:
        first, last = commit.rewrite_rows_of
        gone.append({"blockchain.blockNumber": {"$gte": first, "$lte": last}})
    return {hour for one in gone for hour in hours_among(database, one, session)}


def keep(
    database: Database[Any], rows: Sequence[Mapping[str, Any]], again: set[int], session: ClientSession
) -> None:
    """Bring the sums in step with rows that were inserted; hours of deleted ones are summed up `again`."""
    if again:
        sum_again(database, again | sums_of(rows).keys(), session)
    else:
        add(database, rows, session)


def add(database: Database[Any], rows: Sequence[Mapping[str, Any]], session: ClientSession) -> None:
    """Add rows that were inserted in this transaction."""
    changes = [(hour, {"$inc": sums.stored()}) for hour, sums in sums_of(rows).items()]
    if changes:
        bulk.update(database, COLLECTION, changes, session, validate=False, upsert=True)


def hours_among(database: Database[Any], condition: Filter, session: ClientSession) -> set[int]:
    """The hours of the sales that meet a condition: to be asked before they are deleted."""
    sales = {"$match": {**condition, "type": "buy"}}
    seconds = {"$toLong": {"$divide": [{"$toLong": "$timestamp"}, 1000 * HOUR_SECONDS]}}
    found = database["transactions"].aggregate([sales, {"$group": {"_id": seconds}}], session=session)
    return {int(row["_id"]) for row in found}


def sum_again(database: Database[Any], hours: Iterable[int], session: ClientSession) -> None:
    """Sum up hours anew, from the rows as they are now in this transaction."""
    for hour in sorted(hours):
        within = {"$gte": start_of(hour), "$lt": start_of(hour + 1)}
        rows = database["transactions"].find({"type": "buy", "timestamp": within}, SUMMED, session=session)
        sums = sums_of(rows)
        database[COLLECTION].delete_one({"_id": hour}, session=session)
        if hour in sums:
            database[COLLECTION].insert_one({"_id": hour, **sums[hour].stored()}, session=session)


SUMMED = dict.fromkeys(("type", "seller", "buyer", "priceWei", "platformFeeWei", "timestamp"), 1)
