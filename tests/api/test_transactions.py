"""Deeds, activity, a wallet's own view, and the way of one transaction."""

from __future__ import annotations

import pytest
from builders import (
    ALICE,
    BOB,
    CAROL,
    ETHER,
    OTHER_RWA,
    asset,
    block_ref,
    chain_events,
    deed,
    hash_of,
    header,
    object_id,
    price,
    reorg,
)


@pytest.fixture
def trade(seed):
    seed.checkpoint()
    seed.market()
    seed.assets(asset(1, owner=BOB), asset(2))
    seed.deeds(
        deed("mint", 1, 10, buyer=ALICE, price_wei=ETHER),
        deed("list", 1, 20, seller=ALICE, price_wei=2 * ETHER),
        deed("buy", 1, 30, seller=ALICE, buyer=BOB, price_wei=2 * ETHER, transaction="sale", log_index=1),
        deed("buy", 2, 30, seller=ALICE, buyer=BOB, price_wei=ETHER, transaction="sale", log_index=4),
        deed("transfer", 1, 95, seller=BOB, buyer=CAROL),
        deed("buy", 2, 96, seller=BOB, buyer=BOB, price_wei=5),
        deed("mint", 1, 5, buyer=CAROL, contract=OTHER_RWA),
    )
    seed.prices(
        price(1, 10, ETHER, "mint", log_index=1),
        price(1, 20, 2 * ETHER, "user-listing"),
        price(1, 30, 2 * ETHER, "sale", log_index=1, transaction="sale"),
        price(1, 40, 3 * ETHER),
        price(1, 95, 4 * ETHER, "direct", log_index=7),
    )


def rows(client, path: str) -> list[tuple[str, int, int]]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    key = "activity" if "activity" in path else "transactions"
    return [(row["type"], row["tokenId"], row["blockchain"]["blockNumber"]) for row in response.json[key]]


@pytest.mark.parametrize(
    ("query", "blocks"),
    [
        ("", [96, 95, 30, 30, 20, 10, 5]),
        ("tokenId=1", [95, 30, 20, 10, 5]),
        ("type=mint", [10, 5]),
        ("type=mint,list", [20, 10, 5]),
        (f"seller={ALICE}", [30, 30, 20]),
        (f"buyer={BOB}", [96, 30, 30]),
        (f"wallet={BOB}", [96, 95, 30, 30]),
        (f"wallet={BOB}&type=buy&tokenId=2", [96, 30]),
        (f"wallet={BOB}&seller={ALICE}", [30, 30]),
        ("status=pending", [96, 95]),
        ("status=completed", [30, 30, 20, 10, 5]),
        ("status=failed", []),
        ("from=2026-01-02T06:00:00Z&to=2026-01-02T06:00:00Z", [30, 30]),
        (f"transactionHash={hash_of('sale')}", [30, 30]),
        (f"transactionHash={hash_of('other')}", []),
    ],
)
def test_deeds_can_be_chosen(client, trade, query, blocks):
    assert [row[2] for row in rows(client, f"/api/transactions?{query}")] == blocks


