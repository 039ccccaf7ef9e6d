"""The portfolio of a wallet: what it owns and is worth, what it traded, and how that was earlier."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from api.buckets import series_of
from api.freshness import indexed
from api.holdings import Lot, Realised, Worth, book_of, worths
from api.lists import Listed, Query
from api.responses import present_amount, present_asset_item
from store.assets import AssetFilter, sorted_by
from store.documents import AssetDocument
from store.encoding import ether
from store.portfolios import Owned, price_of
from store.reading import View

Json = dict[str, Any]

MAX_TYPES = 100


def portfolio(view: View, query: Query, wallet: str) -> Json:
    """Totals of everything the wallet owns and traded, and one page of what it owns."""
    owned, book = view.portfolios.owned(wallet), book_of(wallet, view.portfolios.moves(wallet))
    wanted, order = AssetFilter(owner=wallet), sorted_by("createdAt", -1)
    page = Listed("assets", ("portfolio", wanted, order), view).answer(
        query,
        lambda asked: view.assets.page(wanted, order, asked),
        lambda asset: _holding(asset, book.lots.get(asset["_id"]), view.finalized),
    )
    costs = {asset: lot.cost_wei for asset, lot in book.lots.items() if lot.cost_wei is not None}
    return {
        "portfolio": {
            "walletAddress": wallet,
            **_totals(owned),
            "byType": _by_type(owned),
            "coverage": _coverage(owned, costs),
            "unrealised": _unrealised(owned, costs),
            "realised": _realised(book.realised),
        },
        **page,
    }


def portfolio_history(view: View, query: Query, wallet: str) -> Json:
    """What the wallet held at the end of each bucket, oldest first."""
    tip_time = indexed(view)["tipTimestamp"]
    assert tip_time is not None, "a tip has a time"
    series = series_of(query, tip_time)
    moves = view.portfolios.moves(wallet, series.end) if series.count else []
    valuations = view.portfolios.valuations(list({move.asset for move in moves}), series.end)
    ends = [end for _, end in series.edges]
    told = zip(series.edges, worths(wallet, moves, valuations, ends), strict=True)
    buckets = [series.bucket(start, end) | _worth(worth) for (start, end), worth in told]
    return {"portfolioHistory": buckets, "interval": series.interval}


def _holding(asset: AssetDocument, lot: Lot | None, finalized: int) -> Json:
    cost, price = lot.cost_wei if lot else None, price_of(asset)
    gain = None if cost is None or price is None else price - cost
    return {
        **present_asset_item(asset, finalized),
        "acquired": {"type": lot.how, "timestamp": lot.at} if lot else None,
        "cost": present_amount(cost),
        "unrealisedGain": present_amount(gain),
    }


def _totals(owned: list[Owned]) -> Json:
    asked = [one.asked_wei for one in owned if one.asked_wei is not None]
    return {
        "assets": len(owned),
        **_money("value", sum(one.price_wei or 0 for one in owned)),
        "forSale": len(asked),
        **_money("asked", sum(asked)),
    }


def _by_type(owned: list[Owned]) -> list[Json]:
    """The most valuable types first."""
    by_type: dict[str | None, list[Owned]] = {}
    for one in owned:
        by_type.setdefault(one.type, []).append(one)
    rows = [{"assetType": kind, **_totals(some), "priced": _priced(some)} for kind, some in by_type.items()]
    rows.sort(key=lambda row: (-int(row["valueWei"]), -row["assets"], row["assetType"] or ""))
    return rows[:MAX_TYPES]


def _coverage(owned: list[Owned], costs: dict[Any, int]) -> Json:
    with_cost = sum(one.asset in costs for one in owned)
    return {"assets": len(owned), "priced": _priced(owned), "withCost": with_cost}


def _unrealised(owned: Iterable[Owned], costs: dict[Any, int]) -> Json:
    """Of the assets that have both a price and a cost."""
    pairs = [
        (one.price_wei, costs[one.asset]) for one in owned if one.asset in costs and one.price_wei is not None
    ]
    value, cost = sum(price for price, _ in pairs), sum(paid for _, paid in pairs)
    return {
        "assets": len(pairs),
        **_money("value", value),
        **_money("cost", cost),
        **_money("gain", value - cost),
    }


def _realised(traded: Realised) -> Json:
    return {
        "purchases": traded.purchases,
        **_money("spent", traded.spent_wei),
        "sales": traded.sales,
        **_money("earned", traded.earned_wei),
        **_money("fees", traded.fees_wei),
        **_money("net", traded.earned_wei - traded.fees_wei),
        "salesWithCost": traded.sales_with_cost,
        **_money("gain", traded.gain_wei),
        "selfTrades": traded.self_trades,
        **_money("selfTraded", traded.self_traded_wei),
        **_money("selfTradeFees", traded.self_trade_fees_wei),
    }


def _worth(worth: Worth) -> Json:
    return {
        "assets": worth.assets,
        **_money("value", worth.value_wei),
        **_money("cost", worth.cost_wei),
        "coverage": {"assets": worth.assets, "priced": worth.priced, "withCost": worth.with_cost},
    }


def _priced(owned: Iterable[Owned]) -> int:
    return sum(one.price_wei is not None for one in owned)


def _money(name: str, wei: int) -> Json:
    return {name: ether(wei), f"{name}Wei": str(wei)}
