"""The market's figures, bucket by bucket."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.buckets import Series, series_of
from api.freshness import indexed
from api.lists import Query
from api.market_past import Moment, moments
from api.responses import present_amount, present_trade
from store.market import Trade
from store.market_history import Doings, Span
from store.reading import View

EXACT_DEEDS = 50_000
"""So many of the newest deeds are undone to say how things stood; what lies before is not told."""


def market_history(view: View, query: Query) -> dict[str, Any]:
    """One entry for each bucket, oldest first; how things stood at its end, where that is known exactly."""
    tip_time = indexed(view)["tipTimestamp"]
    assert tip_time is not None, "a tip has a time"
    series = series_of(query, tip_time)
    doings = view.history.doings(Span(series.start, series.length, series.count)) if series.count else {}
    stood = _stood(view, series)
    buckets = [
        series.bucket(start, end) | _told(doings.get(number, Doings()), stood.get(end))
        for number, (start, end) in enumerate(series.edges)
    ]
    exact = [bucket["start"] for bucket in buckets if bucket["assets"] is not None]
    return {"statsHistory": buckets, "interval": series.interval, "exactFrom": exact[0] if exact else None}


def _stood(view: View, series: Series) -> dict[datetime, Moment]:
    """How things stood at the end of buckets, by that end; the newest ones, as far as deeds are undone."""
    if not series.count:
        return {}
    steps = view.history.steps_back(series.start + series.length, EXACT_DEEDS + 1)
    ends = [end for _, end in reversed(series.edges)]
    if len(steps) > EXACT_DEEDS:
        # Deeds at the very time of the oldest one may be missing.
        ends = [end for end in ends if end > steps[-1].time]
        # What is older than the last of those ends is not undone: nobody need know what it touched.
        steps = [step for step in steps if ends and step.time >= ends[-1]]
    market = view.market.configuration()
    one_contract = market is not None and len(market["assetContracts"]) == 1
    present = view.history.present(steps, view.market)
    return dict(zip(ends, moments(present, steps, ends, one_contract=one_contract), strict=True))


def _told(doings: Doings, stood: Moment | None) -> dict[str, Any]:
    trade: Trade = doings.trade
    return {
        **present_trade(trade),
        "listings": doings.listings,
        "mints": doings.mints,
        "assets": stood.assets if stood else None,
        "holders": stood.holders if stood else None,
        "listed": stood.listed if stood else None,
        "floorPrice": present_amount(stood.floor_wei) if stood else None,
    }
