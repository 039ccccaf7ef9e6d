"""What a commit tells listeners: rows as they come, blocks, finality, and what a reorg takes back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from chain.values import BlockRef, Header
from store.encoding import utc

Fact = dict[str, Any]
Row = Mapping[str, Any]
Kind = Literal["transaction", "price"]


def facts_of_block(header: Header, deeds: Iterable[Row], prices: Iterable[Row]) -> list[Fact]:
    """The block's own rows in log order, then the block; and whether a link brought rows of earlier ones."""
    rows = [*_kinds("transaction", deeds), *_kinds("price", prices)]
    news = [(kind, row) for kind, row in rows if row["blockchain"]["blockNumber"] == header.number]
    facts = [_of_row(kind, row) for kind, row in sorted(news, key=_log_order)]
    block = _of_ref("block", header.ref, header.timestamp, {"facts": len(facts)})
    return [*facts, block, *([fact_of_link(header.ref)] if len(news) < len(rows) else [])]


def fact_of_finality(block: BlockRef, timestamp: int | None) -> Fact:
    """Blocks up to this one are never taken back."""
    return _of_ref("finalized", block, timestamp, {})


def facts_of_rewind(
    ancestor: BlockRef, old_tip: BlockRef, depth: int, deeds: Iterable[Row], prices: Iterable[Row]
) -> list[Fact]:
    """Retractions, newest first, then the reorg itself."""
    rows = [*_kinds("transaction", deeds), *_kinds("price", prices)]
    taken_back = sorted(
        rows, key=lambda each: (each[1]["blockchain"]["blockNumber"], *_log_order(each)), reverse=True
    )
    retractions = [{**_of_row(kind, row), "type": "retraction", "retracts": kind} for kind, row in taken_back]
    return [*retractions, _reorg(ancestor, old_tip, depth, resync=False)]


def fact_of_deep_rewind(ancestor: BlockRef, old_tip: BlockRef) -> Fact:
    """A person took final blocks back: too much to retract row by row, so read the state again."""
    return _reorg(ancestor, old_tip, old_tip.number - ancestor.number, resync=True)


def fact_of_bulk(tip: BlockRef, old_tip: BlockRef) -> Fact:
    """Blocks above the old tip came in bulk, after an outage say: read the state again."""
    return _reorg(tip, old_tip, 0, resync=True)


def fact_of_link(block: BlockRef) -> Fact:
    """Rows of earlier blocks came or went at this one, with a contract's link: read the state again."""
    return _reorg(block, block, 0, resync=True)


def _reorg(ancestor: BlockRef, old_tip: BlockRef, depth: int, *, resync: bool) -> Fact:
    told = {"depth": depth, "oldTip": {"number": old_tip.number, "hash": old_tip.hash}, "resync": resync}
    return _of_ref("reorg", ancestor, None, told)


def _kinds(kind: Kind, rows: Iterable[Row]) -> list[tuple[Kind, Row]]:
    return [(kind, row) for row in rows]


def _log_order(each: tuple[Kind, Row]) -> tuple[int, bool]:
    kind, row = each
    return row["blockchain"]["logIndex"], kind == "price"


def _of_row(kind: Kind, row: Row) -> Fact:
    origin = row["blockchain"]
    place = {"blockNumber": origin["blockNumber"], "blockHash": origin["blockHash"]}
    return {"type": kind, **place, "timestamp": row["timestamp"], "body": row}


def _of_ref(kind: str, block: BlockRef, timestamp: int | None, body: Fact) -> Fact:
    place = {"blockNumber": block.number, "blockHash": block.hash}
    return {"type": kind, **place, "timestamp": None if timestamp is None else utc(timestamp), "body": body}
