"""Alive, ready, and how far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders import asset, block_ref, reorg

EMPTY_READS = [
    "/api/assets",
    "/api/assets/1",
    "/api/market/stats",
    "/api/activity",
    "/api/reorgs",
    f"/api/tx/0x{'ab' * 32}",
]


@pytest.mark.parametrize("url", [*EMPTY_READS, "/readyz"])
@pytest.mark.parametrize("checkpoint_exists", [False, True])
def test_before_the_first_block_there_is_nothing_to_say(client, seed, url, checkpoint_exists):
    if checkpoint_exists:
        seed.checkpoint(None, state="backfilling")

    response = client.get(url)

    assert (response.status_code, response.json["code"]) == (503, "nothing-indexed")
    assert "Retry-After" in response.headers
    assert ("backfilling" in response.json["detail"]) is checkpoint_exists


def test_the_process_is_alive_even_so(client, seed):
    assert client.get("/livez").json == {"status": "alive"}


def test_status_before_the_first_commit_is_unindexed(client, seed):
    status = client.get("/api/status").json

    assert (status["state"], status["tip"], status["lease"], status["lagBlocks"]) == (
        "unindexed",
        None,
        None,
        0,
    )
    assert status["asOf"] is None


def test_status_without_a_tip(client, seed):
    seed.checkpoint(None, state="backfilling", head=block_ref(9))

    status = client.get("/api/status").json

    assert (status["state"], status["tip"], status["head"]["number"]) == ("backfilling", None, 9)


def test_status_tells_where_the_indexer_stands(client, seed):
    seed.checkpoint(100, head=block_ref(104), eventsPerSecond=12.5, quarantined=2, lastError="a bad day")
    seed.add("checkpoints", lease(datetime.now(UTC) + timedelta(minutes=1)))

    response = client.get("/api/status")
    status = response.json

    assert status | {"updatedAt": None} == {
        "chainId": 31337,
        "state": "live",
        "head": block_ref(104),
        "finalized": block_ref(90),
        "tip": {**block_ref(100), "timestamp": "2026-01-05T04:00:00Z"},
        "lagBlocks": 4,
        "lagSeconds": 30,
        "eventsPerSecond": 12.5,
        "events": 12,
        "quarantined": 2,
        "reorgs": 0,
        "lease": {"holder": "host:1", "epoch": 3},
        "digest": "0" * 64,
        "rollingDigest": "0" * 64,
        "evidence": {
            "receipts": 0,
            "bloom": 60,
            "logsOnly": 41,
            "blocks": 101,
            "provenShare": 0.0,
            "vouchedShare": 60 / 101,
            "blooms": None,
        },
        "lastError": "a bad day",
        "updatedAt": None,
        "endpoints": [],
        "endpointsReportedAt": None,
        "asOf": {
            "blockNumber": 100,
            "blockHash": block_ref(100)["hash"],
            "timestamp": "2026-01-05T04:00:00Z",
            "finality": "unfinalized",
            "lagBlocks": 4,
            "lagSeconds": 30,
        },
    }
    assert (response.headers["X-As-Of-Block"], response.headers["X-Lag-Seconds"]) == ("100", "30")


def test_blooms_that_are_unusable_vouch_for_nothing_and_are_named(client, seed):
    trouble = {"block": 7, "reason": "every bit of the header's bloom is set"}
    seed.checkpoint(100, evidence={"receipts": 1, "bloom": 60, "logsOnly": 39}, blooms=trouble)

    evidence = client.get("/api/status").json["evidence"]

    assert evidence == {
        "receipts": 1,
        "bloom": 0,
        "logsOnly": 99,
        "blocks": 100,
        "provenShare": 0.01,
        "vouchedShare": 0.01,
        "blooms": trouble,
    }


def test_a_lease_that_has_expired_is_nobodys(client, seed):
    seed.checkpoint()
    seed.add("checkpoints", lease(datetime.now(UTC) - timedelta(seconds=1)))

    assert client.get("/api/status").json["lease"] is None


def lease(expires_at: datetime) -> dict[str, Any]:
    return {"_id": "lease", "holder": "host:1", "epoch": 3, "expiresAt": expires_at}


def test_status_costs_one_read_of_two_documents_by_their_ids(client, seed, database):
    seed.checkpoint()
    seed.add("checkpoints", lease(datetime.now(UTC) + timedelta(minutes=1)))
    database.command("profile", 2)

    client.get("/api/status")

    database.command("profile", 0)
    reads = [one for one in database["system.profile"].find({"op": "query"}) if "system." not in one["ns"]]
    database["system.profile"].drop()
    assert [(one["ns"].partition(".")[2], one["docsExamined"]) for one in reads] == [("checkpoints", 2)]
    assert "COLLSCAN" not in reads[0]["planSummary"]


def test_a_halted_indexer_is_not_ready_but_still_readable(client, seed):
    seed.checkpoint(100, state="halted", lastError="reorg below finality")
    seed.assets(asset(1))

    response = client.get("/readyz")

    assert (response.status_code, response.json["code"]) == (503, "not-ready")
    assert "reorg below finality" in response.json["detail"]
    assert client.get("/api/assets").status_code == 200


@pytest.mark.parametrize("state", ["live", "backfilling"])
def test_an_indexer_with_a_tip_is_ready(client, seed, state):
    seed.checkpoint(100, state=state)

    assert client.get("/readyz").json == {"status": "ready"}


def test_the_ledger_of_reorgs_is_a_list_newest_first(client, seed):
    seed.checkpoint()
    seed.add("reorgs", *[reorg(number) for number in (1, 2, 3)])

    first = client.get("/api/reorgs?limit=2").json
    rest = client.get(f"/api/reorgs?limit=2&cursor={first['pagination']['nextCursor']}").json

    assert [one["oldTip"]["number"] for one in first["reorgs"] + rest["reorgs"]] == [3, 2, 1]
    assert first["reorgs"][0]["orphaned"] == [block_ref(3)]
