"""Portfolios: exact to the wei, and honest about what is not known."""

from __future__ import annotations

from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, ETHER, address, asset, deed, price

from store import portfolios

HUGE = 2**256 - 1
TIP = 1000


@pytest.fixture
def traded(seed):
    """Bob bought 1, was given 2, minted 3, sold 4 after buying it, sold 5 that he minted, traded 6 with himself."""
    seed.checkpoint(TIP)
    seed.market()
    seed.assets(
        asset(1, owner=BOB, block=901, price_wei=HUGE, listing_wei=HUGE),
        asset(2, owner=BOB, block=902, price_wei=3, assetType="Wine"),
        asset(3, owner=BOB, block=903, price_wei=5),
        asset(4, owner=CAROL, block=904),
        asset(5, owner=CAROL, block=905),
        asset(6, owner=BOB, block=906, price_wei=10),
        unpriced(asset(7, owner=BOB, block=907, price_wei=0)),
    )
    seed.deeds(
        *[deed("mint", number, 900 + number, buyer=ALICE) for number in (1, 2, 4, 6)],
        *[deed("mint", number, 900 + number, buyer=BOB) for number in (3, 5, 7)],
        deed("buy", 1, 920, seller=ALICE, buyer=BOB, price_wei=HUGE - 1),
        deed("transfer", 2, 921, seller=ALICE, buyer=BOB),
        deed("buy", 4, 922, seller=ALICE, buyer=BOB, price_wei=1000),
        deed("buy", 4, 930, seller=BOB, buyer=CAROL, price_wei=900),
        deed("buy", 5, 931, seller=BOB, buyer=CAROL, price_wei=2000),
        deed("buy", 6, 940, seller=ALICE, buyer=BOB, price_wei=7),
        deed("buy", 6, 950, seller=BOB, buyer=BOB, price_wei=10**30),
    )
    seed.prices(
        price(1, 901, 9, "mint"), price(1, 960, HUGE), price(2, 902, 3, "mint"), price(3, 903, 5, "mint"),
        price(4, 904, 1, "mint"), price(5, 905, 1, "mint"), price(6, 906, 10, "mint"),
        price(1, 990, 4, "sale"), price(1, 991, 4, "user-listing"),
    )  # fmt: skip


def unpriced(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "chain": {**document["chain"], "initialPriceWei": None}}


