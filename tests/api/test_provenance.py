"""The past of an asset: what the chain says and what people wrote, in one order and apart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, OTHER_RWA, asset, at, deed

HUGE = 2**256 - 1
WRITTEN = {
    "assetLocation": "Vault 1",
    "acquisitionDate": None,
    "provenance": [
        {"owner": "Rembrandt", "period": "1642", "documentation": None},
        {"owner": "Six", "period": "1650-1700", "documentation": "ledger 7", "note": "kept apart"},
        "not an entry",
    ],
    "certificates": [
        {"type": "appraisal", "issuer": "Lloyd", "date": at(55), "fileKey": "documents/1/a.pdf"},
        {"type": "origin", "issuer": "RKD", "date": "1990-05-01"},
        {"type": "undated", "issuer": "?", "date": "some day"},
    ],
}


@pytest.fixture
def past(seed):
    seed.checkpoint()
    seed.market()
    seed.assets(asset(1, owner=CAROL, metadata=WRITTEN), asset(2), asset(1, contract=OTHER_RWA))
    seed.deeds(
        deed("mint", 1, 40, buyer=ALICE, price_wei=HUGE),
        deed("list", 1, 45, seller=ALICE, price_wei=HUGE),
        deed("buy", 1, 50, seller=ALICE, buyer=BOB, price_wei=HUGE),
        deed("transfer", 1, 55, seller=BOB, buyer=ALICE),
        deed("transfer", 1, 55, seller=ALICE, buyer=BOB, log_index=4),
        deed("buy", 1, 95, seller=BOB, buyer=CAROL, price_wei=3),
        deed("mint", 1, 41, buyer=ALICE, contract=OTHER_RWA),
    )


def entries(client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/assets/1/provenance?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["provenance"]
    return found


def said(entry: dict[str, Any]) -> str:
    if entry["source"] == "chain":
        return f"{entry['type']} {entry['blockchain']['blockNumber']}.{entry['blockchain']['logIndex']}"
    return str((entry["certificate"] or {}).get("type") or entry["document"]["owner"])


def test_both_sources_are_one_timeline_newest_first_with_the_undated_last(client, past):
    assert [said(one) for one in entries(client)] == [
        "sale 95.0", "transfer 55.4", "transfer 55.0", "appraisal", "sale 50.0", "mint 40.0", "origin",
        "undated", "Six", "Rembrandt",
    ]  # fmt: skip


def test_every_entry_says_where_it_is_from_and_the_chains_are_exact(client, past):
    told = entries(client)
    chain = [one for one in told if one["source"] == "chain"]

    assert {one["source"] for one in told} == {"chain", "people"}
    assert [one["priceWei"] for one in chain] == ["3", None, None, str(HUGE), str(HUGE)]
    assert (chain[0]["from"], chain[0]["to"], chain[0]["status"]) == (BOB, CAROL, "pending")
    assert chain[-1]["status"] == "completed"
    assert {one["blockchain"] for one in told if one["source"] == "people"} == {None}


def test_what_people_wrote_is_told_by_its_known_names_only(client, past):
    by_name = {said(one): one for one in entries(client)}

    assert by_name["Six"]["document"] == {"owner": "Six", "period": "1650-1700", "documentation": "ledger 7"}
    assert by_name["origin"]["timestamp"] == "1990-05-01T00:00:00Z"
    assert by_name["origin"]["certificate"]["fileKey"] is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_walking_the_pages_meets_every_entry_once(client, past, limit):
    walked, cursor = [], ""
    for _ in range(12):
        page = client.get(f"/api/assets/1/provenance?limit={limit}{cursor}").json
        walked += page["provenance"]
        if not page["pagination"]["hasMore"]:
            break
        cursor = f"&cursor={page['pagination']['nextCursor']}"

    assert walked == entries(client)


def test_numbered_pages_tell_the_total(client, past):
    page = client.get("/api/assets/1/provenance?limit=4&page=3").json

    assert [said(one) for one in page["provenance"]] == ["Six", "Rembrandt"]
    assert (page["pagination"]["total"], page["pagination"]["totalPages"]) == (10, 3)


def test_an_asset_of_which_nobody_wrote_has_what_the_chain_says(client, past):
    answer = client.get(f"/api/assets/1/provenance?contractAddress={OTHER_RWA}").json

    assert [said(one) for one in answer["provenance"]] == ["mint 41.0"]
    assert client.get("/api/assets/99/provenance").status_code == 404


def test_cursors_of_one_asset_are_not_those_of_another(client, past):
    cursor = client.get("/api/assets/1/provenance?limit=1").json["pagination"]["nextCursor"]

    assert client.get(f"/api/assets/2/provenance?limit=1&cursor={cursor}").status_code == 400


def test_dates_finer_than_what_is_kept_do_not_repeat_or_lose_entries(client, seed):
    seed.checkpoint()
    seed.market()
    dates = [datetime(2026, 1, 2, 3, 4, 5, 678_900 + one, tzinfo=UTC).isoformat() for one in range(3)]
    seed.assets(asset(1, metadata={**WRITTEN, "certificates": [{"type": t, "date": t} for t in dates]}))

    first = client.get("/api/assets/1/provenance?limit=2").json
    cursor = first["pagination"]["nextCursor"]
    rest = client.get(f"/api/assets/1/provenance?limit=2&cursor={cursor}").json

    shown = [said(one) for one in first["provenance"] + rest["provenance"]]
    assert sorted(shown) == sorted([*dates, "Six"])


@pytest.mark.parametrize("day", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_date_that_no_clock_of_utc_shows_is_none(client, seed, day):
    seed.checkpoint()
    seed.market()
    seed.assets(asset(1, metadata={**WRITTEN, "certificates": [{"type": "odd", "date": day}]}))

    first = client.get("/api/assets/1/provenance?limit=1")

    assert first.status_code == 200, first.text
    assert first.json["provenance"][0]["timestamp"] is None


def test_dates_are_told_in_utc(client, seed):
    seed.checkpoint()
    seed.market()
    there = {"type": "t", "date": "2020-01-01T00:00:00+02:00"}
    seed.assets(asset(1, metadata={**WRITTEN, "certificates": [there]}))

    assert entries(client)[0]["timestamp"] == "2019-12-31T22:00:00Z"


def test_what_an_entry_says_of_its_own_kind_is_not_believed(client, seed):
    seed.checkpoint()
    seed.market()
    owner = {"owner": "Six", "kind": "certificates"}
    seed.assets(
        asset(1, metadata={"provenance": [owner], "certificates": [{"type": "t", "kind": "provenance"}]})
    )

    told = {one["type"]: one for one in entries(client)}
    assert told["documented-owner"]["document"]["owner"] == "Six"
    assert told["certificate"]["certificate"]["type"] == "t"
