"""Every filter of every list, in every order it offers, now, at finality and in the past: none scans a collection."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from builders import BOB, CAROL, RWA, at, hash_of

from tests.api.operations_of import OPERATIONS, Operation
from tests.property import model_contracts
from tests.property.model_contracts import PEOPLE

NOT_FILTERS = {"wait", "afterTx", "minBlock", "limit", "cursor", "page", "sortBy", "sortDirection", "facets",
               "asOfBlock", "asOfHash", "explain", "finality"}  # fmt: skip
VALUES: dict[str, Any] = {
    "owner": BOB,
    "currentOwner": BOB,
    "seller": BOB,
    "buyer": CAROL,
    "wallet": BOB,
    "contractAddress": RWA,
    "tokenId": 7,
    "transactionHash": hash_of(("buy", RWA, 7, 7, 0)),
    "assetType": "Wine",
    "isListed": "true",
    "isPurchasable": "true",
    "isVerified": "true",
    "priceMin": "0.5",
    "priceMax": "2",
    "listingPriceMin": "3",
    "listingPriceMax": "250",
    "minConfidence": 40,
    "q": "Asset 1",
    "from": at(10).isoformat().replace("+00:00", "Z"),
    "to": at(200).isoformat().replace("+00:00", "Z"),
    "status": "completed",
    "type": "buy",
    "source": "ai-oracle",
    "interval": "1d",
}
PEOPLES = {
    "role": "user",
    "status": "active",
    "actor": BOB,
    "target": BOB,
    "action": "user.changed",
}
"""Filters of lists that only admins see; `status` is another one there."""
LISTS = [one for one in OPERATIONS if "cursor" in one.query and one.path != "/api/search"]
"""Of a search nothing but its words can be said, which tests of its own hold to what they read."""
OF_THE_PAST = [one for one in OPERATIONS if one.method == "GET" and "asOfBlock" in one.query]
OF_THE_FINAL = [one for one in OPERATIONS if one.method == "GET" and "finality" in one.query]
LIVED: dict[str, Any] = {
    **dict.fromkeys(("owner", "currentOwner", "seller", "wallet"), PEOPLE[1]),
    "buyer": PEOPLE[2],
    "contractAddress": model_contracts.RWA,
    "assetType": "estate",
    "q": "house",
}
"""The same filters of a market that has other people."""
THEN = 30
"""A block below finality; and what cannot be asked of any but the tip."""
TODAY_ONLY: dict[str, tuple[str, ...]] = {"sortBy": ("updatedAt", "views"), "isVerified": ("true",)}


def combinations(operation: Operation) -> Iterator[dict[str, Any]]:
    """No filter and each filter in every order; each pair of them in one."""
    values = PEOPLES if operation.path.startswith("/api/admin/") else VALUES
    orders = orders_of(operation)
    for size in (0, 1, 2):
        for names in itertools.combinations(filters_of(operation), size):
            for order in orders if size < 2 else orders[:1]:
                yield {**{name: values[name] for name in names}, **order}


def one_by_one(operation: Operation) -> Iterator[dict[str, Any]]:
    """Every order and every filter, by themselves."""
    yield {}
    yield from orders_of(operation)
    for name in filters_of(operation):
        yield {name: LIVED.get(name, VALUES[name])}


def filters_of(operation: Operation) -> list[str]:
    return [name for name in operation.query if name not in NOT_FILTERS]


def orders_of(operation: Operation) -> list[dict[str, str]]:
    """Each order with each direction; {} where there is but one."""
    return [
        {name: word for name, word in zip(("sortBy", "sortDirection"), words, strict=True) if word}
        for words in itertools.product(*(_words(operation, name) for name in ("sortBy", "sortDirection")))
    ]


def _words(operation: Operation, name: str) -> list[str]:
    return list(operation.query.get(name, {}).get("enum", [""]))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_no_combination_scans_a_collection(large, operation):
    assert not scanned(large, operation, combinations(operation), walletAddress=BOB)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", OF_THE_FINAL, ids=str)
def test_nothing_that_is_asked_of_what_is_final_scans_a_collection(lived, operation):
    queries = ({**query, "finality": "finalized"} for query in one_by_one(operation))

    assert not scanned(lived, operation, queries, walletAddress=PEOPLE[1])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", OF_THE_PAST, ids=str)
def test_nothing_that_is_asked_of_the_past_scans_a_collection(lived, operation):
    queries = (
        {**query, "asOfBlock": THEN}
        for query in one_by_one(operation)
        if not any(query.get(name) in words for name, words in TODAY_ONLY.items())
    )

    assert not scanned(lived, operation, queries, walletAddress=PEOPLE[1])


@pytest.mark.parametrize("operation", [one for one in OF_THE_FINAL if "explain" in one.query], ids=str)
def test_what_is_final_can_be_explained_as_well(lived, operation):
    answer = lived.get(operation.url(), finality="finalized", explain="true")

    assert answer.status_code == 200, answer.text
    assert answer.json["explanation"]


def test_assets_by_their_ids_are_not_looked_for_in_all_of_them(large, lived):
    for market, body in ((large, {}), (lived, {}), (lived, {"asOfBlock": THEN})):
        answer = market.client.post("/api/assets/batch", json={"tokenIds": [1, 2, 3], **body})

        assert answer.status_code == 200, answer.text
        assert market.scans() == []


def test_no_question_about_a_block_goes_without_its_test():
    """What takes one of the two parameters in a body is the batch."""
    bodies = {str(one) for one in OPERATIONS if one.body and "asOfBlock" in one.body.get("properties", {})}

    assert bodies == {"POST /api/assets/batch"}
    assert len(OF_THE_PAST) == len(OF_THE_FINAL) >= 10


def scanned(
    market: Any, operation: Operation, queries: Iterator[dict[str, Any]], **path: str
) -> dict[str, list[str]]:
    """Collections that were read whole, each with the queries for which; the first two pages are asked for."""
    wrong: dict[str, list[str]] = defaultdict(list)
    url = operation.url(**path)
    for query in queries:
        answer = market.get(url, **query)
        assert answer.status_code == 200, (query, answer.text)
        cursor = answer.json.get("pagination", {}).get("nextCursor")
        if cursor is not None:
            assert market.get(url, **query, cursor=cursor).status_code == 200
        for one in market.scans():
            wrong[one].append(str(query))
    return dict(wrong)


def test_counting_and_summing_scan_no_collection(large):
    urls = ["/api/market/stats", "/api/assets?facets=assetType,isListed,isVerified&limit=1"]
    pairs = ((name, value) for name, value in VALUES.items())
    known = next(one for one in LISTS if one.path == "/api/assets").query
    urls += [f"/api/assets?page=1&limit=1&facets=isListed&{name}={value}" for name, value in pairs
             if name in known and name not in NOT_FILTERS]  # fmt: skip
    urls += ["/api/transactions?page=1&status=completed", "/api/activity?page=1", "/api/reorgs?page=1"]
    wrong: dict[str, list[str]] = defaultdict(list)
    for url in urls:
        assert large.client.get(url).status_code == 200
        for one in large.scans():
            wrong[one].append(url)

    assert not wrong, dict(wrong)
