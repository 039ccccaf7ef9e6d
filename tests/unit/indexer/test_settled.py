"""What is believed of blocks that should be final, while endpoints stand on different branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chain.errors import Unknown, WrongAnswer
from chain.values import BlockRef, Header
from indexer.gather import Fetched
from indexer.settled import linked, settled, settled_block

DEPTH = 4


def a_hash(number: int, branch: str = "a") -> str:
    return f"0x{branch}{number}"


def a_header(number: int, branch: str = "a", fork: int = 0) -> Header:
    below = "a" if number - 1 <= fork else branch
    return Header(number, a_hash(number, branch), a_hash(number - 1, below), 0, None)


class Heights:
    """Tells blocks by height: those in `lost` as an endpoint does that is on another branch since `fork`."""

    def __init__(self, lost: Sequence[int] = (), fork: int = 0) -> None:
        self.lost, self.fork = lost, fork
        self.asked: list[int] = []

    def headers(self, numbers: Sequence[int]) -> list[Header]:
        self.asked += numbers
        return [a_header(n, "b", self.fork) if n in self.lost else a_header(n) for n in numbers]


def told(chain: Any, number: int, head: int) -> Header:
    return settled_block(chain, number, DEPTH, a_header(head))


def test_a_block_is_believed_with_a_branch_on_top_of_it() -> None:
    chain = Heights()

    assert told(chain, 10, 30) == a_header(10)
    assert chain.asked == [10, 11, 12, 13, 14]


def test_near_the_head_the_head_is_enough() -> None:
    chain = Heights()

    assert told(chain, 10, 12) == a_header(10)
    assert chain.asked == [10, 11, 12]


@pytest.mark.parametrize("lost", [[10], [10, 11, 12], [12], [13, 14]])
def test_a_block_of_a_branch_that_lost_is_not_believed(lost: list[int]) -> None:
    with pytest.raises(WrongAnswer, match="on different branches"):
        told(Heights(lost, fork=lost[0] - 2), 10, 30)


def test_a_block_above_the_head_is_unknown() -> None:
    with pytest.raises(Unknown, match="above the head 8"):
        told(Heights(), 10, 8)


# --- ranges ---------------------------------------------------------------------------


def a_range(first: int, last: int, branch: str = "a", fork: int = 0) -> Fetched:
    header = a_header(last, branch, fork)
    return Fetched(first, a_header(first, branch, fork).parent_hash, header, [], 0)


def ends(ranges: Any, end: BlockRef) -> list[int]:
    return [each.to_header.number for each in settled(linked(ranges, None), DEPTH, end)]


def test_ranges_wait_until_enough_stands_on_them() -> None:
    passed: list[int] = []

    def coming() -> Any:
        for first in (1, 4, 7, 10):
            yield a_range(first, first + 2)
            passed.append(first)

    ranges = settled(linked(coming(), None), DEPTH, a_header(12).ref)

    assert (next(ranges).to_header.number, passed) == (3, [1, 4])
    assert [each.to_header.number for each in ranges] == [6, 9, 12]


def test_the_last_ranges_count_when_they_end_in_the_block_that_is_final() -> None:
    assert ends([a_range(1, 9), a_range(10, 12)], a_header(12).ref) == [9, 12]


def test_ranges_of_a_branch_that_lost_are_not_handed_on() -> None:
    handed: list[int] = []
    of_the_lost = [a_range(7, 8, "b", fork=6), a_range(9, 10, "b", fork=6)]

    with pytest.raises(WrongAnswer, match="block 11 says its parent is 0xa10"):
        handed.extend(
            each.to_header.number
            for each in settled(
                linked([a_range(1, 6), *of_the_lost, a_range(11, 30)], None), DEPTH, a_header(30).ref
            )
        )

    assert set(handed) <= {6}


def test_history_that_ends_in_another_block_than_the_final_one_is_refused() -> None:
    with pytest.raises(WrongAnswer, match="final is 0xa12"):
        ends([a_range(1, 9), a_range(10, 12, "b", fork=10)], a_header(12).ref)
