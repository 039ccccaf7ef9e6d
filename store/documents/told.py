"""What listeners are told: one sequence of facts, and their retraction."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

EventType = Literal["transaction", "price", "block", "finalized", "retraction", "reorg"]
RowKind = Literal["transaction", "price"]


class EventDocument(TypedDict):
    """collection events: one fact told while following the head; `_id` is its place in the sequence.

    Written in the transaction of the commit it tells of, never changed, and removed some days later.
    """

    _id: int
    type: EventType
    blockNumber: int
    blockHash: str
    timestamp: datetime | None
    """Of the block."""
    toldAt: datetime
    body: dict[str, Any]
    """A row as it is or was kept (transaction, price, retraction), or what the type says."""
    retracts: NotRequired[RowKind]
