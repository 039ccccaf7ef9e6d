"""Assets: one, several, lists with filters, orders and pages."""

from __future__ import annotations

import pytest
from builders import BOB, ETHER, OTHER_RWA, RWA, asset, at

BIG = 15_123456789012345678


@pytest.fixture
def vault(seed):
    seed.checkpoint()
    seed.market()
    seed.assets(
        asset(1, price_wei=BIG, listing_wei=2 * ETHER, confidence=90),
        asset(2, price_wei=BIG + 1, owner=BOB, assetType="Wine", name="Zebra"),
        asset(3, price_wei=BIG + 2, assetType="Car", listing_wei=ETHER, purchasable=False, confidence=70),
        asset(4, price_wei=2**256 - 1, owner=BOB, name="a.*b", verification={"isVerified": True}),
        asset(95, price_wei=0, name=None, assetType=None, description=None),
        asset(1, contract=OTHER_RWA, block=7, owner=BOB),
    )


def token_ids(client, query: str) -> list[int]:
    response = client.get(f"/api/assets{query}")
    assert response.status_code == 200, response.text
    return [item["tokenId"] for item in response.json["assets"]]


def test_without_parameters_all_assets_are_listed_newest_first(client, vault):
    assert token_ids(client, "") == [95, 1, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("assetType=Wine", [2]),
        ("assetType=Wine,Car", [3, 2]),
        (f"owner={BOB.lower()}", [1, 4, 2]),
        (f"currentOwner={BOB}&contractAddress={RWA}", [4, 2]),
        ("isListed=true", [3, 1]),
        ("isListed=false&assetType=Art", [1, 4]),
        ("isPurchasable=true", [1]),
        ("isVerified=true", [4]),
        ("isVerified=false&assetType=Wine", [2]),
        ("priceMin=15.123456789012345679&priceMax=15.12345678901234568", [3, 2]),
        ("priceMax=0", [95]),
        ("priceMin=" + "9" * 60, []),
        ("priceMax=" + "9" * 60 + "&priceMin=16", [4]),
        ("listingPriceMin=1.5", [1]),
        ("listingPriceMax=1.5", [3]),
        ("minConfidence=71", [1]),
        ("q=zEBRa", [2]),
        ("q=zeb", [2]),
        ("q=wine%20zé", [2]),
        ("q=ebra", []),
        ("q=a.*b", [4]),
        ("q=.", []),
        ("q=%00", []),
        ("q=$where", []),
    ],
)
def test_filters_are_exact(client, vault, query, expected):
    assert token_ids(client, f"?{query}") == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sortBy=price&sortDirection=asc", [95, 1, 1, 2, 3, 4]),
        ("sortBy=price", [4, 3, 2, 1, 1, 95]),
        ("sortBy=listingPrice&sortDirection=desc&isListed=true", [1, 3]),
        ("sortBy=tokenId&sortDirection=asc&limit=200", [1, 1, 2, 3, 4, 95]),
        ("sortBy=confidence&limit=2", [1, 3]),
        ("sortBy=name&limit=1&sortDirection=desc", [4]),
    ],
)
def test_orders_are_exact(client, vault, query, expected):
    assert token_ids(client, f"?{query}") == expected


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize(
    "order", ["createdAt", "price", "listingPrice", "updatedAt", "tokenId", "name", "confidence", "views"]
)
def test_walking_the_pages_meets_every_asset_once(client, seed, vault, order, direction):
    seed.assets(
        *[asset(200 + i, block=50, listing_wei=None if i % 3 else i, name=f"n{i % 4}") for i in range(13)]
    )
    first = f"/api/assets?sortBy={order}&sortDirection={direction}&limit=4"
    whole = [one["id"] for one in client.get(first.replace("limit=4", "limit=200")).json["assets"]]

    walked, cursor = [], ""
    for _ in range(10):
        page = client.get(first + cursor).json
        walked += [one["id"] for one in page["assets"]]
        if not page["pagination"]["hasMore"]:
            break
        cursor = f"&cursor={page['pagination']['nextCursor']}"

    assert walked == whole
    assert len(set(walked)) == 19


def test_nobody_counts_further_than_pages_are_turned(client, vault, monkeypatch):
    monkeypatch.setattr("store.pages.COUNTED_UP_TO", 4)

    page = client.get("/api/assets?page=1&limit=2").json["pagination"]

    assert (page["total"], page["totalPages"], page["totalIsCapped"], page["hasMore"]) == (4, 2, True, True)


def test_numbered_pages_tell_the_total(client, vault):
    page = client.get("/api/assets?limit=4&page=2").json

    assert len(page["assets"]) == 2
    assert page["pagination"] == {
        "limit": 4,
        "hasMore": False,
        "nextCursor": None,
        "page": 2,
        "total": 6,
        "totalPages": 2,
        "totalIsCapped": False,
    }


def test_a_page_after_the_last_is_empty(client, vault):
    page = client.get("/api/assets?limit=4&page=9").json

    assert page["assets"] == []
    assert page["pagination"]["totalPages"] == 2


