"""Which blocks will not change any more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FinalityPolicy:
    """By the node's `finalized` tag, or `confirmations` blocks below the head where that is a number.

    A tag that lags further than `max_reorg_depth` below the head (a development node may answer block 0
    for ever) is overruled: deeper reorgs are refused.
    """

    confirmations: int | None
    max_reorg_depth: int

    @property
    def uses_tag(self) -> bool:
        return self.confirmations is None

    @property
    def depth(self) -> int:
        """Blocks of a branch that may still lose, at most."""
        return self.max_reorg_depth if self.confirmations is None else self.confirmations

    def finalized(self, head: int, tagged: int | None) -> int:
        """The number of the newest final block; -1 if there is none."""
        if self.confirmations is not None:
            return max(head - self.confirmations, -1)
        known = tagged if tagged is not None and tagged <= head else -1
        return max(known, head - self.max_reorg_depth, -1)
