"""What somebody typed → assets: those it names, then those with it in their name, then all others with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from store.assets import containing, listed_by, soon_found, sorted_by
from store.documents import AssetDocument
from store.in_turn import Part, read_in_turn
from store.pages import Page, PageRequest, Source, decode_position, find_rows, position_of
from store.snapshot import Document, Filter, Snapshot

NEWEST_FIRST = sorted_by("createdAt", -1)


class Sought:
    """Assets as of one snapshot, by what somebody typed."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def page(self, text: str, named: Sequence[AssetDocument], asked: PageRequest) -> Page[AssetDocument]:
        """One page: the named ones as they come, the others newest first, none of them twice."""
        words: Filter = {"$and": containing(text)}
        in_names: Filter = {"$and": containing(text, in_the_name=True)}
        known: list[Filter] = [{"_id": {"$in": [asset["_id"] for asset in named]}}] if named else []
        by_words = Worded(self._snapshot, words, known)
        parts: list[Part[AssetDocument]] = [
            Named(named),
            Worded(self._snapshot, in_names, known),
            Worded(self._snapshot, words, [in_names, *known]),
        ]
        return read_in_turn(parts, asked, lambda most: len(named) + by_words.count(most))


class Named:
    """Assets that were found already, few of them."""

    def __init__(self, assets: Sequence[AssetDocument]) -> None:
        self._assets = assets

    def rows(self, after: bytes | None, skip: int, limit: int) -> list[AssetDocument]:
        places = [self.place(asset) for asset in self._assets]
        begin = places.index(after) + 1 if after in places else 0
        return list(self._assets[begin + skip : begin + skip + limit])

    def place(self, row: AssetDocument) -> bytes:
        return row["_id"].binary

    def count(self, most: int) -> int:
        return min(most, len(self._assets))


class Worded:
    """Assets with some words, newest first, but for those of which one of `unless` is true."""

    def __init__(self, snapshot: Snapshot, words: Filter, unless: Sequence[Filter]) -> None:
        self._snapshot, self._words, self._unless = snapshot, words, unless

    def rows(self, after: bytes | None, skip: int, limit: int) -> list[AssetDocument]:
        condition = soon_found(self._snapshot, self._words, unless=self._unless)
        source = Source("assets", [condition], listed_by(NEWEST_FIRST))
        position = None if after is None else decode_position(after)
        found = find_rows(self._snapshot, source, NEWEST_FIRST, position, limit, skip)
        return cast("list[AssetDocument]", found)

    def place(self, row: AssetDocument) -> bytes:
        return position_of(cast("Document", row), NEWEST_FIRST)

    def count(self, most: int) -> int:
        sought = {**self._words, "$nor": list(self._unless)} if self._unless else self._words
        return self._snapshot.count("assets", sought, limit=most)
