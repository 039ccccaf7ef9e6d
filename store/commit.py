"""Everything that one step of the indexer changes, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from store.spans import Span

Document = Mapping[str, Any]
AssetId = ObjectId
Change = tuple[Any, Document, Document]
TALLIED = {"receipts": "receipts", "bloom": "bloom", "logs-only": "logsOnly"}
"""Kind of evidence → where the checkpoint counts its blocks."""


@dataclass(slots=True)
class Commit:
    """Everything that one step of the indexer changes.

    `checkpoint` is merged into the checkpoint. With `rewind_above`, everything above that block is
    taken back first. Changes are (id, fields to set, fields to unset), in dotted paths.
    """

    checkpoint: dict[str, Any]
    rewind_above: int | None = None
    rewrite_rows_of: tuple[int, int] | None = None
    """Blocks, both ends inclusive, whose rows are deleted before `transactions` and `prices` go in."""
    dropped_contracts: Sequence[str] = ()
    chain_events: Sequence[Document] = ()
    headers: Sequence[Document] = ()
    transactions: Sequence[Document] = ()
    prices: Sequence[Document] = ()
    quarantined: Sequence[Document] = ()
    new_assets: Sequence[Document] = ()
    changed_assets: Sequence[Change] = ()
    removed_assets: Sequence[ObjectId] = ()
    holdings: Sequence[Document] = ()
    """Numbers of a recount; those that follow from the assets above are kept without being named."""
    gone_holdings: Sequence[str] = ()
    hours_again: Sequence[int] = ()
    """Hours whose deeds are summed up anew."""
    add_hours_up: bool = False
    """Put the sums of all hours in their place."""
    changed_operators: Sequence[Change] = ()
    removed_operators: Sequence[str] = ()
    markets: Sequence[Document] = ()
    reorg: Document | None = None
    forget_headers_up_to: int | None = None
    told: Sequence[Document] = ()
    """Facts for listeners, without their place in the sequence."""
    tally: Mapping[str, int] = field(default_factory=dict)
    """Blocks gained (or lost, below 0) by each kind of evidence."""
    spans: Sequence[Span] = ()
    """Evidence of final blocks without events."""
    vouched: Sequence[Span] = ()
    """Evidence of final blocks, those with events included."""
    rewritten_blocks: Sequence[int] = ()
    """Blocks whose raw events are deleted before `chain_events` go in."""
    rolled: Sequence[tuple[int, bytes]] = ()
    """Blocks whose rolling digest changes."""
    trusted: bool = False
    """History in bulk: the server need not validate what the program's types already promise."""


def update_of(change: Change) -> tuple[Any, dict[str, Document]]:
    """A change as the server takes it: which document, and its update operators."""
    _id, fields, gone = change
    return _id, {name: values for name, values in (("$set", fields), ("$unset", gone)) if values}
