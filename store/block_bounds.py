"""Stretches of time as stretches of blocks: rows are in the order of blocks, and so are times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from store.pages import Direction
from store.snapshot import Filter, Snapshot

COLLECTIONS = ("transactions", "priceHistory")
NUMBER = "blockchain.blockNumber"
LATEST = datetime.max.replace(microsecond=999_000, tzinfo=UTC)


def times_between(low: datetime | None, high: datetime | None) -> Filter | None:
    """What the time of a row between the two meets, both included; None where there is no bound.

    Times are kept to the millisecond, and the server cuts off what is finer: upwards for a beginning.
    """
    first = None if low is None else _upwards(min(low, LATEST))
    return {name: time for name, time in {"$gte": first, "$lte": high}.items() if time is not None} or None


def _upwards(time: datetime) -> datetime:
    return time + timedelta(microseconds=-time.microsecond % 1000)


def blocks_between(snapshot: Snapshot, low: datetime | None, high: datetime | None) -> Filter:
    """What the block of every row between two times meets, both included; None: without end.

    The newest row before, and the oldest after it, bound it. Rows of their blocks meet it as well.
    """
    before = [] if low is None else _blocks_next_to(snapshot, {"$lt": low}, -1)
    after = [] if high is None else _blocks_next_to(snapshot, {"$gt": high}, 1)
    bounds = {"$gte": max(before, default=None), "$lte": min(after, default=None)}
    known = {name: number for name, number in bounds.items() if number is not None}
    return {NUMBER: known} if known else {}


def _blocks_next_to(snapshot: Snapshot, times: Filter, direction: Direction) -> list[int]:
    order = [("timestamp", direction), ("_id", direction)]
    found: Iterable[list[dict[str, Any]]] = (
        snapshot.find(one, {"timestamp": times}, sort=order, limit=1, projection={NUMBER: 1})
        for one in COLLECTIONS
    )
    return [row["blockchain"]["blockNumber"] for rows in found for row in rows]
