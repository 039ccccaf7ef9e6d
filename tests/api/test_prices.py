"""The price history: points, candles, analytics."""

from __future__ import annotations

import pytest
from builders import ETHER, OTHER_RWA, asset, price

from store import prices

TIP = 1000


@pytest.fixture
def history(seed):
    seed.checkpoint(TIP)
    seed.market()
    seed.assets(asset(1, price_wei=12 * ETHER), asset(2))
    seed.prices(
        price(1, 1, 4 * ETHER, "mint"),
        price(1, 700, 8 * ETHER, confidence=80),
        price(1, 900, 6 * ETHER, "direct"),
        price(1, 980, 99 * ETHER, "sale"),
        price(1, 990, 10 * ETHER, confidence=91),
        price(1, 990, 12 * ETHER, log_index=3, confidence=90),
        price(1, 50, 77 * ETHER, contract=OTHER_RWA),
    )


def wei(answer) -> list[int]:
    return [int(point["priceWei"]) // ETHER for point in answer.json["priceHistory"]]


def test_points_come_newest_first_in_the_order_of_the_chain(client, history):
    assert wei(client.get("/api/assets/1/price-history")) == [12, 10, 99, 6, 8, 4]
    assert wei(client.get("/api/assets/1/price-history?sortDirection=asc")) == [4, 8, 6, 99, 10, 12]


def test_points_can_be_chosen_by_source_and_time(client, history):
    base = "/api/assets/1/price-history"

    assert wei(client.get(f"{base}?source=ai-oracle")) == [12, 10, 8]
    assert wei(client.get(f"{base}?from=2026-02-07T12:00:00Z&to=2026-02-10T20:00:00Z")) == [99, 6]
    assert wei(client.get(f"{base}?from=2026-02-07T14:00:00%2B02:00&to=2026-02-07T12:00:00Z")) == [6]


def test_analytics_compare_with_the_price_in_force_then(client, history):
    analytics = client.get("/api/assets/1/price-history?limit=1&source=sale").json["analytics"]

    assert analytics["current"] == {"value": 12.0, "valueWei": str(12 * ETHER)}
    assert analytics["change24h"] == 100.0
    assert analytics["change7d"] == 50.0
    assert analytics["change30d"] == 200.0
    assert analytics["averageConfidence"] == pytest.approx(87)


def test_an_asset_without_points_has_no_changes(client, history):
    analytics = client.get("/api/assets/2/price-history").json["analytics"]

    assert (analytics["change24h"], analytics["volatility"]) == (None, None)


def test_a_change_from_a_price_of_zero_is_unknown(client, history, seed):
    seed.prices(price(2, 5, 0, "mint"), price(2, 995, ETHER))

    analytics = client.get("/api/assets/2/price-history").json["analytics"]

    assert (analytics["change24h"], analytics["change30d"]) == (None, None)


def test_candles_keep_the_exact_extremes(client, history):
    answer = client.get("/api/assets/1/price-history?interval=1d").json

    newest = answer["priceHistory"][0]
    assert newest["start"] == "2026-02-11T00:00:00Z"
    assert (newest["openWei"], newest["closeWei"]) == (str(10 * ETHER), str(12 * ETHER))
    assert newest["confidence"] == 90.5
    assert answer["interval"] == "1d"


@pytest.mark.parametrize("interval", ["raw", "1h", "4h", "1d", "1w"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_walking_the_pages_meets_every_row_once(client, history, interval, direction):
    base = f"/api/assets/1/price-history?interval={interval}&sortDirection={direction}"
    whole = client.get(f"{base}&limit=200").json["priceHistory"]

    walked, cursor = [], ""
    for _ in range(10):
        page = client.get(f"{base}&limit=2{cursor}").json
        walked += page["priceHistory"]
        if not page["pagination"]["hasMore"]:
            break
        cursor = f"&cursor={page['pagination']['nextCursor']}"

    assert walked == whole


def test_candles_can_be_paged_by_number(client, history):
    page = client.get("/api/assets/1/price-history?interval=1d&limit=2&page=2").json["pagination"]

    assert (page["total"], page["totalPages"]) == (5, 3)


def test_more_points_than_candles_are_made_of_are_said_and_not_cut_off(client, history, monkeypatch):
    monkeypatch.setattr(prices, "MAX_POINTS", 3)

    answer = client.get("/api/assets/1/price-history?interval=1d")

    assert (answer.status_code, answer.json["code"]) == (422, "too-much-history")
    assert "more than 3" in answer.json["detail"]
    assert client.get("/api/assets/1/price-history?interval=1d&from=2026-02-09T12:00:00Z").status_code == 200
