"""States at some heights, kept in memory so that others can be folded from the nearest one."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass

from indexer.state import AssetKey, AssetState, MarketState, OperatorKey
from store.chronicle import Chronicle

STATES_KEPT = 400_000
"""Over all heights; they share what is equal, so that one costs about a hundred bytes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """All states after a block with events. Equal rolling digests mean equal states."""

    number: int
    rolling: bytes
    market: MarketState
    assets: dict[AssetKey, AssetState | None]
    operators: dict[OperatorKey, bool | None]

    @property
    def size(self) -> int:
        return 1 + len(self.assets) + len(self.operators)


class Shelf:
    """Heights in order. Used under the lock of its owner."""

    def __init__(self, room: int = STATES_KEPT) -> None:
        self._room, self._used = room, 0
        self._kept: list[Kept] = []

    def keep(self, kept: Kept) -> None:
        """Put one on the shelf; when that is full, every second one goes."""
        self._drop_at(kept.number)
        insort(self._kept, kept, key=_number)
        self._used += kept.size
        while self._used > self._room and len(self._kept) > 1:
            self._kept = self._kept[::-2][::-1]
            self._used = sum(each.size for each in self._kept)

    def nearest(self, up_to: int, chronicle: Chronicle) -> Kept | None:
        """The highest one at or below a height that is still of our branch; those that are not, go."""
        while place := bisect_right(self._kept, up_to, key=_number):
            found = self._kept[place - 1]
            if chronicle.rolling_of(found.number) == found.rolling:
                return found
            self._drop_at(found.number)
        return None

    def _drop_at(self, number: int) -> None:
        gone = [each for each in self._kept if each.number == number]
        self._kept = [each for each in self._kept if each.number != number]
        self._used -= sum(each.size for each in gone)


def _number(kept: Kept) -> int:
    return kept.number
