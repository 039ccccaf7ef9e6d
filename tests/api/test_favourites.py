"""Favourites: counted exactly, whatever comes at once, and through reorgs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bson import ObjectId
from builders import OTHER_RWA, RWA, asset, hash_of
from flask import Flask

from api import make_app
from api.auth.options import Auth
from store.accounts import Accounts
from store.indexes import ensure_early
from store.orphans import orphan_of, with_people
from store.reading import Reading
from tests.api.signing import Wallet, bearer, sign_in

ANN, BEN = Wallet("ann"), Wallet("ben")


@pytest.fixture
def app(database, seed) -> Flask:
    ensure_early(database)
    seed.checkpoint()
    seed.market()
    seed.assets(*[asset(number) for number in range(1, 6)], asset(1, contract=OTHER_RWA, block=9))
    return make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), ("k" * 40,)))


@pytest.fixture
def ann(client) -> dict[str, str]:
    return bearer(sign_in(client, ANN))


def count_of(database: Any, token_id: int, contract: str = RWA) -> int:
    found = database.assets.find_one({"tokenId": token_id, "contractAddress": contract})
    return int(found.get("stats", {}).get("favoriteCount", 0))


def test_an_asset_can_be_liked_and_unliked_and_both_can_be_repeated(client, database, ann):
    for _ in range(2):
        liked = client.post("/api/users/favorites/2", headers=ann)
        assert (liked.status_code, liked.json["favorite"]["isFavorite"]) == (200, True)
        assert liked.json["favorite"]["favoriteCount"] == count_of(database, 2) == 1
    assert client.get("/api/users/favorites/2", headers=ann).json["favorite"]["since"] is not None
    assert client.get("/api/assets/2").json["asset"]["stats"]["favoriteCount"] == 1

    for _ in range(2):
        unliked = client.delete("/api/users/favorites/2", headers=ann)
        assert (unliked.json["favorite"]["isFavorite"], unliked.json["favorite"]["since"]) == (False, None)
    assert count_of(database, 2) == 0


def test_every_answer_says_at_which_block_it_is_true_and_is_kept_by_nobody(client, ann):
    answer = client.post("/api/users/favorites/2", headers=ann)

    assert answer.json["asOf"]["blockNumber"] == 100
    assert answer.headers["Cache-Control"] == "no-store"


def test_who_has_an_answer_from_before_is_told_the_new_count(client, ann):
    etag = client.get("/api/assets/2").headers["ETag"]
    client.post("/api/users/favorites/2", headers=ann)

    again = client.get("/api/assets/2", headers={"If-None-Match": etag})

    assert (again.status_code, again.json["asset"]["stats"]["favoriteCount"]) == (200, 1)


def test_favourites_are_of_one_asset_contract(client, database, ann):
    client.post(f"/api/users/favorites/1?contractAddress={OTHER_RWA.lower()}", headers=ann)

    assert (count_of(database, 1), count_of(database, 1, OTHER_RWA)) == (0, 1)
    assert client.get("/api/users/favorites/1", headers=ann).json["favorite"]["isFavorite"] is False


def test_what_does_not_exist_cannot_be_liked(client, database, ann):
    for method in ("POST", "GET", "DELETE"):
        answer = client.open("/api/users/favorites/77", method=method, headers=ann)
        assert (answer.status_code, answer.json["code"]) == (404, "not-found")
    assert database.favorites.count_documents({}) == 0


def test_the_list_is_newest_first_and_walks_in_pages(client, ann):
    for number in (3, 1, 2):
        client.post(f"/api/users/favorites/{number}", headers=ann)

    first = client.get("/api/users/favorites?limit=2", headers=ann).json
    cursor = first["pagination"]["nextCursor"]
    second = client.get(f"/api/users/favorites?limit=2&cursor={cursor}", headers=ann).json

    assert [one["tokenId"] for one in first["favorites"] + second["favorites"]] == [2, 1, 3]
    assert first["favorites"][0]["asset"]["name"] == "Asset 2"
    assert first["asOf"]["blockNumber"] == 100


def test_nobody_sees_the_favourites_of_others_nor_pages_in_them(client, ann):
    for number in (1, 2):
        client.post(f"/api/users/favorites/{number}", headers=ann)
    cursor = client.get("/api/users/favorites?limit=1", headers=ann).json["pagination"]["nextCursor"]
    ben = bearer(sign_in(client, BEN))

    assert client.get("/api/users/favorites", headers=ben).json["favorites"] == []
    assert client.get(f"/api/users/favorites?limit=1&cursor={cursor}", headers=ben).status_code == 400
    assert client.get("/api/users/favorites").status_code == 401


def test_the_count_is_exact_however_many_like_at_once(app, client, database, ann):
    wallets = [bearer(sign_in(client, Wallet(f"fan {number}"))) for number in range(4)]
    asked = [(headers, method) for headers in wallets * 2 for method in ("POST", "DELETE", "POST")]

    def ask(one: tuple[dict[str, str], str]) -> int:
        return app.test_client().open("/api/users/favorites/3", method=one[1], headers=one[0]).status_code

    with ThreadPoolExecutor(4) as threads:
        statuses = set(threads.map(ask, asked))

    assert statuses == {200}
    assert count_of(database, 3) == database.favorites.count_documents({"tokenId": 3})


def test_every_like_moves_the_mark_of_edits_and_a_repeated_one_does_not(client, database, ann):
    marks = []
    for _ in range(2):
        client.post("/api/users/favorites/2", headers=ann)
        marks.append(database.checkpoints.find_one({"_id": "edits"})["mark"])
    client.delete("/api/users/favorites/2", headers=ann)

    assert marks[0] == marks[1] != database.checkpoints.find_one({"_id": "edits"})["mark"]


@pytest.fixture
def taken_back(client, database, ann) -> dict[str, Any]:
    """A reorg took back the mint of a favourite, as the ledger does it; returns the asset."""
    client.post("/api/users/favorites/4", headers=ann)
    found = database.assets.find_one_and_delete({"tokenId": 4})
    database.orphans.insert_one(orphan_of(found))
    return found


def test_a_stranger_that_gets_the_token_id_begins_without_favourites(client, database, ann, taken_back):
    stranger = asset(4)
    stranger["chain"]["mintTransactionHash"] = hash_of("another mint")
    database.assets.insert_one(stranger)

    listed = client.get("/api/users/favorites", headers=ann).json["favorites"]
    assert [(one["tokenId"], one["asset"]) for one in listed] == [(4, None)]
    assert client.get("/api/users/favorites/4", headers=ann).json["favorite"]["isFavorite"] is False

    client.post("/api/users/favorites/4", headers=ann)
    assert count_of(database, 4) == 1
    client.delete("/api/users/favorites/4", headers=ann)
    assert count_of(database, 4) == 0
    assert database.orphans.find_one({})["people"]["stats"]["favoriteCount"] == 0


def test_the_same_mint_comes_back_with_its_favourites(client, database, ann, taken_back):
    orphan = database.orphans.find_one_and_delete({})
    database.assets.insert_one(with_people(asset(4), orphan["people"]))

    assert client.get("/api/users/favorites/4", headers=ann).json["favorite"]["isFavorite"] is True
    assert count_of(database, 4) == 1


def test_a_like_can_be_taken_back_while_the_asset_is_away(client, database, ann, taken_back):
    answer = client.delete("/api/users/favorites/4", headers=ann)

    assert (answer.status_code, answer.json["favorite"]["isFavorite"]) == (200, False)
    orphan = database.orphans.find_one({})
    assert orphan["people"]["stats"]["favoriteCount"] == 0
    assert isinstance(orphan["_id"], ObjectId)
