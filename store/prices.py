"""Reading price points of one asset."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import msgspec

from store.block_bounds import blocks_between, times_between
from store.documents import PriceDocument
from store.errors import TooMuch
from store.pages import Direction, Page, PageRequest, Source, both, chain_order, read_page
from store.snapshot import Document, Filter, Snapshot

VALUATIONS = ("mint", "ai-oracle", "direct")
"""Sources that set the price in the asset contract; listings and sales do not."""
ROWS_OF_ONE_TRANSACTION = 1000
MAX_POINTS = 200_000
"""That candles are made of: one a block for a month."""


class PriceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which points of which asset; times aware UTC and inclusive."""

    contract: str
    token_id: int
    source: str | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None

    def condition(self) -> Filter:
        """The filter as MongoDB asks for it."""
        wanted: dict[str, Any] = {
            "contractAddress": self.contract,
            "tokenId": self.token_id,
            "source.type": self.source,
            "timestamp": times_between(self.from_time, self.to_time),
        }
        return {path: condition for path, condition in wanted.items() if condition is not None}


class PricePoint(msgspec.Struct, frozen=True, gc=False):
    """What computing needs of a point: exact wei, aware time, confidence 0-100 or None, where it is from."""

    time: datetime
    price_wei: int
    confidence: int | None
    source: str | None = None


class Prices:
    """Price points as of one snapshot."""

    def __init__(self, snapshot: Snapshot, among: Callable[[], Filter] = dict) -> None:
        """`among`: what only points that are there meet; asked where it matters."""
        self._snapshot, self._among = snapshot, among

    def page(self, wanted: PriceFilter, direction: Direction, request: PageRequest) -> Page[PriceDocument]:
        """One page of points, in the order of the chain or backwards."""
        source = Source("priceHistory", [both(self._meant(wanted), self._among())])
        return cast("Page[PriceDocument]", read_page(self._snapshot, source, chain_order(direction), request))

    def series(self, wanted: PriceFilter) -> list[PricePoint]:
        """All points that match, oldest first. Raises TooMuch."""
        found = self._points(self._meant(wanted), 1, limit=MAX_POINTS + 1)
        if len(found) > MAX_POINTS:
            raise TooMuch("asset", MAX_POINTS, "price points between `from` and `to`")
        return found

    def valuations_since(self, contract: str, token_id: int, time: datetime) -> list[PricePoint]:
        """What the contract's price was at `time`, if there was one, and every value since, oldest first."""
        asset = {"contractAddress": contract, "tokenId": token_id, "source.type": {"$in": list(VALUATIONS)}}
        before = self._points({**asset, "timestamp": {"$lte": time}}, -1, limit=1)
        return before + self._points({**asset, "timestamp": {"$gt": time}}, 1)

    def of_hash(self, transaction_hash: str) -> list[PriceDocument]:
        """The points of one transaction, in their order."""
        rows = self._snapshot.find(
            "priceHistory",
            {"blockchain.transactionHash": transaction_hash},
            sort=[("blockchain.logIndex", 1), ("_id", 1)],
            limit=ROWS_OF_ONE_TRANSACTION,
        )
        return cast("list[PriceDocument]", rows)

    def _meant(self, wanted: PriceFilter) -> Filter:
        return both(wanted.condition(), blocks_between(self._snapshot, wanted.from_time, wanted.to_time))

    def _points(self, condition: Filter, direction: Direction, limit: int = 0) -> list[PricePoint]:
        rows = self._snapshot.find(
            "priceHistory",
            both(condition, self._among()),
            sort=[(by.path, by.direction) for by in chain_order(direction)],
            limit=limit,
            projection={"priceWei": 1, "timestamp": 1, "aiMetrics.confidenceScore": 1, "source.type": 1},
        )
        return [_point(row) for row in rows]


def _point(row: Document) -> PricePoint:
    score, source = row["aiMetrics"]["confidenceScore"], row["source"]["type"]
    return PricePoint(row["timestamp"], int(row["priceWei"]), score, source)
