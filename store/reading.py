"""What a reader of the store may ask: one view is one snapshot, so no answer mixes two blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from pymongo.database import Database

from store.answering import answering
from store.assets import Assets
from store.chronicle import Chronicle
from store.documents import (
    BlockRefDocument,
    CheckpointDocument,
    EndpointsDocument,
    LeaseDocument,
)
from store.favourites import LikedAssets
from store.market import Figures, LatestFigures, Market, Trade
from store.market_history import MarketHistory
from store.moments import Moment, Moments
from store.pinned import Pinned
from store.portfolios import Portfolios
from store.prices import Prices
from store.provenance import Provenance
from store.snapshot import Document, Snapshot
from store.sought import Sought
from store.status import Status
from store.told import Told
from store.trade_hours import KEPT, LAYOUT
from store.trade_windows import windows
from store.transactions import Transactions
from store.trending import Trending

IN_FORCE = {"$or": [{"$ne": ["$_id", "lease"]}, {"$gt": ["$expiresAt", "$$NOW"]}]}
"""By the server's clock, as whoever takes the lease judges it."""
STANDING = {"_id": {"$in": ["indexer", "lease", "endpoints"]}, "$expr": IN_FORCE}


class View:
    """Everything as of one moment. `checkpoint` is None before the first commit."""

    def __init__(self, snapshot: Snapshot, moment: Moment, figures: LatestFigures) -> None:
        self.moment = moment
        self.checkpoint = moment.state.checkpoint
        self.assets = Assets(snapshot)
        self.transactions = Transactions(snapshot, self.finalized)
        self.prices = Prices(snapshot)
        self.market = Market(snapshot, moment.state.market)
        kept = self.checkpoint is not None and self.checkpoint.get(KEPT) == LAYOUT
        self.history = MarketHistory(snapshot, hours_are_kept=kept)
        self.portfolios = Portfolios(snapshot)
        self.status = Status(snapshot)
        self.told = Told(snapshot)
        self.provenance = Provenance(snapshot)
        self.trending = Trending(snapshot)
        self.liked = LikedAssets(snapshot)
        self.sought = Sought(snapshot)
        self.chronicle = Chronicle(snapshot)
        self.snapshot = snapshot
        self._figures = figures

    @property
    def finalized(self) -> int:
        """Number of the finalized block, -1 while there is none."""
        finalized = self.checkpoint["finalized"] if self.checkpoint else None
        return finalized["number"] if finalized else -1

    @property
    def asset_contract(self) -> str:
        """The contract a bare tokenId means: the one the marketplace speaks of; "" while unknown."""
        market = self.market.configuration()
        if market:
            return market["marketplaceAsset"]
        return self.checkpoint["addresses"].get("asset", "") if self.checkpoint else ""

    @property
    def read_at(self) -> BlockRefDocument | None:
        """The block whose going would make this state another one."""
        return self.checkpoint["tip"] if self.checkpoint else None

    def has_block(self, block: BlockRefDocument) -> bool:
        """Is a block that was once our tip still on our branch?"""
        tip = self.checkpoint["tip"] if self.checkpoint else None
        if tip is None or block["number"] > tip["number"]:
            return False
        return block == tip or not self.status.is_orphaned(block)

    def market_figures(self) -> Figures | None:
        """The market's figures at the tip; None before the first block."""
        checkpoint = self.checkpoint
        if checkpoint is None or checkpoint["tip"] is None or checkpoint["tipTimestamp"] is None:
            return None
        now, state = checkpoint["tipTimestamp"], (checkpoint["version"], checkpoint["tip"]["hash"])
        return self._figures.of(state, lambda: self.market.figures(now, self._trade(checkpoint, now)))

    def _trade(self, checkpoint: CheckpointDocument, now: datetime) -> dict[str, Trade] | None:
        """Trade by window from the sums of hours; None where they have not been kept from the start."""
        return windows(self.snapshot, now) if checkpoint.get(KEPT) == LAYOUT else None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the indexer stands, None before its first commit; and who may write now, None if nobody."""

    checkpoint: CheckpointDocument | None
    lease: LeaseDocument | None
    endpoints: EndpointsDocument | None = None
    """What the holder of the lease last reported of the nodes."""


class Reading:
    """Opens views. Safe to share between threads."""

    def __init__(
        self, database: Database[Document], *, timeout_seconds: float = 5.0, program: str = ""
    ) -> None:
        """`program`: says which one answers, where answers are kept or named for longer than it runs."""
        self._database, self._timeout_seconds = database, timeout_seconds
        self._figures = LatestFigures()
        self.moments = Moments(database, timeout_seconds, program)

    @contextmanager
    def view(self) -> Iterator[View]:
        """A view for one answer; whatever keeps the store from answering is StoreUnreachable.

        It is of a moment that is not older than the call, found once for all who ask at the same time.
        """
        with self.view_at(self.moments.newest()) as view:
            yield view

    @contextmanager
    def view_at(self, moment: Moment) -> Iterator[View]:
        """A view of a moment that was found just now. Raises StoreUnreachable."""
        with answering(self._database, self._timeout_seconds):
            yield View(Pinned(self._database, moment.time), moment, self._figures)

    def newest_seq(self) -> int:
        """Place of the newest event, 0 before the first; one small read. Raises StoreUnreachable."""
        return self.moments.seq()

    def standing(self) -> Standing:
        """Checkpoint, lease and cards by one read, for those who ask very often. Raises StoreUnreachable."""
        with answering(self._database, self._timeout_seconds):
            found = {document["_id"]: document for document in self._database["checkpoints"].find(STANDING)}
        return Standing(
            cast("CheckpointDocument | None", found.get("indexer")),
            cast("LeaseDocument | None", found.get("lease")),
            cast("EndpointsDocument | None", found.get("endpoints")),
        )
