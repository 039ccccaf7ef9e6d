"""A view of the store as it would have been, had the chain stood still at some block."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from api.past_problems import BlockTimeUnknown
from api.services import History
from store.chronicle import Header
from store.documents import AssetDocument, BlockRefDocument, CheckpointDocument, MarketDocument
from store.held import HeldAssets
from store.market import Figures, Market
from store.prices import Prices
from store.reading import View
from store.transactions import Transactions


class PastView(View):
    """Everything at one block, as far as the chain decides it. What is final is told as of today."""

    def __init__(self, now: View, history: History, number: int, header: Header) -> None:
        self._now, self._history, self._number, self._header = now, history, number, header
        self.chronicle, self.snapshot, self.moment = now.chronicle, now.snapshot, now.moment
        self.mark = now.chronicle.newest(number)
        self.checkpoint = self._checkpoint_then()
        self.status, self.told = now.status, now.told
        self.assets = HeldAssets(self.all_assets, self._some, now.chronicle.people)
        self.market = PastMarket(self)
        self.transactions = Transactions(now.snapshot, self.finalized, lambda: self.rows)
        self.prices = Prices(now.snapshot, lambda: self.rows)

    @cached_property
    def rows(self) -> dict[str, Any]:
        """Which rows were there: a contract that was linked later brought its earlier rows with it then."""
        then: dict[str, Any] = {"blockchain.blockNumber": {"$lte": self._number}}
        linked, known = self._now.moment.state.market, self.configuration["assetContracts"]
        if linked and set(linked["assetContracts"]) != set(known):
            then["contractAddress"] = {"$in": known}
        return then

    @cached_property
    def configuration(self) -> MarketDocument:
        """How the contracts were set up."""
        return self._history.some(self.chronicle, self._number, self._now.finalized, []).market

    @property
    def asset_contract(self) -> str:
        """The contract a bare tokenId meant."""
        return self.configuration["marketplaceAsset"]

    @property
    def read_at(self) -> BlockRefDocument | None:
        """The block; where its hash is not known, the one with events whose state it still had."""
        checkpoint = cast("CheckpointDocument", self.checkpoint)
        return checkpoint["tip"] if self._header.hash else checkpoint["stateOf"]

    @property
    def timestamp(self) -> datetime | None:
        """Time of the block; None where it is not kept."""
        return self._header.timestamp

    def between(self) -> tuple[datetime, datetime]:
        """The block's time is not before the first of these, and not after the second."""
        if self.timestamp is not None:
            return self.timestamp, self.timestamp
        tip = cast("CheckpointDocument", self._now.checkpoint)["tipTimestamp"]
        latest = self.chronicle.next_time(self._number) or tip
        assert latest is not None
        return self.mark.timestamp if self.mark else datetime.fromtimestamp(0, latest.tzinfo), latest

    def time_unknown(self, what: str) -> BlockTimeUnknown:
        """Said where an answer depends on a time that we do not know."""
        low, high = self.between()
        near = f"; ask for block {self.mark.number}, whose time is known" if self.mark else ""
        return BlockTimeUnknown(
            f"the time of block {self._number}, which had no events, is not kept, only that it lies between "
            f"{low.isoformat()} and {high.isoformat()}; {what} would depend on it{near}"
        )

    def market_figures(self) -> Figures | None:
        """The market's figures at the block; raises BlockTimeUnknown."""
        return cast("PastMarket", self.market).figures_between(*self.between())

    def all_assets(self) -> Sequence[AssetDocument]:
        """Without what people say of them."""
        return self._history.whole(self.chronicle, self._number).assets

    def _some(self, token_ids: Sequence[int]) -> Sequence[AssetDocument]:
        return self._history.some(self.chronicle, self._number, self._now.finalized, token_ids).assets

    def _checkpoint_then(self) -> CheckpointDocument:
        checkpoint = cast("CheckpointDocument", self._now.checkpoint)
        here = {"number": self._number, "hash": self._header.hash}
        final = checkpoint["finalized"]
        past = final if final is None or final["number"] < self._number else here
        since = {"number": self.mark.number, "hash": self.mark.hash} if self.mark else None
        changed = {"tip": here, "head": here, "finalized": past, "tipTimestamp": self._header.timestamp}
        return cast("CheckpointDocument", {**checkpoint, **changed, "stateOf": since})


class PastMarket(Market):
    """The market at a block of the past."""

    def __init__(self, past: PastView) -> None:
        super().__init__(past.snapshot)
        self._past = past

    def configuration(self) -> MarketDocument:
        """Fee, collector and linked contracts, as they were."""
        return self._past.configuration

    def active_listings(self) -> int:
        """Listings that the marketplace held as active, stale or not."""
        return sum(each["chain"]["listing"] is not None for each in self._past.all_assets())

    def figures_between(self, low: datetime, high: datetime) -> Figures:
        """The figures, where they are the same at both times: the windows of trade reach back from there."""
        trade = self.trade(high, self._past.rows)
        if low != high and self.trade(low, self._past.rows) != trade:
            raise self._past.time_unknown("the windows of `trade`")
        assets = self._past.all_assets()
        listed = [each for each in assets if each["marketStatus"]["isListed"]]
        purchasable = [each for each in listed if each["marketStatus"]["isPurchasable"]]
        return Figures(
            assets=len(assets),
            holders=len({each["ownership"]["currentOwner"] for each in assets}),
            listed=len(listed),
            purchasable=len(purchasable),
            floor_wei=_floor(listed),
            purchasable_floor_wei=_floor(purchasable),
            trade=trade,
        )


def _floor(listed: Sequence[AssetDocument]) -> int | None:
    return min((int(cast("str", each["marketStatus"]["listingPriceWei"])) for each in listed), default=None)
