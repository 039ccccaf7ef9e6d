"""The price history of one asset, as points or as candles, with analytics."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.candles import CHANGES, MONTH, analytics, candles
from api.lists import Listed, Query, direction_of
from api.past_view import PastView
from api.responses import present_price
from store.documents import AssetDocument
from store.pages import Direction, Page, PageRequest
from store.prices import PriceFilter
from store.reading import View


def price_history(view: View, query: Query, asset: AssetDocument) -> dict[str, Any]:
    """One page of points or candles, newest first unless told otherwise."""
    wanted = PriceFilter(
        contract=asset["contractAddress"],
        token_id=asset["tokenId"],
        source=query.get("source"),
        from_time=query.get("from_time"),
        to_time=query.get("to_time"),
    )
    interval = query.get("interval", "raw")
    prices = _points(view, query, wanted) if interval == "raw" else _candles(view, query, wanted, interval)
    return {**prices, "interval": interval, "analytics": _analytics(view, asset)}


def _points(view: View, query: Query, wanted: PriceFilter) -> dict[str, Any]:
    direction = direction_of(query, -1)
    listed = Listed("priceHistory", (wanted, direction), view)
    return listed.answer(query, lambda asked: view.prices.page(wanted, direction, asked), present_price)


def _candles(view: View, query: Query, wanted: PriceFilter, interval: str) -> dict[str, Any]:
    direction = direction_of(query, -1)
    rows = candles(view.prices.series(wanted), interval)[::direction]
    listed = Listed("priceHistory", (wanted, direction, interval), view)
    return listed.answer(query, lambda asked: _page_of_candles(rows, direction, asked), dict)


def _page_of_candles(
    rows: list[dict[str, Any]], direction: Direction, asked: PageRequest
) -> Page[dict[str, Any]]:
    """A page of computed rows: the position is the start of the last one."""
    skipped = asked.skipped
    if asked.after:
        last = datetime.fromisoformat(asked.after.decode())
        skipped = sum((row["start"] - last) * direction <= last - last for row in rows)
    kept, more = rows[skipped : skipped + asked.limit], len(rows) > skipped + asked.limit
    position = kept[-1]["start"].isoformat().encode() if more else None
    return Page(kept, position, len(rows) if asked.page else None)


def _analytics(view: View, asset: AssetDocument) -> dict[str, Any]:
    contract, token_id = asset["contractAddress"], asset["tokenId"]
    now = view.checkpoint["tipTimestamp"] if view.checkpoint else None
    if now is None and isinstance(view, PastView):
        now = _any_time(view, contract, token_id)
    moment = now or asset["currentPrice"]["updatedAt"]
    valuations = view.prices.valuations_since(contract, token_id, moment - MONTH)
    return analytics(int(asset["currentPrice"]["valueWei"]), valuations, moment)


def _any_time(view: PastView, contract: str, token_id: int) -> datetime:
    """A time that the block may have had, where all such times give one answer. Raises BlockTimeUnknown."""
    low, high = view.between()
    ends = [(low - age, high - age) for age in CHANGES.values()]
    points = view.prices.valuations_since(contract, token_id, low - MONTH)
    if any(earliest < point.time <= latest for point in points for earliest, latest in ends):
        raise view.time_unknown("the changes of price")
    return low
