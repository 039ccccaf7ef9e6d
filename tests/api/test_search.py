"""One box: words, token ids, addresses, hashes."""

from __future__ import annotations

from typing import Any

import pytest
from builders import AGENT, ALICE, BOB, CAROL, ETHER, OTHER_RWA, RWA, address, asset, deed, hash_of, price

from store import assets


@pytest.fixture
def things(seed):
    seed.checkpoint()
    seed.market()
    seed.assets(
        asset(1, name="Café Wälder", description="im Wald"),
        asset(2, owner=BOB, name="Harbour warehouse", assetType="Real Estate"),
        asset(3, name="House of 12 windows"),
        asset(12, name="Ware", block=13),
        asset(12, contract=OTHER_RWA, name="Old", block=14),
    )
    seed.deeds(deed("buy", 2, 50, seller=ALICE, buyer=BOB, price_wei=ETHER, transaction="sale"))
    seed.deeds(deed("transfer", 3, 51, seller=ALICE, buyer=CAROL))
    seed.prices(price(3, 52, ETHER, transaction="priced"))


def found(client, q: str, more: str = "") -> dict[str, Any]:
    answer = client.get("/api/search" + more, query_string={"q": q} if not more else None)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def tokens(told: dict[str, Any]) -> list[int]:
    return [hit["asset"]["tokenId"] for hit in told["hits"]]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("ware", [12, 2]),
        ("WAREHOUSE harb", [2]),
        ("cafe", [1]),
        ("CAFÉ wälder", [1]),
        ("estate", [2]),
        ("house", [3]),
        ("arehouse", []),
        ("house nothing", []),
        ("$ne", []),
        (".*", []),
        ("   ", []),
    ],
)
def test_assets_are_found_where_each_word_begins_a_word(client, things, q, expected):
    told = found(client, q)

    assert (told["kind"], tokens(told)) == ("text", expected)
    assert {hit["type"] for hit in told["hits"]} <= {"asset"}


@pytest.mark.parametrize("q", ["12", "#12", " 12 "])
def test_a_number_finds_the_token_id_first_of_the_market_then_words(client, things, q):
    told = found(client, q)

    assert told["kind"] == "tokenId"
    assert [(hit["asset"]["name"], hit["match"]) for hit in told["hits"]] == [
        ("Ware", "tokenId"),
        ("Old", "tokenId"),
        ("House of 12 windows", "text"),
    ]


@pytest.mark.parametrize("q", [str(2**63), str(2**256 - 1), "9" * 78])
def test_a_number_that_no_token_has_finds_nothing(client, things, q):
    assert found(client, q)["hits"] == []


@pytest.mark.parametrize("spelled", [BOB, BOB.lower(), "0x" + BOB[2:].upper(), f" {BOB} "])
def test_a_wallet_is_found_in_any_letter_case(client, things, spelled):
    told = found(client, spelled)

    assert told["kind"] == "address"
    assert [(hit["type"], hit["wallet"]) for hit in told["hits"]] == [
        ("wallet", {"walletAddress": BOB, "assets": 1})
    ]


def test_a_wallet_that_owns_nothing_any_more_is_found_and_one_never_seen_is_not(client, things):
    assert found(client, CAROL)["hits"][0]["wallet"]["assets"] == 0
    assert found(client, address("nobody"))["hits"] == []


@pytest.mark.parametrize(("contract", "role"), [(RWA, "asset"), (OTHER_RWA, "asset"), (AGENT, "agent")])
def test_contracts_are_found_as_what_they_are(client, things, contract, role):
    hit = found(client, contract.lower())["hits"][0]

    assert (hit["type"], hit["contract"]) == ("contract", {"address": contract, "role": role})


def test_a_wrong_checksum_is_refused_with_the_right_form(client, things):
    answer = client.get("/api/search", query_string={"q": BOB[:-6] + BOB[-6:].swapcase()})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "q")
    assert BOB in answer.json["detail"]


def test_a_transaction_is_found_by_its_hash_whatever_it_did(client, things):
    sale = found(client, "0x" + hash_of("sale")[2:].upper())["hits"][0]
    priced = found(client, hash_of("priced"))["hits"][0]

    assert (sale["type"], sale["transaction"]["types"]) == ("transaction", ["buy"])
    assert sale["transaction"]["hash"] == hash_of("sale")
    assert priced["transaction"]["types"] == ["price"]
    assert found(client, hash_of("never"))["hits"] == []


def test_words_are_found_in_pages(client, seed, things):
    seed.assets(*[asset(100 + number, name=f"Boat {number}") for number in range(7)])

    walked, more = [], "?q=boat&limit=3"
    for _ in range(5):
        page = found(client, "boat", more)
        walked += tokens(page)
        if not page["pagination"]["hasMore"]:
            break
        more = f"?q=boat&limit=3&cursor={page['pagination']['nextCursor']}"

    assert walked == [106, 105, 104, 103, 102, 101, 100]


def test_numbered_pages_of_a_search_tell_the_total(client, seed, things):
    seed.assets(*[asset(100 + number, name=f"Boat {number}") for number in range(7)])

    page = found(client, "boat", "?q=boat&limit=3&page=3")

    assert (tokens(page), page["pagination"]["total"]) == ([100], 7)


