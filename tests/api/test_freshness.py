"""At which block an answer is true; waiting for a block; answering 304."""

from __future__ import annotations

import threading

import pytest
from builders import ALICE, ETHER, asset, at, auth, block_ref, chain_events, checkpoint, deed, hash_of

from api import make_app
from store.reading import Reading

CHAIN_READS = [
    "/api/assets",
    "/api/assets/1",
    "/api/transactions",
    "/api/market/stats",
    "/api/activity",
    "/api/reorgs",
]


@pytest.fixture
def tip(seed):
    seed.checkpoint(100)
    seed.market()
    seed.assets(asset(1))
    seed.deeds(deed("mint", 1, 1, buyer=ALICE))


@pytest.mark.parametrize("url", CHAIN_READS)
def test_every_answer_says_at_which_block_it_is_true(client, tip, url):
    response = client.get(url)

    assert response.json["asOf"] == {
        "blockNumber": 100,
        "blockHash": block_ref(100)["hash"],
        "timestamp": "2026-01-05T04:00:00Z",
        "finality": "unfinalized",
        "lagBlocks": 0,
        "lagSeconds": 0,
    }
    assert (response.headers["X-As-Of-Block"], response.headers["X-Lag-Seconds"]) == ("100", "0")


def test_lag_is_told_in_blocks_and_in_the_age_of_the_tip(client, tip, seed):
    seed.checkpoint(100, head=block_ref(103), finalized=block_ref(100))

    as_of = client.get("/api/assets").json["asOf"]

    assert (as_of["lagBlocks"], as_of["lagSeconds"], as_of["finality"]) == (3, 30, "finalized")


@pytest.mark.parametrize("url", CHAIN_READS)
def test_asking_again_costs_nothing_until_the_state_changes(client, tip, seed, clock, url):
    seed.checkpoint(100, head=block_ref(101))
    tag = client.get(url).headers["ETag"]
    clock.seconds = 5.0

    again = client.get(url, headers={"If-None-Match": tag})

    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    seed.checkpoint(101, version=8)
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 200


def test_another_url_has_another_tag(client, tip):
    tags = {client.get(f"/api/assets?limit={limit}").headers["ETag"] for limit in (1, 2)}

    assert len(tags) == 2


@pytest.mark.parametrize(
    "url", ["/api/status", "/livez", "/readyz", "/api/openapi.json", f"/api/tx/{hash_of(1)}"]
)
def test_answers_that_are_not_of_a_block_can_be_revalidated_too(client, tip, url):
    tag = client.get(url).headers["ETag"]

    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304


def test_a_block_that_is_there_does_not_wait(client, tip, clock):
    assert client.get("/api/assets?minBlock=100&wait=20").status_code == 200
    assert clock.seconds == 0


def test_a_block_that_is_not_there_yet_is_a_conflict_to_retry(client, tip, clock):
    response = client.get("/api/assets?minBlock=101&wait=3")

    assert (response.status_code, response.json["code"]) == (409, "not-yet-indexed")
    assert response.headers["Retry-After"] == "1"
    assert response.json["detail"].startswith("block 101 is not indexed yet, the tip is 100")
    assert 3 <= clock.seconds < 4


def test_waiting_ends_when_the_block_is_applied(client, tip, seed, clock):
    clock.on_sleep = lambda: seed.checkpoint(101, version=8) if clock.seconds > 1 else None

    response = client.get("/api/assets/1?minBlock=101&wait=20")

    assert response.json["asOf"]["blockNumber"] == 101
    assert clock.seconds < 2


def test_when_too_many_wait_the_next_one_is_answered_at_once(database, tip, clock):
    """The world stands still while somebody waits; then others come."""
    app = make_app(Reading(database), secret_key="a test", auth=auth(database), clock=clock, max_waiters=1)
    meanwhile = []

    def come() -> None:
        clock.on_sleep = lambda: None
        before = clock.seconds
        for url in ("/api/assets?minBlock=101&wait=20", f"/api/tx/{hash_of('never')}?wait=20", "/api/assets"):
            meanwhile.append(app.test_client().get(url))
        assert clock.seconds == before

    clock.on_sleep = come
    app.test_client().get("/api/assets?minBlock=101&wait=2")

    assert [one.status_code for one in meanwhile] == [409, 200, 200]
    assert [one.headers.get("Retry-After") for one in meanwhile] == ["1", "1", None]
    clock.seconds = 0.0
    assert app.test_client().get("/api/assets?minBlock=101&wait=2").status_code == 409
    assert clock.seconds >= 2, "the place is free again"