def test_a_deed_shows_exact_amounts_and_its_place(client, trade):
    sale = client.get("/api/transactions?type=buy&limit=2").json["transactions"][1]

    assert (sale["price"], sale["priceWei"]) == (1.0, str(ETHER))
    assert sale["platformFeeWei"] == str(ETHER // 40)
    assert sale["status"] == "completed"
    assert sale["blockchain"]["blockHash"] == block_ref(30)["hash"]
    assert client.get(f"/api/transactions/{sale['id']}").json["transaction"] == sale


def test_an_unknown_deed_is_a_404_problem_and_a_malformed_id_a_400(client, trade):
    assert client.get(f"/api/transactions/{'0' * 24}").status_code == 404
    assert client.get("/api/transactions/nonsense").status_code == 400


def test_a_wallet_sees_what_it_sold_as_sell(client, trade):
    def of(wallet, query=""):
        return rows(client, f"/api/users/{wallet}/transactions?{query}")

    assert of(ALICE.lower()) == [("sell", 2, 30), ("sell", 1, 30), ("list", 1, 20), ("mint", 1, 10)]
    assert of(BOB) == [("buy", 2, 96), ("transfer", 1, 95), ("buy", 2, 30), ("buy", 1, 30)]
    assert of(ALICE, "type=sell&limit=1") == [("sell", 2, 30)]
    assert of(ALICE, "type=buy") == []
    assert of(BOB, "type=sell") == []
    assert of(BOB, "type=buy,sell,transfer") == of(BOB)
    assert of("0X" + ALICE[2:].upper(), "type=mint") == [("mint", 1, 10)]


def test_a_wallet_never_seen_is_an_empty_list(client, trade):
    nobody = "0x" + "12" * 20

    assert rows(client, f"/api/users/{nobody}/transactions") == []
    assert client.get(f"/api/users/{nobody}/assets").json["assets"] == []


def test_a_wallet_owns_what_the_chain_says(client, trade):
    owned = client.get(f"/api/users/{BOB.lower()}/assets").json["assets"]

    assert [one["tokenId"] for one in owned] == [1]


def test_deeds_of_an_asset_are_those_of_its_contract(client, trade):
    assert [row[2] for row in rows(client, "/api/assets/1/transactions")] == [95, 30, 20, 10]
    assert rows(client, "/api/assets/1/transactions?type=list") == [("list", 1, 20)]


def test_activity_has_one_row_for_each_deed_and_those_prices_that_have_none(client, trade):
    assert rows(client, "/api/assets/1/activity") == [
        ("price", 1, 95),
        ("transfer", 1, 95),
        ("price", 1, 40),
        ("buy", 1, 30),
        ("list", 1, 20),
        ("mint", 1, 10),
    ]
    assert len(rows(client, "/api/activity")) == 9


@pytest.mark.parametrize("path", ["/api/activity", f"/api/transactions?wallet={BOB}", "/api/transactions"])
def test_walking_the_pages_meets_every_row_once(client, trade, path):
    joint = "&" if "?" in path else "?"
    whole = rows(client, path)

    walked, cursor = [], ""
    for _ in range(10):
        page = f"{path}{joint}limit=2{cursor}"
        walked += rows(client, page)
        following = client.get(page).json["pagination"]["nextCursor"]
        if following is None:
            break
        cursor = f"&cursor={following}"

    assert walked == whole


def test_numbered_pages_of_activity_tell_the_total(client, trade):
    page = client.get("/api/activity?page=2&limit=4").json

    assert (len(page["activity"]), page["pagination"]["total"]) == (4, 9)
    assert rows(client, "/api/activity?page=2&limit=4") == rows(client, "/api/activity")[4:8]


def status_of(client, name: object, query: str = "") -> str:
    return client.get(f"/api/tx/{hash_of(name)}{query}").json["tx"]["status"]


def test_a_transaction_is_finalized_with_all_its_effects(client, trade):
    shown = client.get(f"/api/tx/{hash_of('sale').upper().replace('0X', '0x')}").json["tx"]

    assert shown["status"] == "finalized"
    assert shown["block"] == block_ref(30)
    assert [row["tokenId"] for row in shown["effects"]["transactions"]] == [1, 2]
    assert len(shown["effects"]["priceHistory"]) == 1


def test_a_transaction_in_an_unfinalized_block_is_indexed(client, trade):
    assert status_of(client, ("transfer", deed("x", 1, 1)["contractAddress"], 1, 95, 0)) == "indexed"


def test_a_transaction_that_left_logs_but_no_rows_is_indexed(client, trade, seed):
    seed.add("chainEvents", chain_events(97, "approval"))

    assert status_of(client, "approval") == "indexed"


def test_what_only_the_node_knows_is_pending_until_its_block_is_applied(client, trade, node):
    node.known = {hash_of("waiting"): None, hash_of("ahead"): 101, hash_of("foreign"): 99, hash_of("old"): 12}

    assert [status_of(client, name) for name in ("waiting", "ahead", "foreign", "old", "never")] == [
        "pending",
        "pending",
        "indexed",
        "finalized",
        "unknown",
    ]


def test_a_transaction_with_logs_but_no_rows_is_found_however_old_and_in_whatever_chunk_of_its_block(
    client, trade, seed
):
    seed.checkpoint(5000)
    seed.add("chainEvents", chain_events(7, "approval"), chain_events(8, "huge") | {"_id": 8 + 3 / 1024})

    assert (status_of(client, "approval"), status_of(client, "huge")) == ("finalized", "finalized")
    assert client.get(f"/api/tx/{hash_of('huge')}").json["tx"]["block"] == block_ref(8)


def test_while_indexes_are_missing_only_recent_blocks_are_searched(client, trade, seed):
    seed.checkpoint(5000, state="backfilling")
    seed.add("chainEvents", chain_events(7, "old"), chain_events(4500, "recent"))

    assert [status_of(client, name) for name in ("old", "recent")] == ["unknown", "finalized"]


def test_the_node_is_not_asked_about_what_we_have(client, trade, node):
    assert status_of(client, "sale") == "finalized"
    assert node.asked == 0


def test_a_block_of_another_branch_than_ours_does_not_count_as_applied(client, trade, seed, node):
    seed.add("blocks", header(99))
    node.known = {hash_of("there"): 99}

    node.branch = {99: hash_of("another branch")}
    assert status_of(client, "there") == "pending"
    assert client.get(f"/api/assets?afterTx={hash_of('there')}").status_code == 409

    node.branch = {99: block_ref(99)["hash"]}
    assert status_of(client, "there") == "indexed"
    assert client.get(f"/api/tx/{hash_of('there')}").json["tx"]["block"] == block_ref(99)
    assert client.get(f"/api/assets?afterTx={hash_of('there')}").status_code == 200


def test_a_transaction_that_came_back_after_a_reorg_is_indexed(client, trade, seed):
    seed.add("reorgs", reorg(98) | {"transactionHashes": [hash_of("back")]})
    seed.deeds(deed("list", 2, 97, seller=ALICE, price_wei=1, transaction="back"))

    assert status_of(client, "back") == "indexed"


def test_a_transaction_that_a_reorg_took_back_is_orphaned(client, trade, seed):
    seed.add("reorgs", reorg(98) | {"transactionHashes": [hash_of("gone")]})
    seed.add(
        "orphans",
        {
            "_id": object_id("orphan"),
            "contractAddress": OTHER_RWA,
            "tokenId": 9,
            "mintTransactionHash": hash_of("mint gone"),
            "people": {},
        },
    )

    assert status_of(client, "gone") == "orphaned"
    assert status_of(client, "mint gone") == "orphaned"


def test_waiting_for_a_transaction_ends_when_it_is_indexed(client, trade, seed, clock):
    def mine() -> None:
        if clock.seconds >= 2:
            clock.on_sleep = lambda: None
            seed.deeds(deed("list", 2, 100, seller=ALICE, price_wei=1, transaction="mine"))

    clock.on_sleep = mine

    assert status_of(client, "mine", "?wait=20") == "indexed"
    assert clock.seconds < 3


def test_waiting_for_a_transaction_in_vain_ends_in_time(client, trade, clock):
    waited = client.get(f"/api/tx/{hash_of('never')}?wait=5")

    assert waited.json["tx"]["status"] == "unknown"
    assert waited.headers["Retry-After"] == "1"
    assert 5 <= clock.seconds < 6
