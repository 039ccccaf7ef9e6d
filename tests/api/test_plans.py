"""Lists read what they show: with the late indexes, no list scans a collection or sorts in memory."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from builders import BOB, Seed, at, hash_of
from eth_utils.address import to_checksum_address

from store import assets
from tests.api.large import MANY, name_of, stand
from tests.api.operations_of import OPERATIONS

FEW = 130
"""Documents a page of 20 may look at: the page, what ties with its edges, and every branch of its condition."""

NOBODY = to_checksum_address("0x" + "9" * 40)
EARLY, MIDDLE = (quote(at(MANY * part // 10).isoformat().replace("+00:00", "Z")) for part in (1, 5))

LISTS = [
    "/api/assets",
    "/api/assets?page=2",
    "/api/assets?assetType=Wine",
    "/api/assets?isListed=true",
    f"/api/assets?owner={BOB}",
    "/api/assets?sortBy=price",
    "/api/assets?sortBy=price&priceMin=0.5",
    "/api/assets?sortBy=listingPrice",
    "/api/assets?sortBy=listingPrice&sortDirection=asc&isListed=true",
    "/api/assets?sortBy=tokenId&sortDirection=asc",
    "/api/assets?sortBy=name",
    "/api/assets?sortBy=confidence",
    "/api/assets?sortBy=updatedAt",
    "/api/assets?sortBy=views",
    "/api/assets?q=asset",
    "/api/assets?q=599",
    "/api/assets?q=asset%20599",
    "/api/assets?q=nothing",
    "/api/search?q=art",
    "/api/search?q=599",
    f"/api/search?q={BOB}",
    f"/api/search?q={hash_of(1)}",
    "/api/assets/7/provenance",
    f"/api/users/{BOB}/assets",
    f"/api/users/{BOB}/transactions",
    f"/api/users/{BOB}/transactions?type=sell",
    "/api/transactions",
    "/api/transactions?type=buy",
    "/api/transactions?tokenId=7",
    f"/api/transactions?seller={BOB}",
    f"/api/transactions?buyer={BOB}",
    f"/api/transactions?transactionHash={hash_of(1)}",
    "/api/transactions?status=pending",
    "/api/market/listings",
    "/api/market/listings?isPurchasable=true",
    "/api/market/listings?sortBy=listedAt",
    f"/api/market/listings?seller={BOB}",
    f"/api/market/listings?seller={NOBODY}",
    f"/api/transactions?contractAddress={NOBODY}",
    f"/api/transactions?to={EARLY}",
    f"/api/transactions?from={MIDDLE}&to={MIDDLE}",
    f"/api/transactions?type=mint&to={EARLY}",
    f"/api/activity?contractAddress={NOBODY}",
    f"/api/activity?to={EARLY}",
    f"/api/users/{BOB}/transactions?to={EARLY}",
    f"/api/assets/7/price-history?to={EARLY}",
    "/api/activity",
    "/api/assets/7",
    "/api/assets/7/activity",
    "/api/assets/7/transactions",
    "/api/assets/7/price-history",
    "/api/assets/7/price-history?interval=1d",
    "/api/reorgs",
    f"/api/tx/{hash_of('nothing')}",
]


@pytest.mark.parametrize("second_page", [False, True])
@pytest.mark.parametrize("finality", [{}, {"finality": "finalized"}], ids=["tip", "final"])
def test_no_list_scans_a_collection_or_sorts_in_memory(large, second_page, finality, monkeypatch):
    monkeypatch.setattr(assets, "FEW_FOUND", 50)
    wrong: list[str] = []
    for url in LISTS if not finality else filter(is_told_of_the_final, LISTS):
        query = dict(parse_qsl(urlsplit(url).query)) | finality
        if second_page:
            cursor = large.get(urlsplit(url).path, **query).json.get("pagination", {}).get("nextCursor")
            if cursor is None or "page" in query:
                continue
            query |= {"cursor": cursor}
        large.watch()
        assert large.get(urlsplit(url).path, **query).status_code == 200, url
        wrong += [f"{url} {finality}: {fault}" for one in large.done() for fault in faults(one)]

    assert not wrong, "\n".join(wrong)


def is_told_of_the_final(url: str) -> bool:
    path = urlsplit(url).path
    return any(
        "finality" in one.query and re.fullmatch(re.sub(r"{\w+}", "[^/]+", one.path), path)
        for one in OPERATIONS
    )


def faults(one: dict[str, Any]) -> list[str]:
    name, plan = name_of(one), one["planSummary"]
    found = [f"{name} {word}" for word in ("COLLSCAN",) if word in plan]
    # The rows of one transaction are few, and so are the prices of one asset within a time.
    # So are the assets that a rare word finds, told by their ids; a frequent one is met soon along the order.
    few = any(path in plan for path in ("transactionHash", "timestamp", "{ _id: 1 }"))
    sorts = one.get("hasSortStage") and not few
    found += [f"{name} sorts in memory: {plan}"] if sorts else []
    return found + (
        [f"{name} looks at {one['docsExamined']}: {plan}"] if one.get("docsExamined", 0) > FEW else []
    )


@pytest.mark.parametrize(
    ("url", "most"),
    [
        ("/api/market/stats/history?from=2026-01-25T12:00:00Z", 20),
        ("/api/market/trending", 20),
        (f"/api/users/{BOB}/portfolio", 2 * MANY),
        (f"/api/users/{BOB}/portfolio/history", 2 * MANY),
    ],
)
def test_what_is_computed_of_rows_reads_those_rows_only(large, url, most):
    """The last deed is 600 hours after the beginning; the period asked for has the last dozen."""
    seed = Seed(large.database)
    seed.checkpoint(MANY if "market" not in url else MANY - 12 + 7 * 24)
    large.client.get("/api/market/stats")  # figures of now, which are remembered
    large.watch()

    assert large.client.get(url).status_code == 200

    done = [one for one in large.done() if name_of(one) in ("transactions", "priceHistory")]
    stand(seed)
    assert done
    assert [one["planSummary"] for one in done if "COLLSCAN" in one["planSummary"]] == []
    assert sum(one.get("docsExamined", 0) for one in done) <= 3 * most


NOTHING_THERE: dict[str, Any] = {
    **dict.fromkeys(("owner", "currentOwner", "seller", "buyer", "wallet", "contractAddress"), NOBODY),
    "tokenId": 999_999,
    "transactionHash": hash_of("nothing"),
    "assetType": "Nothing",
    "priceMin": "1000000",
    "listingPriceMin": "1000000",
    "q": "nowhere",
    "from": "2100-01-01T00:00:00Z",
    "to": "2000-01-01T00:00:00Z",
    "type": "delist",
    "source": "user-listing",
}
"""Values that nothing in the market has, by filter."""
TELLING = [
    (operation, name)
    for operation in OPERATIONS
    for name in NOTHING_THERE
    if "cursor" in operation.query and name in operation.query and "/admin/" not in operation.path
]


@pytest.mark.parametrize("finality", [{}, {"finality": "finalized"}], ids=["tip", "final"])
def test_what_is_not_there_is_not_looked_for_everywhere(large, finality):
    wrong: list[str] = []
    for operation, name in TELLING:
        if finality and "finality" not in operation.query:
            continue
        large.watch()
        answer = large.get(operation.url(walletAddress=BOB), **{name: NOTHING_THERE[name]}, **finality)
        # Without any row of its own, an asset contract has no assets to tell of.
        assert answer.status_code in ((200, 404) if name == "contractAddress" else (200,)), answer.text
        # Sorting nothing costs nothing.
        looked = [one for one in large.done() if one.get("docsExamined", 0) > FEW]
        wrong += [f"{operation} {name}: {one['docsExamined']} {one['planSummary']}" for one in looked]

    assert not wrong, "\n".join(wrong)
