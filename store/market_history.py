"""What the market did in each bucket of time, and what is needed to say how it stood at the end of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec
from bson import ObjectId

from store.block_bounds import blocks_between
from store.documents import TransactionType
from store.exact_sums import sum_of
from store.market import Market, Trade, trade_of
from store.pages import newest_first
from store.snapshot import Document, Snapshot
from store.trade_hours import COLLECTION, EPOCH, HOUR, hour_of, start_of
from store.trade_windows import HOURS_ADDED
from store.trade_windows import trade_of as trade_of_hours

COUNTED = ("mint", "list")
WALKED = {"assetId": 1, "type": 1, "seller": 1, "buyer": 1, "priceWei": 1, "timestamp": 1}
OFFERED = {"marketStatus.isListed": True}


class Span(msgspec.Struct, frozen=True):
    """`count` buckets of one length from `start` on; aware UTC."""

    start: datetime
    length: timedelta
    count: int

    @property
    def condition(self) -> Document:
        return {"$gte": self.start, "$lt": self.start + self.count * self.length}

    @property
    def is_of_whole_hours(self) -> bool:
        """Whether no bucket begins within an hour."""
        return start_of(hour_of(self.start)) == self.start and self.length % HOUR == timedelta(0)

    @property
    def number(self) -> Document:
        """Which bucket, from 0, a row falls into, as an expression."""
        since = {"$subtract": ["$timestamp", self.start]}
        return {"$toInt": {"$floor": {"$divide": [since, self.length // timedelta(milliseconds=1)]}}}


class Doings(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one bucket; listings and mints are counted, whatever became of them."""

    trade: Trade = Trade()
    listings: int = 0
    mints: int = 0


class Step(msgspec.Struct, frozen=True, gc=False):
    """A deed, as far as it changes who owns or offers what."""

    asset: ObjectId
    type: TransactionType
    seller: str | None
    buyer: str | None
    price_wei: int | None
    time: datetime


class Offer(msgspec.Struct, frozen=True, gc=False):
    """A listing that is active on chain, stale or not."""

    seller: str
    price_wei: int


