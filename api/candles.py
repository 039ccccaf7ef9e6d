"""Price points → candles and analytics. Pure: exact integers until a ratio is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from statistics import fmean, pstdev
from typing import Any

from api.buckets import INTERVALS, number_of, start_of
from api.responses import present_amount
from store.encoding import ether
from store.prices import PricePoint

MONTH = timedelta(days=30)
CHANGES = {"change24h": timedelta(hours=24), "change7d": timedelta(days=7), "change30d": MONTH}
ENOUGH_CHANGES = 2
"""The spread of fewer says nothing."""


def candles(points: Iterable[PricePoint], interval: str) -> list[dict[str, Any]]:
    """Points, oldest first, as OHLC buckets, oldest first; buckets without points are left out."""
    return [
        _candle(start_of(number, interval), INTERVALS[interval], list(group))
        for number, group in groupby(points, lambda point: number_of(point.time, interval))
    ]


def _candle(start: datetime, length: timedelta, points: Sequence[PricePoint]) -> dict[str, Any]:
    prices = [point.price_wei for point in points]
    corners = {"open": prices[0], "high": max(prices), "low": min(prices), "close": prices[-1]}
    shown = {name: ether(wei) for name, wei in corners.items()}
    exact = {f"{name}Wei": str(wei) for name, wei in corners.items()}
    sources = Counter(point.source for point in points if point.source is not None)
    counted = {
        "points": len(points),
        "confidence": average_confidence(points),
        "sources": dict(sorted(sources.items())),
    }
    return {"start": start, "end": start + length, **shown, **exact, **counted}


def analytics(current_wei: int, valuations: Sequence[PricePoint], now: datetime) -> dict[str, Any]:
    """What the price did until `now`; `valuations` reach 30 days back, with the one in force then, if any.

    Changes are percentages, null when there was no price then or it was zero. `volatility` is the standard
    deviation of the percentage changes from one value to the next, `averageConfidence` the mean score, both
    over the 30 days.
    """
    changes = {name: _change(current_wei, _price_at(valuations, now - age)) for name, age in CHANGES.items()}
    recent = [point for point in valuations if point.time > now - MONTH]
    return {
        "current": present_amount(current_wei),
        **changes,
        "averageConfidence": average_confidence(recent),
        "volatility": _volatility(valuations),
    }


def average_confidence(points: Iterable[PricePoint]) -> float | None:
    """Mean score of the points that have one."""
    scores = [point.confidence for point in points if point.confidence is not None]
    return fmean(scores) if scores else None


def _price_at(valuations: Sequence[PricePoint], time: datetime) -> int | None:
    earlier = [point.price_wei for point in valuations if point.time <= time]
    return earlier[-1] if earlier else None


def _change(new_wei: int, old_wei: int | None) -> float | None:
    if not old_wei:
        return None
    return float(Fraction(100 * (new_wei - old_wei), old_wei))


def _volatility(valuations: Sequence[PricePoint]) -> float | None:
    steps = [_change(new.price_wei, old.price_wei) for old, new in pairwise(valuations)]
    changes = [step for step in steps if step is not None]
    return pstdev(changes) if len(changes) >= ENOUGH_CHANGES else None
