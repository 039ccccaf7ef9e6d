"""Reading the market: its configuration, and figures that are exact to the wei."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec

from store.documents import MarketDocument
from store.exact_sums import sum_of, summed
from store.holdings import ALL
from store.holdings import COLLECTION as HOLDINGS
from store.snapshot import Document, Filter, Snapshot

WINDOWS: dict[str, timedelta | None] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "all": None,
}


class Counted(msgspec.Struct, frozen=True):
    """How many assets there are; `active`: with a listing that stands on chain, even if it is stale."""

    assets: int
    holders: int
    listed: int
    purchasable: int
    active: int


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """Sales of one window. Self-trades (seller is buyer) are not in sales and volume; fees are of both."""

    sales: int = 0
    volume_wei: int = 0
    self_trades: int = 0
    self_traded_wei: int = 0
    fees_wei: int = 0

    def __add__(self, other: Trade) -> Trade:
        names = self.__struct_fields__
        return Trade(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def __sub__(self, other: Trade) -> Trade:
        names = self.__struct_fields__
        return Trade(**{name: getattr(self, name) - getattr(other, name) for name in names})


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The market as of one block. Floors are the lowest prices asked, None where nothing is offered."""

    assets: int
    holders: int
    listed: int
    purchasable: int
    floor_wei: int | None
    purchasable_floor_wei: int | None
    trade: dict[str, Trade]


class LatestFigures:
    """Remembers the figures of the newest state asked for: many ask for the same ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: object = None
        self._figures: Figures | None = None

    def of(self, state: object, compute: Callable[[], Figures]) -> Figures:
        """The figures of that state, computed at most once while no other state is asked for."""
        with self._lock:
            if self._figures is None or self._state != state:
                self._figures = compute()
                self._state = state
            return self._figures


class Market:
    """The market as of one snapshot."""

    def __init__(self, snapshot: Snapshot, known: MarketDocument | None = None) -> None:
        """`known`: the configuration, where it has been read already."""
        self._snapshot, self._known = snapshot, known

    def configuration(self) -> MarketDocument | None:
        """Fee, collector and linked contracts; None before the contracts were first seen."""
        if self._known is not None:
            return self._known
        return cast("MarketDocument | None", self._snapshot.one("market", {"_id": "market"}))

    def figures(self, now: datetime, trade: dict[str, Trade] | None = None) -> Figures:
        """Everything the statistics tell; windows reach back from `now`, the time of the tip.

        `trade`: trade by window, where it is known; else it costs a pass over all sales.
        """
        counted = self.counted()
        return Figures(
            assets=counted.assets,
            holders=counted.holders,
            listed=counted.listed,
            purchasable=counted.purchasable,
            floor_wei=self._floor("isListed"),
            purchasable_floor_wei=self._floor("isPurchasable"),
            trade=self.trade(now) if trade is None else trade,
        )

    def counted(self) -> Counted:
        """How many assets there are: as kept, or by walking their indexes where that is not kept (yet)."""
        kept = self._snapshot.one(HOLDINGS, {"_id": ALL})
        return self.count() if kept is None else Counted(**{name: kept[name] for name in COUNTED})

    def count(self) -> Counted:
        """The same by walking the indexes of all assets."""
        owners: list[Document] = [{"$group": {"_id": "$ownership.currentOwner"}}, {"$count": "holders"}]
        return Counted(
            assets=self._snapshot.count("assets", {}),
            holders=sum(row["holders"] for row in self._snapshot.aggregate("assets", owners)),
            listed=self._snapshot.count("assets", {"marketStatus.isListed": True}),
            purchasable=self._snapshot.count("assets", {"marketStatus.isPurchasable": True}),
            active=self._snapshot.count("assets", {"chain.listing.seller": {"$exists": True}}),
        )

    def owned(self, wallets: Sequence[str]) -> dict[str, int]:
        """How many assets each of the wallets holds; those without any are missing."""
        if self._snapshot.one(HOLDINGS, {"_id": ALL}) is not None:
            kept = self._snapshot.find(HOLDINGS, {"_id": {"$in": list(wallets)}})
            return {row["_id"]: row["assets"] for row in kept}
        groups: list[Document] = [
            {"$match": {"ownership.currentOwner": {"$in": list(wallets)}}},
            {"$group": {"_id": "$ownership.currentOwner", "assets": {"$sum": 1}}},
        ]
        return {row["_id"]: row["assets"] for row in self._snapshot.aggregate("assets", groups)}

    def active_listings(self) -> int:
        """Listings that the marketplace holds as active, whether or not the lister still owns the asset."""
        return self.counted().active

    def _floor(self, flag: str) -> int | None:
        # What can be bought is listed: one flag alone is all that an index has to begin with.
        cheapest = self._snapshot.one("assets", {f"marketStatus.{flag}": True}, sort=CHEAPEST_FIRST)
        return int(cheapest["marketStatus"]["listingPriceWei"]) if cheapest else None

    def trade(self, now: datetime, among: Filter | None = None) -> dict[str, Trade]:
        """Sales by window, of the deeds that meet a condition."""
        pipeline = [{"$match": {"type": "buy", **(among or {})}}, {"$group": _sums(_slice(now))}]
        slices: dict[str, Trade] = {}
        for row in self._snapshot.aggregate("transactions", pipeline):
            name = row["_id"]["slice"]
            slices[name] = slices.get(name, Trade()) + trade_of(row)
        return _nested(slices)


CHEAPEST_FIRST = [("marketStatus.listingPriceKey", 1)]
COUNTED = Counted.__struct_fields__


def trade_among(snapshot: Snapshot, condition: Filter) -> Trade:
    """The sales that meet a condition, by a pass over them."""
    pipeline = [{"$match": {"type": "buy", **condition}}, {"$group": _sums({"$literal": "all"})}]
    return sum(map(trade_of, snapshot.aggregate("transactions", pipeline)), Trade())


def _slice(now: datetime) -> Document:
    """The narrowest window that a sale falls into, as an expression."""
    bounded = {name: length for name, length in WINDOWS.items() if length}
    branches = [{"case": {"$gt": ["$timestamp", now - bounded[name]]}, "then": name} for name in bounded]
    return {"$switch": {"branches": branches, "default": "all"}}


def _sums(window: Document) -> Document:
    group = {"slice": window, "self": {"$eq": ["$seller", "$buyer"]}}
    amounts = {**sum_of("price", "$priceWei"), **sum_of("fee", "$platformFeeWei")}
    return {"_id": group, "sales": {"$sum": 1}, **amounts}


def trade_of(row: Document) -> Trade:
    """The sums of a group of sales whose `_id.self` says whether they are of a wallet to itself."""
    price, fees = summed(row, "price"), summed(row, "fee")
    if row["_id"]["self"]:
        return Trade(self_trades=row["sales"], self_traded_wei=price, fees_wei=fees)
    return Trade(sales=row["sales"], volume_wei=price, fees_wei=fees)


def _nested(slices: dict[str, Trade]) -> dict[str, Trade]:
    """Windows contain the narrower ones."""
    windows: dict[str, Trade] = {}
    so_far = Trade()
    for name in WINDOWS:
        so_far = so_far + slices.get(name, Trade())
        windows[name] = so_far
    return windows
