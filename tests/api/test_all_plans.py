"""Every filter of every list, in every order it offers, two filters at a time: none scans a collection."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, ETHER, RWA, asset, at, deed, hash_of, price

from store.indexes import ensure_early, ensure_late
from tests.api.operations_of import OPERATIONS, Operation

MANY = 300
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
LISTS = [
    one
    for one in OPERATIONS
    if "cursor" in one.query and {} in one.described["security"] and one.path != "/api/search"
]
"""Of a search nothing but its words can be said, which tests of its own hold to what they read."""


@pytest.fixture
def large(seed: Any, database: Any) -> Iterator[Any]:
    owners, kinds = (ALICE, BOB, CAROL), ("Art", "Wine", "Car")
    seed.checkpoint(10_000)
    seed.market()
    seed.assets(*[
        asset(i, owner=owners[i % 3], assetType=kinds[i % 3], listing_wei=i * ETHER if i % 2 else None,
              confidence=i % 100, verification={"isVerified": i % 5 == 0})
        for i in range(MANY)
    ])  # fmt: skip
    seed.deeds(
        *[
            deed("buy", i, i, seller=owners[i % 3], buyer=owners[(i + 1) % 3], price_wei=1)
            for i in range(MANY)
        ]
    )
    seed.prices(*[price(i % 10, i, ETHER) for i in range(MANY)])
    ensure_early(database)
    ensure_late(database)
    database.command("profile", 2)
    yield database
    database.command("profile", 0)
    database["system.profile"].drop()


def combinations(operation: Operation) -> Iterator[dict[str, Any]]:
    """No filter, each filter, each pair of them; each with every order."""
    filters = [name for name in operation.query if name not in NOT_FILTERS]
    orders = [
        {name: word for name, word in zip(("sortBy", "sortDirection"), words, strict=True) if word}
        for words in itertools.product(*(_words(operation, name) for name in ("sortBy", "sortDirection")))
    ]
    for size in (0, 1, 2):
        for names in itertools.combinations(filters, size):
            for order in orders if size < 2 else orders[:1]:
                yield {**{name: VALUES[name] for name in names}, **order}


def _words(operation: Operation, name: str) -> list[str]:
    return list(operation.query.get(name, {}).get("enum", [""]))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_no_combination_scans_a_collection(client, large, operation):
    wrong: dict[str, list[str]] = defaultdict(list)
    for query in combinations(operation):
        answer = client.get(operation.url(walletAddress=BOB), query_string=query)
        assert answer.status_code == 200, (query, answer.text)
        if (cursor := answer.json["pagination"]["nextCursor"]) is not None:
            client.get(operation.url(walletAddress=BOB), query_string={**query, "cursor": cursor})
        for one in scans(large):
            wrong[one].append(str(query))

    assert not wrong, dict(wrong)


def test_counting_and_summing_scan_no_collection(client, large):
    urls = ["/api/market/stats", "/api/assets?facets=assetType,isListed,isVerified&limit=1"]
    pairs = ((name, value) for name, value in VALUES.items())
    known = next(one for one in LISTS if one.path == "/api/assets").query
    urls += [f"/api/assets?page=1&limit=1&facets=isListed&{name}={value}" for name, value in pairs
             if name in known and name not in NOT_FILTERS]  # fmt: skip
    urls += ["/api/transactions?page=1&status=completed", "/api/activity?page=1", "/api/reorgs?page=1"]
    wrong: dict[str, list[str]] = defaultdict(list)
    for url in urls:
        assert client.get(url).status_code == 200
        for one in scans(large):
            wrong[one].append(url)

    assert not wrong, dict(wrong)


def scans(database: Any) -> list[str]:
    """What the server read whole since it was last asked, the single documents of checkpoint and market apart."""
    done = list(database["system.profile"].find({"planSummary": {"$regex": "COLLSCAN"}}))
    database.command("profile", 0)
    database["system.profile"].drop()
    database.command("profile", 2)
    names = [one["ns"].partition(".")[2] for one in done]
    return [name for name in names if name not in ("checkpoints", "market") and "system." not in name]