class Held(msgspec.Struct, frozen=True, gc=False):
    """An asset, as far as walking back needs it."""

    owner: str
    offer: Offer | None


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand now, for those assets and wallets that the walk back will come across."""

    assets: int
    listed: int
    holders: int
    held: Mapping[ObjectId, Held]
    owned: Mapping[str, int]
    """How many assets a wallet owns."""
    other_floor_wei: int | None
    """The lowest price asked for any other asset."""


class MarketHistory:
    """The market's past, as of one snapshot."""

    def __init__(self, snapshot: Snapshot, *, hours_are_kept: bool = False) -> None:
        """`hours_are_kept`: whether deeds have been summed up by the hour from the first block on."""
        self._snapshot, self._hours_are_kept = snapshot, hours_are_kept

    def doings(self, span: Span) -> dict[int, Doings]:
        """What happened, by number of the bucket, from 0; buckets in which nothing did are missing."""
        if self._hours_are_kept and span.is_of_whole_hours:
            return self._doings_by_hours(span)
        return self.doings_by_rows(span)

    def _doings_by_hours(self, span: Span) -> dict[int, Doings]:
        first, hours = hour_of(span.start), span.length // HOUR
        number = {"$toInt": {"$floor": {"$divide": [{"$subtract": ["$_id", first]}, hours]}}}
        within = {"_id": {"$gte": max(first, EPOCH), "$lt": first + span.count * hours}}
        pipeline: list[Document] = [{"$match": within}, {"$group": {"_id": number, **HOURS_ADDED}}]
        return {
            row["_id"]: Doings(
                trade=trade_of_hours(row), listings=int(row["listings"]), mints=int(row["mints"])
            )
            for row in self._snapshot.aggregate(COLLECTION, pipeline)
        }

    def doings_by_rows(self, span: Span) -> dict[int, Doings]:
        """The same, by a pass over the rows of those buckets."""
        trades, counts = self._trades(span), self._counts(span)
        return {
            number: Doings(
                trade=trades.get(number, Trade()),
                mints=counts.get((number, "mint"), 0),
                listings=counts.get((number, "list"), 0),
            )
            for number in {*trades, *(number for number, _ in counts)}
        }

    def steps_back(self, since: datetime, limit: int) -> list[Step]:
        """The deeds from `since` on, newest first; at most `limit`."""
        # By blocks, so that one index bounds and orders: times alone would have to be sorted.
        bound = blocks_between(self._snapshot, since, None)
        rows = self._snapshot.find(
            "transactions",
            {"timestamp": {"$gte": since}, **bound},
            sort=[(by.path, by.direction) for by in newest_first()],
            limit=limit,
            projection=WALKED,
        )
        return [_step(row) for row in rows]

    def present(self, steps: Sequence[Step], market: Market) -> Present:
        """How things stand, as far as undoing the steps needs it."""
        touched = list({step.asset for step in steps})
        wallets = list({wallet for step in steps for wallet in (step.seller, step.buyer) if wallet})
        counted = market.counted()
        return Present(
            assets=counted.assets,
            listed=counted.listed,
            holders=counted.holders,
            held=self._held(touched),
            owned=market.owned(wallets),
            other_floor_wei=self._floor_without(set(touched)),
        )

    def _trades(self, span: Span) -> dict[int, Trade]:
        group = {"number": span.number, "self": {"$eq": ["$seller", "$buyer"]}}
        amounts = {**sum_of("price", "$priceWei"), **sum_of("fee", "$platformFeeWei")}
        found: dict[int, Trade] = {}
        for row in self._snapshot.aggregate(
            "transactions",
            [
                {"$match": {"type": "buy", "timestamp": span.condition}},
                {"$group": {"_id": group, "sales": {"$sum": 1}, **amounts}},
            ],
        ):
            number = row["_id"]["number"]
            found[number] = found.get(number, Trade()) + trade_of(row)
        return found

    def _counts(self, span: Span) -> dict[tuple[int, str], int]:
        wanted = {"type": {"$in": list(COUNTED)}, "timestamp": span.condition}
        group = {"_id": {"number": span.number, "type": "$type"}, "count": {"$sum": 1}}
        rows = self._snapshot.aggregate("transactions", [{"$match": wanted}, {"$group": group}])
        return {(row["_id"]["number"], row["_id"]["type"]): row["count"] for row in rows}

    def _held(self, ids: Sequence[ObjectId]) -> dict[ObjectId, Held]:
        fields = {"ownership.currentOwner": 1, "chain.listing": 1}
        rows = self._snapshot.find("assets", {"_id": {"$in": list(ids)}}, projection=fields)
        return {row["_id"]: Held(row["ownership"]["currentOwner"], _offer(row)) for row in rows}

    def _floor_without(self, touched: set[ObjectId]) -> int | None:
        # Among one more than the touched ones, the cheapest untouched one must be.
        rows = self._snapshot.find(
            "assets",
            OFFERED,
            sort=[("marketStatus.listingPriceKey", 1)],
            limit=len(touched) + 1,
            projection={"marketStatus.listingPriceWei": 1},
        )
        others = (row for row in rows if row["_id"] not in touched)
        cheapest = next(others, None)
        return int(cheapest["marketStatus"]["listingPriceWei"]) if cheapest else None


def _step(row: Document) -> Step:
    wei = row["priceWei"]
    kind = cast("TransactionType", row["type"])
    price = None if wei is None else int(wei)
    return Step(row["assetId"], kind, row["seller"], row["buyer"], price, row["timestamp"])


def _offer(row: Document) -> Offer | None:
    listing = row["chain"]["listing"]
    return Offer(listing["seller"], int(listing["priceWei"])) if listing else None
