"""One page of several lists that are read one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import bson

from store.pages import COUNTED_UP_TO, Page, PageRequest, Row


class Part(Protocol[Row]):
    """One of the lists. What it holds, it gives in one total order."""

    def rows(self, after: bytes | None, skip: int, limit: int) -> list[Row]:
        """At most `limit` rows after a place, or from the beginning, `skip` of them left out."""

    def place(self, row: Row) -> bytes:
        """Where a row stands in this list."""

    def count(self, most: int) -> int:
        """How many rows there are, counted no further than `most`."""


def read_in_turn(parts: Sequence[Part[Row]], asked: PageRequest, count: Callable[[int], int]) -> Page[Row]:
    """One page of all of them; `count` tells how many rows there are together, up to a number."""
    found: list[tuple[int, Row]] = []
    begin, after = _decode(asked.after)
    skip = asked.skipped
    for number, part in enumerate(parts[begin:], begin):
        there = part.count(skip) if skip and part is not parts[-1] else skip
        if there < skip:
            skip -= there
            continue
        left = asked.limit + 1 - len(found)
        found += [(number, row) for row in part.rows(after if number == begin else None, skip, left)]
        skip = 0
        if len(found) > asked.limit:
            break
    kept = found[: asked.limit]
    place = _encode(parts, *kept[-1]) if len(found) > asked.limit else None
    rows = [row for _, row in kept]
    if not asked.page:
        return Page(rows, place)
    total = count(COUNTED_UP_TO + 1)
    return Page(rows, place, min(total, COUNTED_UP_TO), total > COUNTED_UP_TO)


def _encode(parts: Sequence[Part[Row]], number: int, row: Row) -> bytes:
    return bson.encode({"part": number, "after": parts[number].place(row)})


def _decode(position: bytes | None) -> tuple[int, bytes | None]:
    if position is None:
        return 0, None
    place = bson.decode(position)
    return place["part"], place["after"]