def test_nobody_takes_the_places_of_others_who_wait(app, tip, clock):
    """Each of three requests comes while those before it wait."""
    waited = {}

    def ask(address: str, *later: str) -> None:
        clock.on_sleep = lambda: ask(*later) if later else None
        before = clock.seconds
        here = {"REMOTE_ADDR": address}
        app.test_client().get("/api/assets?minBlock=101&wait=2", environ_base=here)
        waited[address] = clock.seconds > before

    ask("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1")

    assert waited == {"2001:db8::1": True, "2001:db8::2": True, "2001:db8::3": False, "192.0.2.1": True}


def test_finality_that_moves_changes_what_is_pending_and_the_tag(client, tip, seed):
    seed.deeds(deed("transfer", 1, 95, seller=ALICE, buyer=ALICE))
    before = client.get("/api/transactions?tokenId=1")

    seed.checkpoint(100, finalized=block_ref(95))
    after = client.get("/api/transactions?tokenId=1", headers={"If-None-Match": before.headers["ETag"]})

    assert [row["status"] for row in before.json["transactions"]] == ["pending", "completed"]
    assert [row["status"] for row in after.json["transactions"]] == ["completed", "completed"]


def test_reading_ones_own_write_works_for_rows_approvals_and_foreign_transactions(client, tip, seed, node):
    seed.add("chainEvents", chain_events(99, "approval"))
    node.known = {hash_of("failed"): 98, hash_of("ahead"): 101}
    mint = client.get("/api/transactions").json["transactions"][0]["blockchain"]["transactionHash"]

    def status(transaction: str) -> int:
        return client.get(f"/api/assets?afterTx={transaction}").status_code

    assert [status(one) for one in (mint, hash_of("approval"), hash_of("failed"))] == [200, 200, 200]
    assert [status(one) for one in (hash_of("ahead"), hash_of("never"))] == [409, 409]


def test_no_answer_mixes_two_blocks(client, tip, connection):
    """While a writer commits block after block, price and checkpoint always belong together."""
    stop = threading.Event()

    def write() -> None:
        for number in range(101, 400):
            if stop.is_set():
                return
            with connection.client.start_session() as session, session.start_transaction():
                changed = {"$set": {"currentPrice.valueWei": str(number)}}
                connection.database["assets"].update_one({"tokenId": 1}, changed, session=session)
                stands = checkpoint(number, version=number)
                connection.database["checkpoints"].replace_one({"_id": "indexer"}, stands, session=session)

    writer = threading.Thread(target=write)
    client.get("/api/assets?minBlock=100")
    writer.start()
    answers = [client.get("/api/assets/1").json for _ in range(60)]
    stop.set()
    writer.join(30)

    seen = [(int(a["asset"]["currentPrice"]["valueWei"]), a["asOf"]["blockNumber"]) for a in answers]
    assert all(price in (block, ETHER) for price, block in seen)
    assert len({block for _, block in seen}) > 2
    assert [block for _, block in seen] == sorted(block for _, block in seen)
    assert all(
        a["asOf"]["timestamp"] == at(a["asOf"]["blockNumber"]).isoformat().replace("+00:00", "Z")
        for a in answers
    )


def test_a_batch_can_wait_for_what_was_just_written(client, seed):
    seed.checkpoint(100)
    seed.market()
    seed.assets(asset(1))

    there = client.post("/api/assets/batch", json={"tokenIds": [1], "minBlock": 100, "wait": 1})
    missing = client.post("/api/assets/batch", json={"tokenIds": [1], "minBlock": 101})
    misplaced = client.post("/api/assets/batch?minBlock=1", json={"tokenIds": [1]})

    assert [one["tokenId"] for one in there.json["assets"]] == [1]
    assert (missing.status_code, missing.json["code"]) == (409, "not-yet-indexed")
    assert "this path takes none" in misplaced.json["detail"]