def portfolio(client, wallet: str = BOB, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/api/users/{wallet}/portfolio?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def test_values_and_costs_are_exact_and_coverage_says_of_how_many(client, traded):
    told = portfolio(client)["portfolio"]

    assert (told["assets"], told["valueWei"]) == (5, str(HUGE + 3 + 5 + 10))
    assert told["coverage"] == {"assets": 5, "priced": 4, "withCost": 2}
    unrealised = told["unrealised"]
    assert unrealised["assets"] == 2
    assert unrealised["costWei"] == str(HUGE - 1 + 7)
    assert unrealised["gainWei"] == str(1 + 3)
    assert (told["forSale"], told["askedWei"]) == (1, str(HUGE))


def test_trades_are_told_with_fees_and_gains_and_those_with_oneself_apart(client, traded):
    realised = portfolio(client)["portfolio"]["realised"]

    assert (realised["purchases"], realised["spentWei"]) == (3, str(HUGE - 1 + 1000 + 7))
    assert (realised["sales"], realised["earnedWei"], realised["feesWei"]) == (2, "2900", str(22 + 50))
    assert realised["netWei"] == str(2900 - 72)
    assert (realised["salesWithCost"], realised["gainWei"]) == (1, str(900 - 22 - 1000))
    assert (realised["selfTrades"], realised["selfTradedWei"]) == (1, str(10**30))


def test_each_asset_says_how_it_came_and_what_it_cost(client, traded):
    assets = {one["tokenId"]: one for one in portfolio(client)["assets"]}

    came = {number: one["acquired"]["type"] for number, one in assets.items()}
    assert came == {1: "buy", 2: "transfer", 3: "mint", 6: "buy", 7: "mint"}
    costs = {number: one["cost"] and one["cost"]["valueWei"] for number, one in assets.items()}
    assert costs == {1: str(HUGE - 1), 2: None, 3: None, 6: "7", 7: None}
    assert assets[1]["unrealisedGain"]["valueWei"] == "1"


def test_types_come_by_value(client, traded):
    types = portfolio(client)["portfolio"]["byType"]

    assert [(kind["assetType"], kind["assets"], kind["priced"]) for kind in types] == [
        ("Art", 4, 3),
        ("Wine", 1, 1),
    ]


@pytest.mark.parametrize("spelled", [BOB, BOB.lower(), "0x" + BOB[2:].upper(), "0X" + BOB[2:].upper()])
def test_an_address_may_be_in_any_letter_case(client, traded, spelled):
    assert portfolio(client, spelled)["portfolio"] == portfolio(client)["portfolio"]
    history = client.get(f"/api/users/{spelled}/portfolio/history")
    assert history.json["portfolioHistory"][-1]["assets"] == 5


def test_a_wrong_checksum_is_refused_with_the_right_form(client, traded):
    wrong = BOB[:-4] + BOB[-4:].swapcase()

    for path in ("portfolio", "portfolio/history"):
        answer = client.get(f"/api/users/{wrong}/{path}")
        assert (answer.status_code, BOB in answer.json["detail"]) == (400, True)


def test_a_wallet_never_seen_has_an_empty_portfolio(client, traded):
    stranger = address("nobody")

    told = portfolio(client, stranger)
    history = client.get(f"/api/users/{stranger}/portfolio/history").json["portfolioHistory"]

    assert (told["assets"], told["portfolio"]["valueWei"], told["portfolio"]["byType"]) == ([], "0", [])
    assert {(bucket["assets"], bucket["valueWei"]) for bucket in history} == {(0, "0")}


def test_pages_walk_the_assets_and_the_totals_stay(client, traded):
    walked, cursor, totals = [], "", []
    for _ in range(5):
        page = portfolio(client, query=f"limit=2{cursor}")
        walked += [one["tokenId"] for one in page["assets"]]
        totals.append(page["portfolio"]["valueWei"])
        if not page["pagination"]["hasMore"]:
            break
        cursor = f"&cursor={page['pagination']['nextCursor']}"

    assert walked == [7, 6, 3, 2, 1]
    assert len(set(totals)) == 1


def test_a_cursor_of_one_wallet_is_not_one_of_another(client, traded):
    cursor = portfolio(client, query="limit=1")["pagination"]["nextCursor"]

    answer = client.get(f"/api/users/{CAROL}/portfolio?limit=1&cursor={cursor}")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "cursor")


def test_the_history_goes_by_what_was_held_and_by_the_prices_of_then(client, traded):
    answer = client.get(f"/api/users/{BOB}/portfolio/history?from=2026-02-07T00:00:00Z").json
    days = answer["portfolioHistory"]

    held = [(day["assets"], day["coverage"]["priced"]) for day in days]
    assert held == [(3, 2), (4, 3), (5, 4), (5, 4), (5, 4)]
    assert [day["valueWei"] for day in days[:3]] == ["6", str(9 + 3 + 5), str(9 + 3 + 5 + 10)]
    assert days[-1]["valueWei"] == str(HUGE + 3 + 5 + 10)
    assert (days[-1]["costWei"], days[-1]["coverage"]["withCost"]) == (str(HUGE - 1 + 7), 2)
    assert answer["interval"] == "1d"


@pytest.mark.parametrize(
    ("limit", "path"), [("MAX_MOVES", ""), ("MAX_ASSETS", ""), ("MAX_VALUATIONS", "/history")]
)
def test_more_than_can_be_added_up_is_said_and_not_cut_off(client, traded, monkeypatch, limit, path):
    monkeypatch.setattr(portfolios, limit, 3)

    answer = client.get(f"/api/users/{BOB}/portfolio{path}")

    assert (answer.status_code, answer.json["code"]) == (422, "too-much-history")
    assert "more than 3" in answer.json["detail"]


def test_every_answer_says_at_which_block_it_is_true(client, traded):
    for path in ("portfolio", "portfolio/history"):
        assert client.get(f"/api/users/{BOB}/{path}").json["asOf"]["blockNumber"] == TIP


def test_two_ethers_are_two_ethers(client, seed):
    seed.checkpoint()
    seed.assets(asset(1, owner=BOB, price_wei=2 * ETHER))

    told = portfolio(client)["portfolio"]

    assert (told["value"], told["valueWei"]) == (2.0, str(2 * ETHER))
