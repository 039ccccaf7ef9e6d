"""Every list, walked page by page while the world changes: each row of the start exactly once, or a clear no."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from builders import ALICE, BOB, ETHER, Seed, asset, at, auth, block_ref, deed, hash_of, header, price, reorg
from flask import Flask
from flask.testing import FlaskClient

from api import make_app
from store.reading import Reading
from tests.api.keeping import keeping_in
from tests.api.operations_of import OPERATIONS
from tests.api.signing import BASE_URL, Wallet, bearer, sign_in

TIP = 100
ROWS = 23
ADMIN = Wallet("ada")


@dataclass(frozen=True, slots=True)
class ListOf:
    """One list: where it is, under which key its rows are, and how `number` comes to be in it."""

    url: str
    key: str
    grow: Callable[[Seed, int], None]
    is_of_the_chain: bool = True
    is_stable: bool = True
    """What is there keeps its place, whatever comes and goes."""
    meanwhile: Callable[[Seed, int], None] | None = None
    """What is written during a walk, where it is something else: what the list is sorted by must not change."""


def mint(seed: Seed, number: int) -> None:
    seed.assets(asset(number, block=number, listing_wei=number * ETHER))


def trade(seed: Seed, number: int) -> None:
    seed.deeds(deed("buy", 1, number, seller=ALICE, buyer=BOB, price_wei=number, log_index=1))


def value(seed: Seed, number: int) -> None:
    seed.prices(price(1, number, number * ETHER, log_index=2))


def trade_and_value(seed: Seed, number: int) -> None:
    trade(seed, number)
    value(seed, number)


def float_or_tell(seed: Seed, number: int) -> None:
    """Boats, and what is only said to be like one."""
    told = {"name": f"Boat {number}"} if number % 2 else {"description": "not a boat"}
    seed.assets(asset(number, block=number, **told))


def trend(seed: Seed, number: int) -> None:
    mint(seed, number)
    seed.deeds(deed("mint", number, number, buyer=ALICE))


def like(seed: Seed, number: int) -> None:
    mint(seed, number)
    join(seed, ADMIN)
    user = seed.database["users"].find_one({"walletAddress": ADMIN.address})
    liked = seed.database["assets"].find_one({"tokenId": number})
    assert user
    assert liked
    seed.add(
        "favorites",
        {
            "_id": ObjectId(),
            "userId": user["_id"],
            "assetId": liked["_id"],
            "mintTransactionHash": liked["chain"]["mintTransactionHash"],
            "contractAddress": liked["contractAddress"],
            "tokenId": number,
            "createdAt": at(number),
        },
    )


def rewind(seed: Seed, number: int) -> None:
    seed.add("reorgs", reorg(number))


def somebody(seed: Seed, number: int) -> None:
    join(seed, Wallet(f"user {number}"))


def join(seed: Seed, wallet: Wallet) -> None:
    newcomer = {
        "createdAt": at(0),
        "lastLogin": None,
        "roles": ["user"],
        "profileInfo": {},
        "apiKeys": [],
        "status": "active",
        "revision": 0,
    }
    users = seed.database["users"]
    users.update_one({"walletAddress": wallet.address}, {"$setOnInsert": newcomer}, upsert=True)


def act(seed: Seed, number: int) -> None:
    seed.add(
        "auditLog",
        {
            "_id": ObjectId(),
            "at": at(number),
            "action": "user.changed",
            "actor": {"kind": "user", "name": ALICE},
            "target": BOB,
            "before": {},
            "after": {},
            "ipAddress": None,
            "requestId": None,
        },
    )


LISTS: dict[str, list[ListOf]] = {
    "listAssets": [
        ListOf("/api/assets", "assets", mint),
        ListOf("/api/assets?sortBy=tokenId&sortDirection=asc", "assets", mint),
        ListOf("/api/assets?sortBy=tokenId&sortDirection=desc&isListed=true", "assets", mint),
        ListOf("/api/assets?sortBy=name&assetType=Art", "assets", mint),
        ListOf("/api/assets?sortBy=price&priceMin=0.5", "assets", mint),
        ListOf("/api/assets?sortBy=listingPrice&sortDirection=asc", "assets", mint),
        ListOf("/api/assets?sortBy=confidence", "assets", mint),
        ListOf("/api/assets?sortBy=views&q=Asset", "assets", mint),
    ],
    "listUserAssets": [ListOf(f"/api/users/{ALICE.lower()}/assets", "assets", mint)],
    "listListings": [
        ListOf("/api/market/listings", "listings", mint),
        ListOf("/api/market/listings?sortBy=listedAt&sortDirection=desc", "listings", mint),
    ],
    "listTransactions": [
        ListOf("/api/transactions", "transactions", trade),
        ListOf(f"/api/transactions?type=buy&wallet={ALICE}", "transactions", trade),
    ],
    "listAssetTransactions": [ListOf("/api/assets/1/transactions", "transactions", trade)],
    "listUserTransactions": [
        ListOf(f"/api/users/{ALICE}/transactions", "transactions", trade),
        ListOf(f"/api/users/{ALICE}/transactions?type=sell", "transactions", trade),
    ],
    "listActivity": [ListOf("/api/activity", "activity", trade_and_value)],
    "listAssetActivity": [ListOf("/api/assets/1/activity", "activity", trade_and_value)],
    "listAssetPrices": [
        ListOf("/api/assets/1/price-history", "priceHistory", value),
        ListOf("/api/assets/1/price-history?sortDirection=asc&source=ai-oracle", "priceHistory", value),
        ListOf("/api/assets/1/price-history?interval=1h", "priceHistory", value),
    ],
    "listAssetProvenance": [ListOf("/api/assets/1/provenance", "provenance", trade)],
    "showPortfolio": [ListOf(f"/api/users/{ALICE}/portfolio", "assets", mint)],
    "listTrending": [ListOf("/api/market/trending", "trending", trend, is_stable=False, meanwhile=value)],
    "search": [
        ListOf("/api/search?q=Asset", "hits", mint),
        ListOf("/api/search?q=thing", "hits", mint),
        ListOf("/api/search?q=boat", "hits", float_or_tell),
    ],
    "listFavorites": [ListOf("/api/users/favorites", "favorites", like, is_of_the_chain=False)],
    "listReorgs": [ListOf("/api/reorgs", "reorgs", rewind, is_of_the_chain=False)],
    "listUsers": [ListOf("/api/admin/users?status=active", "users", somebody, is_of_the_chain=False)],
    "listAudit": [ListOf(f"/api/admin/audit?target={BOB}", "audit", act, is_of_the_chain=False)],
}
"""operationId → its lists; a new operation with a cursor needs a line here."""
CASES = [pytest.param(one, id=one.url) for lists in LISTS.values() for one in lists]
STABLE = [case for case in CASES if case.values[0].is_stable]
WITH_FINALITY = {one.described["operationId"] for one in OPERATIONS if "finality" in one.query}
OF_THE_FINAL = [
    pytest.param(replace(one, url=f"{one.url}{'&' if '?' in one.url else '?'}finality=finalized"), id=one.url)
    for name, lists in LISTS.items()
    for one in lists
    if name in WITH_FINALITY
]
OF_THE_CHAIN = [case for case in CASES if case.values[0].is_of_the_chain]


def test_every_operation_with_a_cursor_is_among_the_lists():
    with_cursor = {one.described["operationId"] for one in OPERATIONS if "cursor" in one.query}

    assert with_cursor == set(LISTS)


@pytest.fixture
def app(database: Any, tmp_path: Path) -> Flask:
    """By the clock on the wall, which signing in goes by."""
    return make_app(
        Reading(database), secret_key="a test", auth=auth(database), keep=keeping_in(tmp_path, database)
    )


@pytest.fixture
def asker(client: FlaskClient, database: Any, seed: Seed) -> Callable[[str], Any]:
    """Asks; where only admins may, as one of them."""
    seed.checkpoint(TIP)
    seed.market()
    seed.assets(asset(1, block=0))
    known: dict[str, str] = {}

    def ask(url: str) -> Any:
        if url.startswith(("/api/admin", "/api/users/favorites")) and not known:
            known.update(admin(client, database))
        return client.get(url, headers=known, base_url=BASE_URL)

    return ask


def admin(client: FlaskClient, database: Any) -> dict[str, str]:
    tokens = sign_in(client, ADMIN)
    database["users"].update_one({"walletAddress": ADMIN.address}, {"$set": {"roles": ["user", "admin"]}})
    database["sessions"].update_many({}, {"$set": {"mfaAt": datetime.now(UTC)}})
    return bearer(tokens)


def with_cursor(url: str, cursor: str | None, limit: int = 5) -> str:
    start = f"{url}{'&' if '?' in url else '?'}limit={limit}"
    return start if cursor is None else f"{start}&cursor={cursor}"


def pages(ask: Callable[[str], Any], listed: ListOf, limit: int = 5) -> Iterator[list[dict[str, Any]]]:
    """Rows of page after page; whoever iterates may change the world between them."""
    cursor = None
    for _ in range(100):
        answer = ask(with_cursor(listed.url, cursor, limit))
        assert answer.status_code == 200, answer.text
        yield answer.json[listed.key]
        cursor = answer.json["pagination"]["nextCursor"]
        if cursor is None:
            return
    raise AssertionError("the list does not end")


def identity(row: dict[str, Any]) -> Any:
    named = row.get("id") or row.get("walletAddress") or row.get("start") or row.get("tokenId")
    return named or row["asset"]["id"]


def grown(seed: Seed, listed: ListOf, *numbers: int) -> None:
    for number in numbers:
        listed.grow(seed, number)


@pytest.mark.parametrize("listed", CASES)
def test_a_walk_gives_each_row_of_the_start_exactly_once_whatever_is_written_meanwhile(
    asker, database, seed, listed
):
    grown(seed, listed, *range(2, 2 + ROWS))
    start = {identity(row) for page in pages(asker, listed, 200) for row in page}
    seen: list[Any] = []
    for number, page in enumerate(pages(asker, listed), TIP + 1):
        seen += [identity(row) for row in page]
        # A block is applied, and somebody edits what people may edit.
        (listed.meanwhile or listed.grow)(seed, number)
        database["assets"].update_many({}, {"$set": {"metadata.creator": "Ada"}})
        seed.checkpoint(number, version=number)

    assert len(start) >= ROWS
    assert [one for one in seen if one in start] == list(dict.fromkeys(one for one in seen if one in start))
    assert set(seen) >= start
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("listed", CASES)
def test_numbered_pages_give_what_a_walk_gives_and_tell_how_much_there_is(asker, seed, listed):
    grown(seed, listed, *range(2, 2 + ROWS))
    walked = [identity(row) for page in pages(asker, listed) for row in page]
    turned: list[Any] = []
    for number in range(1, -(-len(walked) // 5) + 1):
        answer = asker(f"{with_cursor(listed.url, None)}&page={number}").json
        pagination = answer["pagination"]
        turned += [identity(row) for row in answer[listed.key]]
        assert (pagination["page"], pagination["total"]) == (number, len(walked))
        assert pagination["hasMore"] == (5 * number < len(walked))

    assert turned == walked
    beyond = asker(f"{with_cursor(listed.url, None)}&page={pagination['totalPages'] + 1}").json
    assert (beyond[listed.key], beyond["pagination"]["nextCursor"]) == ([], None)


@pytest.mark.parametrize("listed", OF_THE_FINAL)
def test_a_cursor_of_what_is_final_goes_on_through_a_reorg(asker, seed, listed):
    grown(seed, listed, *range(2, 2 + ROWS))
    settle(seed, TIP)
    start = [identity(row) for page in pages(asker, listed, 200) for row in page]
    seen: list[Any] = []
    for number, page in enumerate(pages(asker, listed), 1):
        seen += [identity(row) for row in page]
        # The blocks above finality are taken back, and others come.
        settle(seed, TIP + number)
        grown(seed, listed, TIP + number)
        above = {"chain.mintBlock": {"$gt": TIP - 10}}
        seed.database["assets"].update_many(above, {"$set": {"chain.base": {"absent": True}}})

    assert len(start) >= ROWS
    assert seen == start


def settle(seed: Seed, tip: int) -> None:
    """Final is what was there at the start, whatever tip there is on whatever branch."""
    final = {"number": TIP - 10, "timestamp": at(TIP - 10)}
    branch = {"number": tip, "hash": hash_of((tip, "another branch"))}
    settled = {"finalized": block_ref(TIP - 10), "finalizedAt": final, "version": tip}
    seed.checkpoint(tip, **settled)
    seed.database["checkpoints"].update_one({"_id": "indexer"}, {"$set": {"tip": branch}})


@pytest.mark.parametrize("listed", STABLE)
def test_rows_that_go_shift_nothing(asker, database, seed, listed):
    """What was on a page already goes away: the next page must not begin too late."""
    grown(seed, listed, *range(2, 2 + ROWS))
    start = [identity(row) for page in pages(asker, listed, 200) for row in page]
    seen: list[Any] = []
    collections = ("assets", "transactions", "priceHistory", "reorgs", "auditLog", "users")
    for page in pages(asker, listed):
        seen += [identity(row) for row in page]
        gone = [ObjectId(row["id"]) for row in page[:2] if ObjectId.is_valid(row.get("id", ""))]
        for name in collections:
            database[name].delete_many({"_id": {"$in": gone}, "tokenId": {"$ne": 1}} if name == "assets"
                                       else {"_id": {"$in": gone}})  # fmt: skip

    assert seen == start


@pytest.mark.parametrize("listed", OF_THE_CHAIN)
def test_a_cursor_of_a_block_that_was_taken_back_is_refused_with_a_way_to_begin_again(asker, seed, listed):
    grown(seed, listed, *range(2, 2 + ROWS))
    seed.add("blocks", *[header(number) for number in range(TIP - 9, TIP + 1)])
    cursor = asker(with_cursor(listed.url, None)).json["pagination"]["nextCursor"]
    assert asker(with_cursor(listed.url, cursor)).status_code == 200

    seed.database["blocks"].update_one({"_id": TIP}, {"$set": {"hash": block_ref(-1)["hash"]}})
    seed.checkpoint(TIP, version=8)
    other = {"number": TIP, "hash": block_ref(-1)["hash"]}
    seed.database["checkpoints"].update_one({"_id": "indexer"}, {"$set": {"tip": other}})
    refused = asker(with_cursor(listed.url, cursor))

    assert (refused.status_code, refused.json["code"]) == (410, "cursor-orphaned")
    assert refused.json["links"] == {"start": refused.json["links"]["start"]}
    again = asker(refused.json["links"]["start"])
    assert again.status_code == 200
    assert again.json == asker(with_cursor(listed.url, None)).json


def refusal(asker: Any, cursor: str) -> tuple[int, str | None]:
    answer = asker(f"/api/transactions?limit=5&cursor={cursor}")
    return answer.status_code, answer.json.get("code")


@pytest.fixture
def cursor(asker, seed) -> str:
    for number in range(2, 2 + ROWS):
        trade(seed, number)
    seed.add("blocks", *[header(number) for number in range(TIP - 9, TIP + 1)])
    return str(asker("/api/transactions?limit=5").json["pagination"]["nextCursor"])


def test_a_cursor_outlives_the_finality_of_its_block(asker, seed, database, cursor):
    seed.checkpoint(TIP + 50, version=9)
    database["blocks"].delete_many({"_id": {"$lte": TIP}})

    assert refusal(asker, cursor)[0] == 200


def test_a_cursor_of_a_block_below_finality_that_had_been_taken_back_is_refused(
    asker, seed, database, cursor
):
    seed.add("reorgs", reorg(TIP))
    seed.checkpoint(TIP + 50, version=9)
    database["blocks"].delete_many({"_id": {"$lte": TIP}})

    assert refusal(asker, cursor) == (410, "cursor-orphaned")


def test_a_cursor_of_a_block_above_the_tip_is_refused_until_the_branch_has_it_again(asker, seed, cursor):
    seed.checkpoint(TIP - 2, version=9)
    rewound = refusal(asker, cursor)
    seed.checkpoint(TIP + 1, version=10)

    assert rewound == (410, "cursor-orphaned")
    assert refusal(asker, cursor)[0] == 200


def test_lists_that_no_reorg_touches_go_on_through_one(asker, seed):
    for listed in [case.values[0] for case in CASES if not case.values[0].is_of_the_chain]:
        grown(seed, listed, *range(30, 30 + ROWS))
        cursor = asker(with_cursor(listed.url, None)).json["pagination"]["nextCursor"]
        seed.checkpoint(TIP - 20, version=9)

        assert asker(with_cursor(listed.url, cursor)).status_code == 200


def test_a_position_in_the_sequence_of_events_gives_each_event_once_while_more_are_told(asker, seed):
    def tell(*numbers: int) -> None:
        seed.add("events", *[told(number) for number in numbers])
        seed.checkpoint(TIP, seq=max(numbers))

    tell(*range(1, 24))
    seen, place, newest = [], 0, 23
    for _ in range(100):
        answer = asker(f"/api/events?after={place}&limit=5").json
        seen += [event["seq"] for event in answer["events"]]
        if answer["next"] == place:
            break
        place = answer["next"]
        if newest < 40:
            newest += 1
            tell(newest)

    assert seen == list(range(1, newest + 1))


def told(number: int) -> dict[str, Any]:
    return {
        "_id": number,
        "type": "block",
        "blockNumber": number,
        "blockHash": block_ref(number)["hash"],
        "timestamp": at(number),
        "body": {"number": number},
        "toldAt": at(TIP),
    }