def test_rows_that_appear_between_pages_shift_nothing(client, seed, vault):
    first = client.get("/api/assets?limit=3").json
    seed.assets(asset(99))

    rest = token_ids(client, f"?limit=3&cursor={first['pagination']['nextCursor']}")

    assert rest == [3, 2, 1]


def test_facets_count_what_the_filter_leaves(client, vault):
    facets = client.get(f"/api/assets?facets=assetType,isListed,isVerified&contractAddress={RWA}").json[
        "facets"
    ]

    assert facets["assetType"][0] == {"value": "Art", "count": 2}
    assert {"value": None, "count": 1} in facets["assetType"]
    assert facets["isListed"] == [{"value": False, "count": 3}, {"value": True, "count": 2}]
    assert facets["isVerified"] == [{"value": False, "count": 4}, {"value": True, "count": 1}]


def test_an_asset_is_shown_in_full_and_without_bookkeeping(client, vault):
    shown = client.get("/api/assets/3").json["asset"]

    assert shown["currentPrice"]["valueWei"] == str(BIG + 2)
    assert shown["marketStatus"]["unavailableReason"] == "not-approved"
    assert shown["finality"] == "finalized"
    assert shown["createdAt"] == at(3).isoformat().replace("+00:00", "Z")
    assert "valueKey" not in str(shown)
    assert "base" not in shown["chain"]


def test_a_bare_token_id_means_the_contract_of_the_market(client, vault):
    assert client.get("/api/assets/1").json["asset"]["contractAddress"] == RWA
    other = client.get(f"/api/assets/1?contractAddress={OTHER_RWA}").json["asset"]
    assert (other["contractAddress"], other["currentOwner"]) == (OTHER_RWA, BOB)


def test_an_unfinalized_asset_says_so(client, vault):
    assert client.get("/api/assets/95").json["asset"]["finality"] == "unfinalized"


@pytest.mark.parametrize("token_id", ["404", str(2**63 - 1), str(2**63), "9" * 78])
@pytest.mark.parametrize("rest", ["", "/price-history", "/transactions", "/activity"])
def test_asking_for_an_unknown_asset_is_a_404_problem(client, vault, token_id, rest):
    response = client.get(f"/api/assets/{token_id}{rest}")

    assert response.status_code == 404
    assert token_id in response.json["detail"]


def test_a_batch_keeps_the_order_and_names_what_is_missing(client, vault):
    answer = client.post("/api/assets/batch", json={"tokenIds": [4, 77, 1, 4]}).json

    assert [one["tokenId"] for one in answer["assets"]] == [4, 1]
    assert answer["missing"] == [77]
    assert answer["asOf"]["blockNumber"] == 100


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"tokenIds": []}, 400),
        ({"tokenIds": list(range(201))}, 400),
        ({"tokenIds": ["1"]}, 400),
        ({"tokenIds": [{"$gt": 0}]}, 400),
        ({"tokenIds": [True]}, 400),
        ({"tokenIds": [2**63]}, 400),
        ({"tokenIds": [-1]}, 400),
        ({"tokenIds": {"$ne": None}}, 400),
        ({}, 400),
        ([], 400),
        ({"tokenIds": [1], "more": 1}, 400),
    ],
)
def test_a_malformed_batch_is_refused(client, vault, body, status):
    response = client.post("/api/assets/batch", json=body)

    assert response.status_code == status
    assert response.json["errors"]


@pytest.mark.parametrize("state", ["", "&finality=finalized"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_names_of_any_length_can_be_walked_by_cursors_of_a_sane_one(client, seed, state, direction):
    seed.checkpoint()
    seed.market()
    seed.assets(*(asset(n, name="ä" * 9000 + f" {n}") for n in (1, 2, 3)), asset(4, name="ä"))
    walked, cursor = [], ""
    while cursor is not None:
        query = f"sortBy=name&sortDirection={direction}&limit=1{state}{cursor and '&cursor='}{cursor}"
        answer = client.get(f"/api/assets?{query}")
        assert answer.status_code == 200, answer.text
        walked += [item["tokenId"] for item in answer.json["assets"]]
        cursor = answer.json["pagination"]["nextCursor"]
        assert len(cursor or "") < 2000

    assert walked == [4, 1, 2, 3][:: 1 if direction == "asc" else -1]


def test_a_cursor_after_an_asset_that_is_gone_begins_again(client, seed, database):
    seed.checkpoint()
    seed.market()
    seed.assets(*(asset(n, name="a" * 9000 + str(n)) for n in (1, 2)))
    cursor = client.get("/api/assets?sortBy=name&limit=1").json["pagination"]["nextCursor"]
    database["assets"].delete_many({})

    answer = client.get(f"/api/assets?sortBy=name&limit=1&cursor={cursor}")

    assert (answer.status_code, answer.json["code"]) == (410, "cursor-orphaned")


def test_cursors_of_the_tip_are_not_those_of_what_is_final(client, vault):
    for mine, others in (("", "&finality=finalized"), ("&finality=finalized", "")):
        cursor = client.get(f"/api/assets?limit=1{mine}").json["pagination"]["nextCursor"]
        answer = client.get(f"/api/assets?limit=1{others}&cursor={cursor}")

        assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "cursor")
        assert "another list" in answer.text
