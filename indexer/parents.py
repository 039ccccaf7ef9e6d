"""Finds the parent of a block by its hash, having asked for many by number at once."""

from __future__ import annotations

from chain.errors import Unknown
from chain.values import Hash, Header
from indexer.ports import Chain
from indexer.window import Window

PARENTS_AT_ONCE = 64


class Parents:
    """A walk down one branch; None where the node does not know the parent (any more)."""

    def __init__(self, chain: Chain, window: Window) -> None:
        self._chain = chain
        self._window = window
        self._fetched: dict[Hash, Header] = {}

    def __call__(self, child: Header) -> Header | None:
        if child.parent_hash not in self._fetched:
            self._fetch_below(child.number)
        found = self._fetched.get(child.parent_hash)
        return found or self._chain.header_by_hash(child.parent_hash)

    def _fetch_below(self, number: int) -> None:
        lowest = max(self._window.finalized.number + 1, number - PARENTS_AT_ONCE)
        try:
            headers = self._chain.headers(range(lowest, number))
        except Unknown:
            return
        self._fetched |= {header.hash: header for header in headers}
