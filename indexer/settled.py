"""Which answers about final blocks to believe, where endpoints may stand on different branches.

A branch that lost is no longer than reorgs are deep: a block with so many on top of it has won.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

from chain.errors import Unknown, WrongAnswer
from chain.values import BlockRef, Hash, Header
from indexer.gather import Fetched
from indexer.ports import Chain


def settled_block(chain: Chain, number: int, depth: int, head: Header) -> Header:
    """The block at a height, vouched for by `depth` blocks on top of it, or all up to the head.

    Raises WrongAnswer where they do not stand on one another, Unknown where one is missing.
    """
    if head.number < number:
        raise Unknown(f"block {number}, which is above the head {head.number} that the node tells")
    headers = chain.headers(range(number, min(number + depth, head.number) + 1))
    for below, above in pairwise(headers):
        check_parent(above.number, above.parent_hash, below.ref)
    return headers[0]


def linked(ranges: Iterable[Fetched], tip: BlockRef | None) -> Iterator[Fetched]:
    """Ranges that each begin where the one before ended, on the same branch. Raises WrongAnswer."""
    for fetched in ranges:
        if tip is not None:
            check_parent(fetched.from_block, fetched.parent_hash, tip)
        tip = fetched.to_header.ref
        yield fetched


def settled(ranges: Iterable[Fetched], depth: int, end: BlockRef) -> Iterator[Fetched]:
    """Linked ranges, each kept back until it has `depth` blocks on top or the last one ends where it must.

    Raises WrongAnswer.
    """
    kept: deque[Fetched] = deque()
    for fetched in ranges:
        kept.append(fetched)
        if fetched.to_header.number == end.number:
            check_end(fetched.to_header.ref, end)
            depth = 0
        while kept and kept[0].to_header.number + depth <= fetched.to_header.number:
            yield kept.popleft()


def check_parent(number: int, parent_hash: Hash, below: BlockRef) -> None:
    """A block must stand on what was told of the one below it. Raises WrongAnswer."""
    if parent_hash != below.hash:
        raise WrongAnswer(
            f"block {number} says its parent is {parent_hash}, block {below.number} was told to be "
            f"{below.hash}: the endpoints are on different branches"
        )


def check_end(told: BlockRef, end: BlockRef) -> None:
    """Final history must end in the block that is known to be final. Raises WrongAnswer."""
    if told != end:
        raise WrongAnswer(
            f"block {told.number} was told to be {told.hash}, final is {end.hash}: "
            "the endpoints are on different branches"
        )