@pytest.fixture
def boats(seed):
    """Words in names, in types and in descriptions, across the order of their mints."""
    seed.checkpoint()
    seed.market()
    seed.assets(
        asset(1, name="Boat"),
        asset(2, name="Harbour", description="with a boat and a crane"),
        asset(3, name="Boathouse Söderåsen", description="red"),
        asset(4, name="Shed", assetType="Boat parts"),
        asset(5, name="Red boat", description="old"),
        asset(6, name="Old red thing", description="was a boat"),
        asset(7, name="Boat 12", description="a red one"),
        asset(12, name="Crane"),
        asset(12, contract=OTHER_RWA, name="Boat of the twelve, 12", block=20),
        asset(13, name="Twelve", description="carries 12 people", block=21),
    )


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("boat", [12, 7, 5, 3, 1, 6, 4, 2]),
        ("BOAT", [12, 7, 5, 3, 1, 6, 4, 2]),
        ("boat boat", [12, 7, 5, 3, 1, 6, 4, 2]),
        ("boath", [3]),
        ("red boat", [5, 7, 6, 3]),
        ("boat red", [5, 7, 6, 3]),
        ("boat, RED!", [5, 7, 6, 3]),
        ("boat harbour", [2]),
        ("boat parts", [4]),
        ("soderasen", [3]),
        ("SÖDERÅSEN", [3]),
        ("So\u0308dera\u030asen", [3]),
        ("ＢＯＡＴ ＳＯ", [3]),
        ("b", [12, 7, 5, 3, 1, 6, 4, 2]),
    ],
)
def test_assets_with_all_words_in_their_name_come_before_those_that_only_tell_of_them(
    client, boats, q, expected
):
    assert tokens(found(client, q)) == expected


def test_a_token_id_comes_before_names_and_names_before_descriptions(client, boats):
    told = found(client, "12")

    assert [(hit["asset"]["name"], hit["match"]) for hit in told["hits"]] == [
        ("Crane", "tokenId"),
        ("Boat of the twelve, 12", "tokenId"),
        ("Boat 12", "text"),
        ("Twelve", "text"),
    ]


@pytest.mark.parametrize("q", ["boat", "12", "red boat", "nothing", "a"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_any_size_give_the_same_hits_in_the_same_order(client, boats, q, limit):
    whole = found(client, q)["hits"]
    walked: list[Any] = []
    more = f"?q={q}&limit={limit}"
    for _ in range(20):
        page = found(client, q, more)
        assert len(page["hits"]) <= limit
        walked += page["hits"]
        if not page["pagination"]["hasMore"]:
            break
        more = f"?q={q}&limit={limit}&cursor={page['pagination']['nextCursor']}"
    numbered = [
        found(client, q, f"?q={q}&limit={limit}&page={number}")
        for number in range(1, len(whole) // limit + 3)
    ]

    assert walked == whole
    assert [hit for page in numbered for hit in page["hits"]] == whole
    assert {page["pagination"]["total"] for page in numbered} == {len(whole)}
    assert [page["pagination"]["hasMore"] for page in numbered] == [
        limit * number < len(whole) for number in range(1, len(numbered) + 1)
    ]


def test_what_is_minted_between_two_pages_shifts_no_hit(client, seed, boats):
    whole, walked = tokens(found(client, "boat")), []
    more = "?q=boat&limit=2"
    for number in range(30, 50):
        page = found(client, "boat", more)
        walked += tokens(page)
        seed.assets(asset(number, name="Boat"), asset(100 + number, name="Thing", description="boat"))
        if not page["pagination"]["hasMore"]:
            break
        more = f"?q=boat&limit=2&cursor={page['pagination']['nextCursor']}"

    assert [token for token in walked if token < 30] == whole
    assert len(walked) == len(set(walked))


def test_a_frequent_word_is_ranked_like_a_rare_one(client, seed, boats, monkeypatch):
    """Of more than so many, the server is asked along the order instead."""
    ranked = tokens(found(client, "boat"))
    monkeypatch.setattr(assets, "FEW_FOUND", 2)
    seed.checkpoint(101, version=8)

    assert tokens(found(client, "boat")) == ranked
    assert tokens(found(client, "red boat")) == [5, 7, 6, 3]


@pytest.mark.parametrize(
    "q",
    [
        ".*",
        "b.at",
        "^boat$",
        "boat|crane",
        "[b]oat",
        "(boat",
        "b*",
        "b?at",
        "\\w+",
        "boa\\",
        "{b,}",
        "$",
        "b_at",
    ],
)
def test_signs_that_mean_something_to_others_mean_nothing_here(client, boats, q):
    """They part words, as every sign does: what stands between them is looked for as it stands."""
    plain = "".join(sign if sign.isalnum() else " " for sign in q)

    assert tokens(found(client, q)) == (tokens(found(client, plain)) if plain.strip() else [])


@pytest.mark.parametrize(
    "q",
    [
        "x" * 200,
        "😀" * 200,
        "a " * 100,
        "é" * 200,
        "ﷺ" * 200,
        "\u0301" * 200,
        " " * 200,
        "東" * 200,
        "9" * 200,
        "#" * 200,
    ],
)
def test_the_longest_questions_are_answered_at_once(client, boats, q):
    assert found(client, q)["pagination"]["hasMore"] is False


@pytest.mark.parametrize("prefix", ["0x", "0X"])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_a_hash_is_a_hash_in_every_letter_case(client, things, prefix, case):
    told = found(client, prefix + case(hash_of("sale")[2:]))

    assert (told["kind"], told["hits"][0]["transaction"]["hash"]) == ("transaction", hash_of("sale"))


@pytest.mark.parametrize("query", ["", "q=", "q=" + "x" * 201])
def test_nothing_to_look_for_is_refused(client, things, query):
    assert client.get(f"/api/search?{query}").json["errors"][0]["field"] == "q"
