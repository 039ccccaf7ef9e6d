from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.candles import analytics, candles
from store.prices import PricePoint

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HUGE = 2**256 - 1


def point(hours_ago: float, wei: int, confidence: int | None = None) -> PricePoint:
    return PricePoint(NOW - timedelta(hours=hours_ago), wei, confidence)


def test_points_of_one_hour_are_one_candle():
    found = candles([point(1.5, 5, 80), point(1.4, HUGE), point(1.2, 1, 90), point(0, 7)], "1h")

    assert [one["points"] for one in found] == [3, 1]
    assert (found[0]["openWei"], found[0]["highWei"], found[0]["lowWei"], found[0]["closeWei"]) == (
        "5",
        str(HUGE),
        "1",
        "1",
    )
    assert found[0]["confidence"] == 85
    assert found[1]["confidence"] is None


@pytest.mark.parametrize(
    ("interval", "start"),
    [
        ("1h", datetime(2026, 6, 17, 13, tzinfo=UTC)),
        ("4h", datetime(2026, 6, 17, 12, tzinfo=UTC)),
        ("1d", datetime(2026, 6, 17, tzinfo=UTC)),
        ("1w", datetime(2026, 6, 15, tzinfo=UTC)),
    ],
)
def test_candles_begin_at_round_times_and_weeks_on_monday(interval, start):
    found = candles([PricePoint(datetime(2026, 6, 17, 13, 59, 59, tzinfo=UTC), 1, None)], interval)

    assert found[0]["start"] == start


def test_points_before_1970_have_candles_too():
    found = candles([PricePoint(datetime(1969, 12, 31, 23, 30, tzinfo=UTC), 1, None)], "1d")

    assert found[0]["start"] == datetime(1969, 12, 31, tzinfo=UTC)


def test_no_points_make_no_candles():
    assert candles([], "1d") == []


def test_a_change_is_exact_even_where_floats_are_not():
    told = analytics(HUGE, [point(100, HUGE - 1)], NOW)

    assert told["change24h"] == pytest.approx(100 / (HUGE - 1))
    assert told["current"]["valueWei"] == str(HUGE)


def test_a_rise_from_one_wei_to_the_largest_price_is_a_finite_number():
    assert analytics(HUGE, [point(30, 1)], NOW)["change24h"] == pytest.approx(HUGE * 100)


def test_prices_of_zero_make_changes_unknown_and_no_division():
    told = analytics(0, [point(900, 0), point(200, 0), point(30, 0)], NOW)

    assert [told[f"change{window}"] for window in ("24h", "7d", "30d")] == [None, None, None]
    assert told["volatility"] is None


def test_the_price_at_the_edge_of_a_window_counts_as_the_price_then():
    assert analytics(30, [point(24, 10), point(1, 20)], NOW)["change24h"] == 200


def test_volatility_is_the_spread_of_changes():
    told = analytics(1, [point(5, 100), point(4, 110), point(3, 99)], NOW)

    assert told["volatility"] == pytest.approx(10)


def test_confidence_is_averaged_over_the_last_30_days():
    told = analytics(1, [point(24 * 31, 1, 10), point(2, 1, 80), point(1, 1, 91), point(0, 1)], NOW)

    assert told["averageConfidence"] == 85.5
