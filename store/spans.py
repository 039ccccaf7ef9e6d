"""How sure we are of final blocks that logged nothing: spans of blocks with one kind of evidence each.

Blocks with events keep their own evidence; a span may pass over them. Spans never overlap, and
neighbours of one kind are one span.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from pymongo.client_session import ClientSession
from pymongo.database import Database

from store.documents import Evidence

SPANS = "evidence"


class Span(NamedTuple):
    """Blocks `first` to `last`, both inclusive."""

    first: int
    last: int
    evidence: Evidence

    @property
    def size(self) -> int:
        return self.last - self.first + 1


def laid(old: Iterable[Span], fresh: Iterable[Span]) -> list[Span]:
    """The old spans with the fresh ones laid over them, in order, merged. Pure."""
    spans = list(old)
    for over in fresh:
        spans = [part for span in spans for part in _outside(span, over)] + [over]
    return merged(sorted(spans))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Neighbours of one kind made one; given in order."""
    found: list[Span] = []
    for span in spans:
        if found and found[-1].evidence == span.evidence and found[-1].last + 1 == span.first:
            found[-1] = found[-1]._replace(last=span.last)
        else:
            found.append(span)
    return found


def _outside(span: Span, over: Span) -> list[Span]:
    """What of a span another one leaves uncovered."""
    before = span._replace(last=min(span.last, over.first - 1))
    after = span._replace(first=max(span.first, over.last + 1))
    return [part for part in (before, after) if part.size > 0]


def lay(database: Database[Any], fresh: Sequence[Span], session: ClientSession) -> None:
    """Lay spans over what is kept, inside a transaction."""
    if not fresh:
        return
    lowest, highest = min(span.first for span in fresh) - 1, max(span.last for span in fresh) + 1
    old = read(database, lowest, highest, session)
    new = laid(old, fresh)
    gone = {span.first for span in old} - {span.first for span in new}
    if gone:
        database[SPANS].delete_many({"_id": {"$in": sorted(gone)}}, session=session)
    for span in set(new) - set(old):
        database[SPANS].replace_one({"_id": span.first}, _document(span), upsert=True, session=session)


def cut(database: Database[Any], above: int, session: ClientSession) -> None:
    """Forget everything above a block, inside a transaction."""
    database[SPANS].delete_many({"_id": {"$gt": above}}, session=session)
    database[SPANS].update_many({"toBlock": {"$gt": above}}, {"$set": {"toBlock": above}}, session=session)


def read(database: Database[Any], first: int, last: int, session: ClientSession | None = None) -> list[Span]:
    """The spans that reach into blocks `first` to `last`, whole, in order."""
    spans = database[SPANS]
    floor = spans.find_one({"_id": {"$lte": first}}, sort=[("_id", -1)], session=session)
    lowest = floor["_id"] if floor else first
    found = spans.find({"_id": {"$gte": lowest, "$lte": last}}, session=session).sort("_id", 1)
    kept = (Span(each["_id"], each["toBlock"], cast("Evidence", each["evidence"])) for each in found)
    return [span for span in kept if span.last >= first]


def _document(span: Span) -> dict[str, Any]:
    return {"_id": span.first, "toBlock": span.last, "evidence": span.evidence}
