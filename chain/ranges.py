"""How many blocks to ask one endpoint for at a time; pure, except that it remembers.

Both ends of every range are inclusive. A structural cap lowers the ceiling for ever; a dense stretch
narrows the range now and lets it widen again, never above the ceiling; a rate limit changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from chain.errors import (
    RangeHint,
    RpcError,
    SingleBlockTooDense,
    StructuralCap,
    TimedOut,
    TooDense,
    Unrecognised,
)

DEFAULT_LOG_RANGE = 1000
"""Blocks per `eth_getLogs`; a width that nearly every public endpoint allows."""
GROWTH = 1.25
"""Widening after each success: doubling would run into the same refusal every other time."""
SIZE_ERRORS = (StructuralCap, RangeHint, TooDense, Unrecognised, TimedOut)
"""The errors after which a narrower range may succeed."""


class BlockRange(NamedTuple):
    """Consecutive blocks, both ends inclusive."""

    from_block: int
    to_block: int

    @property
    def size(self) -> int:
        return self.to_block - self.from_block + 1

    def first(self, size: int) -> BlockRange:
        """Return its first `size` blocks, or all of it if it has fewer."""
        return BlockRange(self.from_block, min(self.to_block, self.from_block + size - 1))


class RangeSizer:
    """What one endpoint has taught us about ranges.

    Threads may share it without a lock: a lesson lost between two of them is learned again.
    """

    def __init__(self, widest: int = DEFAULT_LOG_RANGE, learned_cap: int | None = None) -> None:
        if widest < 1:
            raise ValueError(f"a range has at least one block, not {widest}")
        self._ceiling = min(widest, learned_cap or widest)
        self._size = self._ceiling
        self._learned_cap = learned_cap

    @property
    def size(self) -> int:
        """Blocks to ask for next."""
        return self._size

    @property
    def learned_cap(self) -> int | None:
        """The widest range the provider allows, once it has told; None before."""
        return self._learned_cap

    def next_range(self, wanted: BlockRange) -> BlockRange:
        """Return the first part of `wanted` that is worth asking for at once."""
        return wanted.first(self._size)

    def answered(self, asked: BlockRange) -> None:
        """Widen a little after a success, if this range was as wide as we dare."""
        if asked.size >= self._size:
            self._size = min(self._ceiling, max(self._size + 1, int(self._size * GROWTH)))

    def refused(self, asked: BlockRange, error: RpcError) -> BlockRange:
        """Return the narrower range to ask instead; raise when one block is already too much.

        Errors that say nothing about size leave the range as it was.
        """
        if not isinstance(error, SIZE_ERRORS):
            return asked
        if asked.size == 1:
            raise self._not_even_one(asked, error)
        size = self._narrower(asked, error)
        self._size = min(self._size, size)
        if isinstance(error, StructuralCap):
            self._ceiling = self._learned_cap = min(self._ceiling, size)
        return asked.first(size)

    def _narrower(self, asked: BlockRange, error: RpcError) -> int:
        half = max(1, asked.size // 2)
        if isinstance(error, StructuralCap):
            allowed = error.max_range or half
            return allowed if allowed < asked.size else half
        if isinstance(error, RangeHint):
            hint = BlockRange(error.from_block, error.to_block)
            inside = asked.from_block <= hint.from_block and hint.to_block <= asked.to_block
            return hint.size if inside and 1 <= hint.size < asked.size else half
        return half

    def _not_even_one(self, asked: BlockRange, error: RpcError) -> RpcError:
        if isinstance(error, RangeHint | TooDense):
            return SingleBlockTooDense(error.message, asked.from_block, code=error.code)
        # Width was not the trouble, so what we inferred from this refusal was wrong.
        self._size = self._ceiling
        return error
