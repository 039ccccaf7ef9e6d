"""Trade of the market's windows, from the sums of whole hours and the rows of the hours that are cut."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from store.exact_sums import summed
from store.market import WINDOWS, Trade, trade_among
from store.snapshot import Document, Snapshot
from store.trade_hours import (
    ALL_HOURS,
    COLLECTION,
    COUNTS,
    EPOCH,
    HOUR,
    PART_FIELDS,
    hour_of,
    start_of,
)

HOURS_ADDED = {name: {"$sum": f"${name}"} for name in (*COUNTS, *PART_FIELDS)}
"""The sums of several hours, as fields of a `$group`."""


def windows(snapshot: Snapshot, now: datetime) -> dict[str, Trade]:
    """Trade by window; windows reach back from `now`, and begin just after `now` minus their length.

    Costs a document for each hour of the longest window, and for each window the sales of half an hour.
    """
    begins = {name: now - length for name, length in WINDOWS.items() if length}
    cuts = sorted({hour_of(begin) for begin in begins.values()}, reverse=True)
    between = _sums_between(snapshot, cuts)
    found: dict[str, Trade] = {}
    for name in WINDOWS:
        if name not in begins:
            whole = snapshot.one(COLLECTION, {"_id": ALL_HOURS})
            found[name] = trade_of(whole) if whole else Trade()
            continue
        cut = hour_of(begins[name])
        whole_hours = sum((between[hour] for hour in between if hour > cut), Trade())
        found[name] = whole_hours + _rest_of_hour(snapshot, begins[name], between.get(cut, Trade()))
    return found


def _sums_between(snapshot: Snapshot, cuts: list[int]) -> dict[int, Trade]:
    """Sums keyed by an hour of theirs: those above each cut up to the next one, and of each cut itself."""
    branches: list[Document] = []
    for cut in cuts:
        branches += [{"case": {"$gt": ["$_id", cut]}, "then": cut + 1}]
        branches += [{"case": {"$eq": ["$_id", cut]}, "then": cut}]
    match: Document = {"$match": {"_id": {"$gte": max(cuts[-1], EPOCH)}}}
    group = {"_id": {"$switch": {"branches": branches}}, **HOURS_ADDED}
    return {row["_id"]: trade_of(row) for row in snapshot.aggregate(COLLECTION, [match, {"$group": group}])}


def _rest_of_hour(snapshot: Snapshot, begin: datetime, whole: Trade) -> Trade:
    """Sales of the hour in which a window begins, as far as they are in it; `whole`: all of that hour."""
    start = start_of(hour_of(begin))
    if begin - start < HOUR / 2:
        return whole - trade_among(snapshot, {"timestamp": {"$gte": start, "$lte": begin}})
    return trade_among(snapshot, {"timestamp": {"$gt": begin, "$lt": start + HOUR}})


def trade_of(row: Mapping[str, Any]) -> Trade:
    """The trade that stored sums stand for."""
    return Trade(
        sales=int(row["sales"]),
        volume_wei=summed(row, "price"),
        self_trades=int(row["selfTrades"]),
        self_traded_wei=summed(row, "selfPrice"),
        fees_wei=summed(row, "fee"),
    )
