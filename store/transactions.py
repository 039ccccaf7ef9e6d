"""Reading deeds (mints, listings, sales, transfers), and activity: deeds and price points in one order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, cast

import msgspec
from bson import ObjectId
from bson.errors import InvalidId

from store.block_bounds import blocks_between, times_between
from store.documents import PriceDocument, TransactionDocument
from store.pages import Page, PageRequest, Source, both, newest_first, read_merged, read_page
from store.snapshot import Filter, Snapshot

RowStatus = Literal["pending", "completed", "failed"]

DEEDLESS_SOURCES = ("ai-oracle", "direct")
"""Price points that are not the echo of a deed, which is itself a row of the activity."""
ROWS_OF_ONE_TRANSACTION = 1000
"""Far above what fits into a block's gas; a bound on one answer."""


class TransactionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which deeds; None means no filter. Times aware UTC, `from_time` inclusive, `to_time` inclusive."""

    contract: str | None = None
    token_id: int | None = None
    types: tuple[str, ...] | None = None
    seller: str | None = None
    buyer: str | None = None
    wallet: str | None = None
    own_view: bool = False
    """In the wallet's own view a sale is `sell` for the seller and `buy` for the buyer."""
    status: RowStatus | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None
    transaction_hash: str | None = None

    def alternatives(self, finalized: int) -> list[Filter]:
        """Conditions of which a row must meet one; `finalized` is the number of the finalized block."""
        common = self._common(finalized)
        return [both(common, one) for one in self._parties()]

    def _common(self, finalized: int) -> Filter:
        wanted: dict[str, Any] = {
            "contractAddress": self.contract,
            "tokenId": self.token_id,
            "timestamp": times_between(self.from_time, self.to_time),
            "blockchain.transactionHash": self.transaction_hash,
            "blockchain.blockNumber": _status_range(self.status, finalized),
        }
        return {path: condition for path, condition in wanted.items() if condition is not None}

    def _parties(self) -> list[Filter]:
        named = {"seller": self.seller, "buyer": self.buyer}
        parties: Filter = {path: who for path, who in named.items() if who is not None}
        typed = both(parties, _typed(self.types))
        if self.wallet is None:
            return [typed]
        if self.own_view and self.types is not None:
            return [one for kind in self.types for one in _own_deeds(self.wallet, kind)]
        return [both(typed, {"seller": self.wallet}), both(typed, {"buyer": self.wallet})]


def _typed(types: tuple[str, ...] | None) -> Filter:
    if types is None:
        return {}
    return {"type": types[0] if len(types) == 1 else {"$in": list(types)}}


def _own_deeds(wallet: str, kind: str) -> list[Filter]:
    if kind == "sell":
        return [{"type": "buy", "seller": wallet, "buyer": {"$ne": wallet}}]
    if kind == "buy":
        return [{"type": "buy", "buyer": wallet}]
    return [{"type": kind, "seller": wallet}, {"type": kind, "buyer": wallet}]


def _status_range(status: RowStatus | None, finalized: int) -> Filter | None:
    # A reverted transaction leaves no logs, hence no rows: nothing we keep has failed.
    ranges = {"pending": {"$gt": finalized}, "completed": {"$lte": finalized}, "failed": {"$lt": 0}}
    return ranges[status] if status else None


class Transactions:
    """Deeds as of one snapshot, newest first."""

    def __init__(self, snapshot: Snapshot, finalized: int, among: Callable[[], Filter] = dict) -> None:
        """`among`: what only rows that are there meet; asked where it matters."""
        self._snapshot, self._finalized, self._among = snapshot, finalized, among

    def page(self, wanted: TransactionFilter, request: PageRequest) -> Page[TransactionDocument]:
        """One page of the deeds that match."""
        source = Source("transactions", self._alternatives(wanted))
        return cast("Page[TransactionDocument]", read_page(self._snapshot, source, newest_first(), request))

    def get(self, row_id: str) -> TransactionDocument | None:
        """One deed by its id (24 hex digits), or None."""
        try:
            key = ObjectId(row_id)
        except InvalidId:
            return None
        found = self._snapshot.one("transactions", both({"_id": key}, self._among()))
        return cast("TransactionDocument | None", found)

    def of_hash(self, transaction_hash: str) -> list[TransactionDocument]:
        """The deeds of one transaction, in their order."""
        rows = self._snapshot.find(
            "transactions",
            {"blockchain.transactionHash": transaction_hash},
            sort=[("blockchain.logIndex", 1), ("_id", 1)],
            limit=ROWS_OF_ONE_TRANSACTION,
        )
        return cast("list[TransactionDocument]", rows)

    def knows(self, wallet: str) -> bool:
        """Whether the wallet was ever seller or buyer of anything."""
        return any(self._snapshot.one("transactions", {party: wallet}) for party in ("seller", "buyer"))

    def activity(
        self, wanted: TransactionFilter, request: PageRequest
    ) -> Page[TransactionDocument | PriceDocument]:
        """Deeds and the price points that are not an echo of one, merged. Asks about asset and time only."""
        common = self._alternatives(wanted)
        pairs = [(one, source) for one in common for source in DEEDLESS_SOURCES]
        points = [both(one, {"source.type": source}) for one, source in pairs]
        sources = [Source("transactions", common), Source("priceHistory", points)]
        merged = read_merged(self._snapshot, sources, newest_first(), request)
        return cast("Page[TransactionDocument | PriceDocument]", merged)

    def _alternatives(self, wanted: TransactionFilter) -> list[Filter]:
        blocks = blocks_between(self._snapshot, wanted.from_time, wanted.to_time)
        among = both(self._among(), blocks)
        return [both(one, among) for one in wanted.alternatives(self._finalized)]
