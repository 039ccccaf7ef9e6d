"""How ranges narrow and widen again."""

import pytest

from chain.errors import (
    RangeHint,
    RateLimited,
    SingleBlockTooDense,
    StructuralCap,
    TooDense,
    Transient,
    Unrecognised,
)
from chain.ranges import BlockRange, RangeSizer

WIDE = BlockRange(1, 100_000)


def test_the_first_range_is_as_wide_as_configured() -> None:
    assert RangeSizer(1000).next_range(WIDE) == (1, 1000)


def test_a_range_never_reaches_beyond_what_is_wanted() -> None:
    assert RangeSizer(1000).next_range(BlockRange(5, 9)) == (5, 9)


def test_a_structural_cap_is_kept_for_ever() -> None:
    sizer = RangeSizer(1000)

    again = sizer.refused(BlockRange(1, 1000), StructuralCap("max 500", 500))
    for _ in range(50):
        sizer.answered(sizer.next_range(WIDE))

    assert again == (1, 500)
    assert sizer.size == 500
    assert sizer.learned_cap == 500


def test_a_cap_that_shrinks_later_is_followed() -> None:
    sizer = RangeSizer(1000)
    sizer.refused(BlockRange(1, 1000), StructuralCap("max 500", 500))

    assert sizer.refused(BlockRange(1, 500), StructuralCap("max 10", 10)) == (1, 10)
    assert sizer.learned_cap == 10


def test_a_cap_without_a_number_or_not_below_the_asked_range_halves() -> None:
    for cap in (None, 1000, 5000):
        assert RangeSizer(1000).refused(BlockRange(1, 1000), StructuralCap("too wide", cap)) == (1, 500)


def test_a_cap_learned_earlier_is_used_from_the_start() -> None:
    assert RangeSizer(1000, learned_cap=10).next_range(WIDE) == (1, 10)


def test_a_dense_range_is_halved_once_and_grows_back_no_further_than_before() -> None:
    sizer = RangeSizer(1000)

    assert sizer.refused(BlockRange(1, 1000), TooDense("too many results")) == (1, 500)
    sizes = []
    for _ in range(10):
        sizer.answered(sizer.next_range(WIDE))
        sizes.append(sizer.size)

    assert sizes[:4] == [625, 781, 976, 1000]
    assert max(sizes) == 1000
    assert sizer.learned_cap is None


def test_concurrent_refusals_of_equal_ranges_count_once() -> None:
    sizer = RangeSizer(1000)

    for start in (1, 1001, 2001):
        sizer.refused(BlockRange(start, start + 999), TooDense("too many results"))

    assert sizer.size == 500


def test_answers_for_short_ranges_do_not_widen() -> None:
    sizer = RangeSizer(1000)
    sizer.refused(BlockRange(1, 1000), TooDense("too many results"))

    sizer.answered(BlockRange(1, 3))

    assert sizer.size == 500


def test_rate_limits_and_passing_failures_never_narrow_a_range() -> None:
    sizer = RangeSizer(1000)

    for error in (RateLimited("slow down", 3), Transient("502")):
        assert sizer.refused(BlockRange(1, 1000), error) == (1, 1000)

    assert sizer.size == 1000


def test_a_hint_inside_the_asked_range_is_taken() -> None:
    assert RangeSizer(1000).refused(BlockRange(101, 1100), RangeHint("try", 101, 350)) == (101, 350)


@pytest.mark.parametrize("hint", [(101, 1100), (1, 500), (900, 2000), (350, 101)])
def test_a_hint_that_is_equal_outside_or_inverted_halves_instead(hint: tuple[int, int]) -> None:
    assert RangeSizer(1000).refused(BlockRange(101, 1100), RangeHint("try", *hint)) == (101, 600)


def test_unknown_words_halve_down_to_one_block_and_then_fail_with_the_raw_text() -> None:
    sizer = RangeSizer(1000)
    asked = sizer.next_range(WIDE)
    error = Unrecognised("the moon is in the wrong house")
    rounds = 0

    while asked.size > 1:
        asked = sizer.refused(asked, error)
        rounds += 1

    assert rounds == 9
    with pytest.raises(Unrecognised, match="wrong house"):
        sizer.refused(asked, error)
    assert sizer.size == 1000


def test_a_single_dense_block_is_named() -> None:
    with pytest.raises(SingleBlockTooDense) as caught:
        RangeSizer(1000).refused(BlockRange(7, 7), TooDense("too many results"))

    assert caught.value.block_number == 7


def test_a_range_of_no_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one block"):
        RangeSizer(0)
