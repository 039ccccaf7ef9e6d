"""What trends: by the published formula, always in the same order."""

from __future__ import annotations

from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, address, asset, deed

from store import trending
from store.trending import WEIGHTS

TIP = 1000


@pytest.fixture
def stir(seed):
    seed.checkpoint(TIP)
    seed.market()
    seed.assets(
        *[asset(number, block=number) for number in range(1, 8)],
        asset(8, block=995, stats={"viewCount": 1023, "favoriteCount": 7}),
        asset(9, block=9, stats={"viewCount": 10**9, "favoriteCount": 10**6}),
    )
    seed.deeds(
        *[deed("buy", 1, 990 + n, seller=ALICE, buyer=address(f"fan {n}"), price_wei=1) for n in range(3)],
        deed("buy", 2, 976, seller=ALICE, buyer=BOB, price_wei=1),
        deed("buy", 3, 990, seller=ALICE, buyer=ALICE, price_wei=2**255),
        *[deed("buy", 4, 900 + n, seller=ALICE, buyer=BOB, price_wei=1) for n in range(20)],
        *[deed("list", 5, 950 + n, seller=ALICE, price_wei=1) for n in range(5)],
        deed("list", 6, 950, seller=ALICE, price_wei=1),
        deed("buy", 7, TIP - 24 * 7, seller=ALICE, buyer=CAROL, price_wei=1),
        deed("transfer", 7, 999, seller=ALICE, buyer=CAROL),
        deed("mint", 8, 995, buyer=ALICE),
    )


def ranked(client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/market/trending?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["trending"]
    return found


def test_scores_follow_the_formula(client, stir):
    scores = [(one["asset"]["tokenId"], one["score"]) for one in ranked(client)]

    assert scores == [
        (1, 8 * 3 + 4 * 3),
        (8, 2 + 10 + 2 * 3),
        (2, 4),
        (4, 4),
        (5, 2),
        (6, 2),
        (3, 0),
    ]


def test_the_formula_is_told_and_explains_every_score(client, stir):
    answer = client.get("/api/market/trending").json
    weights = answer["formula"]["weights"]

    for one in answer["trending"]:
        parts = dict(one["parts"])
        views, favorites = parts.pop("viewCount"), parts.pop("favoriteCount")
        score = sum(weights[name] * count for name, count in parts.items())
        score += weights["views"] * ((1 + views).bit_length() - 1)
        score += weights["favorites"] * ((1 + favorites).bit_length() - 1)
        assert score == one["score"]
    assert "log2" in answer["formula"]["text"]
    for name in weights:
        assert str(getattr(WEIGHTS, name)) in answer["formula"]["text"] or weights[name] == 1


def test_of_a_week_full_of_deeds_the_newest_count(client, stir, monkeypatch):
    monkeypatch.setattr(trending, "DEEDS", 3)

    assert [(one["asset"]["tokenId"], one["score"]) for one in ranked(client)] == [
        (1, 8 * 2 + 4 * 2),
        (8, 2 + 10 + 2 * 3),
    ]


def test_many_sales_to_one_buyer_or_to_oneself_are_worth_one_or_nothing(client, stir):
    parts = {one["asset"]["tokenId"]: one["parts"] for one in ranked(client)}

    assert parts[4]["buyers7d"] == 1
    assert (parts[3]["buyers24h"], parts[3]["buyers7d"]) == (0, 0)


def test_clicks_alone_make_nothing_trend_and_windows_end_where_they_say(client, stir):
    shown = {one["asset"]["tokenId"] for one in ranked(client)}

    assert 9 not in shown
    assert 7 not in shown


def test_equal_scores_go_by_the_newest_deed(client, stir, seed):
    seed.deeds(deed("buy", 6, TIP - 24 * 6, seller=ALICE, buyer=ALICE, price_wei=1))

    order = [one["asset"]["tokenId"] for one in ranked(client)]

    assert order.index(2) < order.index(4)
    assert order.index(5) < order.index(6)
    assert [one["rank"] for one in ranked(client)] == list(range(1, 8))


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_walk_the_ranks(client, stir, limit):
    walked, cursor = [], ""
    for _ in range(8):
        page = client.get(f"/api/market/trending?limit={limit}{cursor}").json
        walked += page["trending"]
        if not page["pagination"]["hasMore"]:
            break
        cursor = f"&cursor={page['pagination']['nextCursor']}"

    assert walked == ranked(client)
    numbered = client.get("/api/market/trending?limit=3&page=2").json
    assert numbered["trending"] == ranked(client)[3:6]
    assert numbered["pagination"]["total"] == 7


def test_only_so_many_are_ranked_and_they_are_those_with_most_on_the_chain(client, stir, monkeypatch):
    monkeypatch.setattr(trending, "CANDIDATES", 3)

    assert [one["asset"]["tokenId"] for one in ranked(client)] == [1, 2, 4]


def test_nothing_trends_on_a_quiet_market(client, seed):
    seed.checkpoint(TIP)

    assert ranked(client) == []
