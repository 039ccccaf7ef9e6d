"""How the node's chain joins ours: walk from its head down, parent by parent, to a block we know."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from chain.values import BlockRef, Hash, Header

KnownBlock = Callable[[int], BlockRef | None]
ParentOf = Callable[[Header], Header | None]


class DeepReorg(RuntimeError):
    """The chain changed below what we took for final; a person must decide."""

    def __init__(self, finalized: BlockRef, told: Hash) -> None:
        super().__init__(
            f"block {finalized.number} was final with hash {finalized.hash}, the node now says {told}: "
            "the chain was reorganised below finality. Nothing was changed. Check that RPC_URLS is the right "
            "chain; if the reorg is real, take our blocks back with `dvault rewind --to-block N` (N below "
            "the fork; it is checked) and start again, with a higher FINALITY or MAX_REORG_DEPTH."
        )
        self.finalized = finalized


class Branch(NamedTuple):
    """The newest block we share with the node, and the node's blocks after it, oldest first."""

    ancestor: BlockRef
    headers: list[Header]


def join(head: Header, finalized: BlockRef, known: KnownBlock, parent_of: ParentOf) -> Branch | None:
    """Find the common ancestor; None while a parent is unknown to the node. Raises DeepReorg."""
    headers = [head]
    while True:
        oldest = headers[-1]
        below = known(oldest.number - 1)
        if below is not None and below.hash == oldest.parent_hash:
            return Branch(below, headers[::-1])
        if oldest.number - 1 <= finalized.number:
            raise DeepReorg(finalized, oldest.parent_hash)
        parent = parent_of(oldest)
        if parent is None:
            return None
        headers.append(parent)
