"""Figures that are exact to the wei, and what is for sale."""

from __future__ import annotations

import pytest
from builders import ALICE, BOB, CAROL, ETHER, asset, deed

HUGE = 2**256 - 1
TIP = 1000
"""A block an hour: 24 hours are 24 blocks."""


@pytest.fixture
def sales(seed):
    seed.checkpoint(TIP)
    seed.market()
    seed.assets(
        asset(1, listing_wei=3 * ETHER),
        asset(2, listing_wei=2 * ETHER + 1, purchasable=False, assetType="Wine"),
        asset(3, owner=BOB),
        asset(4, owner=BOB, listing_wei=HUGE),
    )
    seed.deeds(
        deed("buy", 1, TIP, seller=ALICE, buyer=BOB, price_wei=HUGE),
        deed("buy", 1, TIP - 23, seller=ALICE, buyer=BOB, price_wei=3),
        deed("buy", 1, TIP - 24, seller=ALICE, buyer=BOB, price_wei=10**26 - 1),
        deed("buy", 2, TIP - 25, seller=CAROL, buyer=CAROL, price_wei=7),
        deed("buy", 2, TIP - 24 * 29, seller=ALICE, buyer=CAROL, price_wei=10**26),
        deed("buy", 2, 1, seller=ALICE, buyer=CAROL, price_wei=HUGE),
        deed("list", 2, 999, seller=ALICE, price_wei=1),
    )


def test_volumes_are_exact_and_windows_reach_back_from_the_tip(client, sales):
    trade = client.get("/api/market/stats").json["stats"]["trade"]

    assert [trade[window]["sales"] for window in ("24h", "7d", "30d", "all")] == [2, 3, 4, 5]
    assert trade["24h"]["volumeWei"] == str(HUGE + 3)
    assert trade["7d"]["volumeWei"] == str(HUGE + 3 + 10**26 - 1)
    assert trade["all"]["volumeWei"] == str(2 * HUGE + 3 + 2 * 10**26 - 1)


def test_trades_with_oneself_are_counted_apart(client, sales):
    week = client.get("/api/market/stats").json["stats"]["trade"]["7d"]

    assert (week["selfTrades"], week["selfTradedWei"]) == (1, "7")


def test_fees_are_those_of_all_sales(client, sales):
    trade = client.get("/api/market/stats").json["stats"]["trade"]

    assert trade["24h"]["feesWei"] == str(HUGE * 250 // 10000)


def test_floor_holders_and_listings_are_counted(client, sales):
    stats = client.get("/api/market/stats").json["stats"]

    assert (stats["assets"], stats["holders"], stats["listed"], stats["purchasable"]) == (4, 2, 3, 2)
    assert stats["listedRatio"] == 0.75
    assert stats["floorPrice"] == {"value": 2.0, "valueWei": str(2 * ETHER + 1)}
    assert stats["purchasableFloorPrice"]["valueWei"] == str(3 * ETHER)
    assert stats["feeBps"] == 250


def test_figures_follow_the_state(client, sales, seed):
    client.get("/api/market/stats")
    seed.deeds(deed("buy", 3, TIP + 1, seller=ALICE, buyer=BOB, price_wei=1))
    seed.checkpoint(TIP + 1, version=8)

    assert client.get("/api/market/stats").json["stats"]["trade"]["all"]["sales"] == 6


def test_an_empty_market_has_no_floor_and_no_ratio(client, seed):
    seed.checkpoint(0)

    stats = client.get("/api/market/stats").json["stats"]

    assert (stats["floorPrice"], stats["listedRatio"], stats["feeBps"]) == (None, None, None)
    assert stats["trade"]["all"]["volumeWei"] == "0"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [2, 1, 4]),
        ("sortDirection=desc", [4, 1, 2]),
        ("isPurchasable=true", [1, 4]),
        ("priceMax=2", []),
        ("priceMax=2.000000000000000001", [2]),
        ("priceMin=2.000000000000000002&priceMax=3", [1]),
        ("assetType=Wine", [2]),
        (f"seller={BOB.lower()}", [4]),
        ("sortBy=listedAt&sortDirection=desc", [4, 2, 1]),
        ("sortBy=tokenId&limit=1", [1]),
    ],
)
def test_listings_can_be_chosen(client, sales, query, expected):
    listings = client.get(f"/api/market/listings?{query}").json["listings"]

    assert [one["tokenId"] for one in listings] == expected


def test_a_listing_says_whether_it_can_be_bought(client, sales):
    cheapest = client.get("/api/market/listings?limit=1").json["listings"][0]

    assert (cheapest["isPurchasable"], cheapest["unavailableReason"]) == (False, "not-approved")
    assert (cheapest["priceWei"], cheapest["seller"]) == (str(2 * ETHER + 1), ALICE)
