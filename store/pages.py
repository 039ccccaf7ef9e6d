"""Keyset pagination: a page begins after a position, so rows that come and go shift nothing.

A position is the sort key of the last row given, as BSON bytes; whoever hands it to strangers must sign it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import bson

from store.snapshot import Document, Filter, Snapshot

Row = TypeVar("Row")
Direction = Literal[1, -1]


@dataclass(frozen=True, slots=True)
class By:
    """One key of an order. Rows where a nullable key is absent come first ascending, last descending."""

    path: str
    direction: Direction
    nullable: bool = False


Order = tuple[By, ...]


def newest_first() -> Order:
    """The order of the chain, backwards."""
    return chain_order(-1)


def chain_order(direction: Direction) -> Order:
    """The exact order of rows: never by timestamp, which many blocks share."""
    paths = ("blockchain.blockNumber", "blockchain.logIndex", "_id")
    return tuple(By(path, direction) for path in paths)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list: after a position, or the 1-based `page`; at most `limit` rows."""

    limit: int
    after: bytes | None = None
    page: int | None = None

    @property
    def skipped(self) -> int:
        return self.limit * (self.page - 1) if self.page else 0


COUNTED_UP_TO = 10_000
"""Counting costs a step of an index for each row: nobody turns so many pages."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, the position after them (None at the end), and the total where pages are numbered.

    A total of COUNTED_UP_TO means that many or more, where `total_is_capped`.
    """

    rows: list[Row]
    next: bytes | None
    total: int | None = None
    total_is_capped: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A collection and what to take from it: rows that match any of the alternatives."""

    collection: str
    alternatives: Sequence[Filter]
    projection: Mapping[str, int] | None = field(default=None)
    naive_times: bool = False
    """Rows are only shown, not reckoned with: their times need not say that they are of UTC."""

    def where(self, beyond: Sequence[Filter] = ()) -> Filter:
        """One condition: each alternative with each branch, so that every part can use an index."""
        branches = [both(one, other) for one in self.alternatives for other in beyond or ({},)]
        return branches[0] if len(branches) == 1 else {"$or": branches}


def both(one: Filter, other: Filter) -> Filter:
    """The conjunction of two conditions."""
    if one.keys() & other.keys():
        return {"$and": [one, other]}
    return {**one, **other}


def read_page(snapshot: Snapshot, source: Source, order: Order, request: PageRequest) -> Page[Document]:
    """One page of one collection."""
    rows = _rows(snapshot, source, order, request, request.skipped, request.limit + 1)
    return _page(rows, order, request, lambda: _count(snapshot, [source]))


def read_merged(
    snapshot: Snapshot, sources: Sequence[Source], order: Order, request: PageRequest
) -> Page[Document]:
    """One page of several collections merged; all keys of the order must run in one direction."""
    wanted = request.skipped + request.limit + 1
    found = [row for source in sources for row in _rows(snapshot, source, order, request, 0, wanted)]
    found.sort(key=lambda row: tuple(value_at(row, by.path) for by in order), reverse=order[0].direction < 0)
    rows = found[request.skipped : wanted]
    return _page(rows, order, request, lambda: _count(snapshot, sources))


def _rows(
    snapshot: Snapshot, source: Source, order: Order, request: PageRequest, skip: int, limit: int
) -> list[Document]:
    position = decode_position(request.after) if request.after else None
    return find_rows(snapshot, source, order, position, limit, skip)


def find_rows(
    snapshot: Snapshot, source: Source, order: Order, after: Sequence[Any] | None, limit: int, skip: int = 0
) -> list[Document]:
    """Rows of one collection in their order, those after a position if there is one."""
    return snapshot.find(
        source.collection,
        source.where(beyond_position(order, after) if after is not None else ()),
        sort=[(by.path, by.direction) for by in order],
        skip=skip,
        limit=limit,
        projection=source.projection,
        naive_times=source.naive_times,
    )


def _page(rows: list[Document], order: Order, request: PageRequest, count: Any) -> Page[Document]:
    kept = rows[: request.limit]
    more = len(rows) > request.limit
    position = position_of(kept[-1], order) if more else None
    if not request.page:
        return Page(kept, position)
    total = count()
    return Page(kept, position, min(total, COUNTED_UP_TO), total > COUNTED_UP_TO)


def _count(snapshot: Snapshot, sources: Sequence[Source]) -> int:
    """How many rows there are; no more than needed to know that there are more than COUNTED_UP_TO."""
    limit = COUNTED_UP_TO + 1
    return sum(snapshot.count(source.collection, source.where(), limit=limit) for source in sources)


def position_of(row: Document, order: Order) -> bytes:
    """The sort key of a row, as bytes."""
    return bson.encode({"k": [value_at(row, by.path) for by in order]})


def decode_position(position: bytes) -> list[Any]:
    """The values of a sort key."""
    values: list[Any] = bson.decode(position, _AWARE)["k"]
    return values


_AWARE: bson.CodecOptions[Any] = bson.CodecOptions(tz_aware=True)


def value_at(row: Mapping[str, Any], path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def beyond_position(order: Order, values: Sequence[Any]) -> list[Filter]:
    """The branches that together hold every row after the position."""
    branches: list[Filter] = []
    equal: dict[str, Any] = {}
    for by, value in zip(order, values, strict=True):
        branches += [{**equal, by.path: condition} for condition in _beyond(by, value)]
        equal[by.path] = value
    return branches


def _beyond(by: By, value: Any) -> list[Any]:
    """What one key must be to come after the value."""
    if value is None:
        return [{"$ne": None}] if by.direction > 0 else []
    if by.direction > 0:
        return [{"$gt": value}]
    return [{"$lt": value}, None] if by.nullable else [{"$lt": value}]
