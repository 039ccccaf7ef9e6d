"""A view of what is settled: the chain as of the finalized block, in the snapshot of a view of the tip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from msgspec.structs import replace

from store.documents import CheckpointDocument, MarketDocument, TransactionDocument
from store.holdings import Counts, deciding
from store.market import Figures, Market, Trade
from store.pages import Page, PageRequest
from store.prices import Prices
from store.reading import View
from store.settled import SettledAssets
from store.snapshot import Document, Filter, Snapshot
from store.trade_hours import KEPT, LAYOUT, SUMMED, Sums
from store.trade_windows import trade_of, windows
from store.transactions import TransactionFilter, Transactions

NOTHING = "failed"
"""No row we keep has this status."""


class SettledView(View):
    """Everything as of the finalized block, as far as the chain decides it."""

    def __init__(self, now: View) -> None:
        """Raises NotSettled while nothing is final."""
        self.moment, self.snapshot = now.moment, now.snapshot
        self.checkpoint = settled_checkpoint(cast("CheckpointDocument", now.checkpoint))
        self._assets = SettledAssets(self.snapshot, self.checkpoint["addresses"]["marketplace"])
        self._market = SettledMarket(self.snapshot, self._assets)
        self.assets, self.market = self._assets, self._market
        self.transactions = SettledTransactions(self.snapshot, self.finalized, lambda: self.rows)
        self.prices = Prices(self.snapshot, lambda: self.rows)
        self.status, self.told, self.chronicle = now.status, now.told, now.chronicle

    @cached_property
    def rows(self) -> Filter:
        """What settled rows meet: a contract whose link is not final brought rows of final blocks with it."""
        final: Filter = {"blockchain.blockNumber": {"$lte": self.finalized}}
        now = self.moment.state.market
        if now is None or len(now["assetContracts"]) == 1:
            return final
        known = cast("MarketDocument", self.market.configuration())["assetContracts"]
        is_known = set(known) == set(now["assetContracts"])
        return final if is_known else {**final, "contractAddress": {"$in": known}}

    def market_figures(self) -> Figures | None:
        """The figures at the finalized block. Raises NotSettled where its time is not known."""
        checkpoint = cast("CheckpointDocument", self.checkpoint)
        now = checkpoint["tipTimestamp"]
        if now is None:
            raise NotSettled(
                f"the time of block {self.finalized} is not kept, and windows reach back from it"
            )
        are_kept = checkpoint.get(KEPT) == LAYOUT
        trade = windows(self.snapshot, now) if are_kept else self._market.trade_until(now)
        return self._market.figures_of(_without(trade, self._unsettled()))

    def _unsettled(self) -> Trade:
        """Sales that may still be taken back; they are younger than every window is long.

        No link brings sales along: the marketplace sells what it is linked to, and nothing else.
        """
        condition = {"blockchain.blockNumber": {"$gt": self.finalized}, "type": "buy"}
        sums = Sums()
        for row in self.snapshot.find("transactions", condition, projection=SUMMED):
            sums.add(row)
        return trade_of(sums.stored())


class NotSettled(Exception):
    """What is asked for cannot be told exactly as of the finalized block."""


def settled_checkpoint(checkpoint: CheckpointDocument) -> CheckpointDocument:
    """Where we would stand if the chain ended with the finalized block. Raises NotSettled."""
    final, tip = checkpoint["finalized"], checkpoint["tip"]
    if final is None or tip is None:
        raise NotSettled("no block is final yet")
    noted = checkpoint.get("finalizedAt")
    time: datetime | None = noted["timestamp"] if noted and noted["number"] == final["number"] else None
    if tip["number"] == final["number"]:
        time = checkpoint["tipTimestamp"]
    changed = {"tip": final, "tipTimestamp": time}
    return cast("CheckpointDocument", {**checkpoint, **changed})


class SettledTransactions(Transactions):
    """Deeds that are settled."""

    def page(self, wanted: TransactionFilter, request: PageRequest) -> Page[TransactionDocument]:
        return super().page(_settled(wanted), request)

    def activity(self, wanted: TransactionFilter, request: PageRequest) -> Page[Any]:
        return super().activity(_settled(wanted), request)


def _settled(wanted: TransactionFilter) -> TransactionFilter:
    """Nothing that is final is pending."""
    return replace(wanted, status=NOTHING) if wanted.status == "pending" else wanted


class SettledMarket(Market):
    """The market as of the finalized block: what is kept of it now, less what is not final."""

    def __init__(self, snapshot: Snapshot, assets: SettledAssets) -> None:
        super().__init__(snapshot)
        self._assets = assets

    def active_listings(self) -> int:
        moved = _moved(*self._assets.all_settled())
        return self.counted().active + moved.totals["active"]

    def configuration(self) -> MarketDocument | None:
        """As it was at finality; as it is now, where it has not changed since the start."""
        base = self._snapshot.one("market", {"_id": "base"})
        return cast("MarketDocument", base) if base else super().configuration()

    def trade_until(self, now: datetime) -> dict[str, Trade]:
        """Trade by window, by a pass over all sales."""
        return self.trade(now)

    def figures_of(self, trade: dict[str, Trade]) -> Figures:
        """The figures, given that trade."""
        as_they_are, as_they_were = self._assets.all_settled()
        others: Filter = {"_id": {"$nin": [document["_id"] for document in as_they_are]}}
        moved, now = _moved(as_they_are, as_they_were), self.counted()
        return Figures(
            assets=now.assets + moved.totals["assets"],
            holders=now.holders + self._more_holders(moved.held),
            listed=now.listed + moved.totals["listed"],
            purchasable=now.purchasable + moved.totals["purchasable"],
            floor_wei=self._lowest(others, as_they_were, "isListed"),
            purchasable_floor_wei=self._lowest(others, as_they_were, "isPurchasable"),
            trade=trade,
        )

    def _more_holders(self, moved: Mapping[str, int]) -> int:
        """How many more wallets hold assets if each holds so many more."""
        now = self.owned(list(moved))
        return sum((now.get(one, 0) + by > 0) - (now.get(one, 0) > 0) for one, by in moved.items())

    def _lowest(self, others: Filter, were: list[Document], flag: str) -> int | None:
        order = [("marketStatus.listingPriceKey", 1)]
        cheapest = self._snapshot.one("assets", {f"marketStatus.{flag}": True, **others}, sort=order)
        asked = [document["marketStatus"] for document in (*were, *([cheapest] if cheapest else []))]
        return min((int(offer["listingPriceWei"]) for offer in asked if offer[flag]), default=None)


def _moved(are: Iterable[Document], were: Iterable[Document]) -> Counts:
    moved = Counts()
    for document, by in (*((one, -1) for one in are), *((one, 1) for one in were)):
        moved.count(deciding(document), by)
    return moved


def _without(trade: dict[str, Trade], less: Trade) -> dict[str, Trade]:
    return {window: whole - less for window, whole in trade.items()}
