"""Reading what was told to listeners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from store.documents import EventDocument
from store.snapshot import Document, Snapshot


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events somebody listens for; None means all. Blocks, finality and reorgs concern everybody.

    Whoever listens for rows of a type is also told when they are taken back, and whoever listens at all when
    the state must be read again.
    """

    types: tuple[str, ...] | None = None
    token_id: int | None = None
    wallet: str | None = None

    def condition(self) -> Document:
        """As a query; `wallet` is a seller or a buyer."""
        narrowed: list[Document] = []
        if self.token_id is not None:
            narrowed.append({"body.tokenId": self.token_id})
        if self.wallet is not None:
            narrowed.append({"$or": [{"body.seller": self.wallet}, {"body.buyer": self.wallet}]})
        rows = {"type": {"$in": ["transaction", "price", "retraction"]}, "$and": narrowed}
        general = {"type": {"$in": ["block", "finalized", "reorg"]}}
        found: Document = {"$or": [rows, general]} if narrowed else {}
        return found if self.types is None else {"$and": [_of_types(self.types), found]}


def _of_types(types: Sequence[str]) -> Document:
    named = {"$in": list(types)}
    return {"$or": [{"type": named}, {"retracts": named}, {"type": "reorg", "body.resync": True}]}


class Told:
    """The sequence of events as of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def after(self, seq: int, wanted: EventFilter, limit: int) -> list[EventDocument]:
        """What was told after a place in the sequence, oldest first."""
        condition = {"_id": {"$gt": seq}, **wanted.condition()}
        return cast("list[EventDocument]", self._snapshot.find("events", condition, sort=_ORDER, limit=limit))

    def oldest(self) -> int | None:
        """The oldest place that is still kept."""
        found = self._snapshot.one("events", {}, sort=_ORDER)
        return int(found["_id"]) if found else None


_ORDER = (("_id", 1),)
