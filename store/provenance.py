"""Who owned an asset: what the chain says, and what people wrote, in one order.

Newest first. What people dated stands where its date belongs; what they did not date comes last, since it
tells of the time before the asset was on a chain. A position names the last entry by where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import bson
import msgspec

from store.documents import AssetDocument, TransactionDocument
from store.pages import Page, PageRequest, beyond_position, both, newest_first
from store.snapshot import Document, Filter, Snapshot

CHANGES = ("mint", "buy", "transfer")
CHAIN, WRITTEN, UNDATED = 2, 1, 0
"""Of one time, the chain's word stands before that of people."""
AWARE: bson.CodecOptions[Any] = bson.CodecOptions(tz_aware=True)

Place = tuple[Any, ...]
"""(time, CHAIN, block number, log index, row id), (time, WRITTEN, number) or (None, UNDATED, number)."""


class Written(msgspec.Struct, frozen=True):
    """An entry that people wrote; `number` is its place among all that they wrote."""

    number: int
    time: datetime | None
    content: Any

    @property
    def place(self) -> Place:
        return (self.time, WRITTEN, self.number) if self.time else (None, UNDATED, self.number)


Entry = TransactionDocument | Written


class Provenance:
    """The past of assets, as of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def page(self, asset: AssetDocument, written: Sequence[Written], request: PageRequest) -> Page[Entry]:
        """One page of the entries of an asset."""
        after = _decoded(request.after) if request.after else None
        wanted = request.skipped + request.limit + 1
        mine: Filter = {"assetId": asset["_id"], "tokenId": asset["tokenId"], "type": {"$in": list(CHANGES)}}
        entries: list[Entry] = [*self._changes(mine, after, wanted), *_older(written, after)]
        entries.sort(key=_sortable, reverse=True)
        kept = entries[request.skipped : request.skipped + request.limit]
        more = len(entries) > request.skipped + request.limit
        position = _encoded(_place(kept[-1])) if more else None
        total = self._snapshot.count("transactions", mine) + len(written) if request.page else None
        return Page(kept, position, total)

    def _changes(self, mine: Filter, after: Place | None, limit: int) -> list[TransactionDocument]:
        if after is not None and after[0] is None:
            return []
        rows = self._snapshot.find(
            "transactions",
            both(mine, _beyond(after)) if after else mine,
            sort=[(by.path, by.direction) for by in newest_first()],
            limit=limit,
        )
        return cast("list[TransactionDocument]", rows)


def _beyond(after: Place) -> Filter:
    """Rows older than a place; many blocks share a time, but none of them is younger than a later one."""
    if after[1] == CHAIN:
        return {"$or": beyond_position(newest_first(), after[2:])}
    return {"timestamp": {"$lt": after[0]}}


def _older(written: Sequence[Written], after: Place | None) -> list[Written]:
    if after is None:
        return list(written)
    return [one for one in written if _comparable(one.place) < _comparable(after)]


def _place(entry: Entry) -> Place:
    if isinstance(entry, Written):
        return entry.place
    origin = entry["blockchain"]
    return (entry["timestamp"], CHAIN, origin["blockNumber"], origin["logIndex"], entry["_id"])


def _sortable(entry: Entry) -> Place:
    return _comparable(_place(entry))


def _comparable(place: Place) -> Place:
    time, *rest = place
    return (time is not None, time or 0, *rest)


def _encoded(place: Place) -> bytes:
    return bson.encode({"p": list(place)})


def _decoded(position: bytes) -> Place:
    found: Document = bson.decode(position, AWARE)
    return tuple(found["p"])
