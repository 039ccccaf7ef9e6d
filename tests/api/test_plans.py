"""Lists read what they show: with the late indexes, no list scans a collection or sorts in memory."""

from __future__ import annotations

from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, ETHER, asset, deed, hash_of, price

from store import assets
from store.indexes import ensure_early, ensure_late

MANY = 600
FEW = 130
"""Documents a page of 20 may look at: the page, what ties with its edges, and every branch of its condition."""


@pytest.fixture
def large(seed, database) -> Any:
    owners = (ALICE, BOB, CAROL)
    kinds = ("Art", "Wine", "Car")
    seed.checkpoint(10_000)
    seed.market()
    seed.assets(
        *[
            asset(
                i,
                owner=owners[i % 3],
                assetType=kinds[i % 3],
                listing_wei=i * ETHER if i % 2 else None,
                confidence=i % 100,
            )
            for i in range(MANY)
        ]
    )
    seed.deeds(*[deed("mint", i, i, buyer=owners[i % 3]) for i in range(MANY)])
    seed.deeds(
        *[
            deed("buy", i % 50, i, seller=owners[i % 3], buyer=owners[(i + 1) % 3], price_wei=1)
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


def queries(database: Any) -> list[dict[str, Any]]:
    """What the server did for readers, newest last."""
    done = database["system.profile"].find(
        {"op": {"$in": ["query", "command"]}, "planSummary": {"$exists": True}}
    )
    return [one for one in done if "system." not in one["ns"]]


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
def test_no_list_scans_a_collection_or_sorts_in_memory(client, large, second_page, monkeypatch):
    monkeypatch.setattr(assets, "FEW_FOUND", 50)
    wrong: list[str] = []
    for url in LISTS:
        answer = client.get(url)
        cursor = answer.json.get("pagination", {}).get("nextCursor")
        if second_page and (cursor is None or "page=" in url):
            continue
        seen = len(queries(large))
        client.get(f"{url}{'&' if '?' in url else '?'}cursor={cursor}" if second_page else url)
        wrong += [f"{url}: {fault}" for one in queries(large)[seen:] for fault in faults(one)]

    assert not wrong, "\n".join(wrong)


def faults(one: dict[str, Any]) -> list[str]:
    name, plan = one["ns"].partition(".")[2], one["planSummary"]
    if name in ("checkpoints", "market"):
        return []
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
def test_what_is_computed_of_rows_reads_those_rows_only(client, large, seed, url, most):
    """The last deed is 600 hours after the beginning; the period asked for has the last dozen."""
    tip = MANY if "market" not in url else MANY - 12 + 7 * 24
    seed.checkpoint(tip)
    client.get("/api/market/stats")  # figures of now, which are remembered
    seen = len(queries(large))

    assert client.get(url).status_code == 200

    done = [one for one in queries(large)[seen:] if one["ns"].endswith((".transactions", ".priceHistory"))]
    assert done
    assert [one["planSummary"] for one in done if "COLLSCAN" in one["planSummary"]] == []
    assert sum(one.get("docsExamined", 0) for one in done) <= 3 * most
