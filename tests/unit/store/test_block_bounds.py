"""Stretches of time as conditions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from store.block_bounds import LATEST, times_between

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("microseconds", "kept"), [(0, 0), (1, 1000), (500, 1000), (1000, 1000), (1001, 2000)]
)
def test_a_beginning_within_a_millisecond_is_the_next_one(microseconds, kept):
    low = NOON + timedelta(microseconds=microseconds)

    assert times_between(low, None) == {"$gte": NOON + timedelta(microseconds=kept)}


def test_the_last_moment_of_the_calendar_can_be_asked_for():
    assert times_between(datetime.max.replace(tzinfo=UTC), None) == {"$gte": LATEST}


def test_what_has_no_bounds_asks_nothing():
    assert times_between(None, None) is None
    assert times_between(None, NOON) == {"$lte": NOON}
