"""The market bucket by bucket: bounds, gaps, and how it stood."""

from __future__ import annotations

from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, ETHER, OTHER_RWA, RWA, asset, at, deed

from api import market_history

HUGE = 2**256 - 1
TIP = 1000
"""A block an hour from 2026-01-01T00:00Z on: the tip is at 2026-02-11T16:00Z."""
HISTORY = "/api/market/stats/history"


def listing(seller: str, wei: int) -> dict[str, Any]:
    return {"seller": seller, "priceWei": str(wei), "listedAt": at(1)}


def with_listing(document: dict[str, Any], seller: str, wei: int) -> dict[str, Any]:
    return {**document, "chain": {**document["chain"], "listing": listing(seller, wei)}}


@pytest.fixture
def traded(seed):
    seed.checkpoint(TIP)
    seed.market(assetContracts=[RWA])
    seed.assets(
        asset(1, owner=BOB, block=900),
        with_listing(asset(2, block=901, listing_wei=5 * ETHER), ALICE, 5 * ETHER),
        asset(3, owner=CAROL, block=902),
        with_listing(asset(4, owner=CAROL, block=903, listing_wei=HUGE), CAROL, HUGE),
    )
    seed.deeds(
        *[deed("mint", number, 899 + number, buyer=ALICE) for number in (1, 2, 3, 4)],
        deed("list", 1, 950, seller=ALICE, price_wei=HUGE),
        deed("buy", 1, 960, seller=ALICE, buyer=BOB, price_wei=HUGE),
        deed("transfer", 3, 961, seller=ALICE, buyer=CAROL),
        deed("list", 2, 962, seller=ALICE, price_wei=4 * ETHER),
        deed("delist", 2, 984, seller=ALICE, price_wei=4 * ETHER),
        deed("list", 2, 985, seller=ALICE, price_wei=5 * ETHER),
        deed("transfer", 4, 986, seller=ALICE, buyer=CAROL),
        deed("list", 4, 987, seller=CAROL, price_wei=HUGE),
        deed("buy", 4, 988, seller=CAROL, buyer=CAROL, price_wei=7, log_index=1),
        deed("list", 4, 989, seller=CAROL, price_wei=HUGE),
    )


def buckets(client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"{HISTORY}?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["statsHistory"]
    return found


def test_days_begin_at_midnight_and_empty_ones_are_told(client, traded):
    days = buckets(client, "from=2026-02-07T13:00:00Z&to=2026-02-10T00:00:00Z")

    assert [day["start"] for day in days] == [f"2026-02-{day:02}T00:00:00Z" for day in (7, 8, 9, 10)]
    assert [day["mints"] for day in days] == [4, 0, 0, 0]
    assert [day["listings"] for day in days] == [0, 0, 1, 1]
    assert [day["sales"] for day in days] == [0, 0, 0, 1]


def test_amounts_beyond_any_float_are_exact(client, traded):
    day = buckets(client, "from=2026-02-10T00:00:00Z&to=2026-02-10T00:00:00Z")[0]

    assert (day["volumeWei"], day["feesWei"]) == (str(HUGE), str(HUGE * 250 // 10000))


def test_trades_with_oneself_are_counted_apart(client, traded):
    last = buckets(client, "from=2026-02-11T00:00:00Z")[-1]

    assert (last["sales"], last["selfTrades"], last["selfTradedWei"], last["volumeWei"]) == (0, 1, "7", "0")


def test_a_bucket_ends_as_things_stood_then(client, traded):
    hours = {hour["start"]: hour for hour in buckets(client, "interval=1h&from=2026-02-07T11:00:00Z")}

    def stood(block: int) -> tuple[Any, ...]:
        hour = hours[at(block).isoformat().replace("+00:00", "Z")]
        floor = hour["floorPrice"]
        return hour["assets"], hour["holders"], hour["listed"], int(floor["valueWei"]) if floor else None

    assert stood(899) == (0, 0, 0, None)
    assert stood(900) == (1, 1, 0, None)
    assert stood(955) == (4, 1, 1, HUGE)
    assert stood(960) == (4, 2, 0, None)
    assert stood(961) == (4, 3, 0, None)
    assert stood(962) == (4, 3, 1, 4 * ETHER)
    assert stood(984) == (4, 3, 0, None)
    assert stood(1000) == (4, 3, 2, 5 * ETHER)


def test_the_last_bucket_is_as_the_figures_of_now(client, traded):
    stats = client.get("/api/market/stats").json["stats"]
    last = buckets(client)[-1]

    for name in ("assets", "holders", "listed", "floorPrice"):
        assert last[name] == stats[name]
    assert last["isComplete"] is False


def test_what_cannot_be_known_exactly_is_null_and_said(client, traded, monkeypatch):
    monkeypatch.setattr(market_history, "EXACT_DEEDS", 6)

    answer = client.get(f"{HISTORY}?interval=1h&from=2026-02-09T00:00:00Z").json
    known = [hour["start"] for hour in answer["statsHistory"] if hour["holders"] is not None]

    assert answer["exactFrom"] == known[0] == at(962).isoformat().replace("+00:00", "Z")
    assert sum(hour["sales"] for hour in answer["statsHistory"]) == 1


def test_listings_of_several_asset_contracts_are_not_told_of_the_past(client, traded, seed):
    seed.market(assetContracts=[OTHER_RWA, RWA])

    last = buckets(client)[-1]

    assert (last["listed"], last["floorPrice"], last["holders"]) == (None, None, 3)


def test_weeks_begin_on_monday(client, traded):
    assert buckets(client, "interval=1w")[-1]["start"] == "2026-02-09T00:00:00Z"
    assert len(buckets(client, "interval=1w")) == 90


def test_nothing_is_told_beyond_the_tip(client, traded):
    assert buckets(client, "to=2030-01-01T00:00:00Z")[-1]["start"] == "2026-02-11T00:00:00Z"
    assert buckets(client, "from=2030-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("interval=1h&from=2025-12-01T00:00:00Z", "from"),
        ("from=2026-02-02T00:00:00Z&to=2026-02-01T00:00:00Z", "from"),
        ("interval=4h", "interval"),
        ("from=yesterday", "from"),
        ("cursor=x", "cursor"),
    ],
)
def test_what_is_too_long_or_makes_no_sense_is_refused_by_name(client, traded, query, field):
    answer = client.get(f"{HISTORY}?{query}")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize("to", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("interval", ["1h", "1d", "1w"])
def test_any_time_of_the_calendar_can_be_asked_for(client, traded, to, interval):
    assert len(buckets(client, f"interval={interval}&to={to}")) == 90
    everything = client.get(f"{HISTORY}?interval=1w&from={to}")
    assert everything.status_code in (200, 400)


def test_a_market_without_blocks_is_a_503(client, seed):
    seed.checkpoint(None)

    assert client.get(HISTORY).json["code"] == "nothing-indexed"
