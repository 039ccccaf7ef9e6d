"""Asking for what was true at an earlier block: what is answered, and what is refused and how.

That the answers are right is shown in tests/property/test_the_past.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from api import make_app
from api.auth.options import Auth
from chain.decode import Decoder
from dvault.past import FoldedHistory
from indexer.folding import Limits
from indexer.past import Past
from store.accounts import Accounts
from store.connection import Connection
from store.indexes import ensure_early, ensure_late
from store.reading import Reading
from store.schema import ensure_collections
from tests.property.indexed import CONTRACTS, Indexed
from tests.property.model_chain import Block, ModelChain
from tests.property.model_contracts import ABIS, MARKET, PEOPLE, RWA

MINT, LIST, BUY = ("mint", 0, 0, 2), ("list", 0, 0, 2), ("buy", 0, 1, 0)
FINAL_BELOW = 6


class Told:
    """A chain of twelve blocks, an index that follows it, and a client of its API."""

    def __init__(self, connection: Connection) -> None:
        ensure_collections(connection.database)
        ensure_early(connection.database)
        ensure_late(connection.database)
        self.connection, self.chain = connection, ModelChain()
        self.mine((MINT,))
        self.mine((MINT,), (("mint", 0, 1, 3),))
        self.chain.view = self.chain.mine_empty(self.chain.view, 3)
        self.mine((LIST,))
        self.mine((BUY,))
        self.chain.view = self.chain.mine_empty(self.chain.view, 3)
        self.mine((("price", 0, 0, 4),))
        self.indexed = Indexed(connection, self.chain, FINAL_BELOW)
        self.indexed.catch_up()
        self.client = self.reader()

    def mine(self, *transactions: Any) -> Block:
        self.chain.view = self.chain.mine(self.chain.view, transactions)
        return self.chain.view

    def reader(self, **limits: int) -> FlaskClient:
        app = make_app(
            Reading(self.connection.database),
            secret_key="a test",
            auth=Auth(Accounts(self.connection.database), ("k" * 40,)),
            history=FoldedHistory(Past(CONTRACTS, Decoder(ABIS), Limits(**limits))),
        )
        return app.test_client()

    def hash_at(self, number: int) -> str:
        return self.chain.branch(self.chain.view)[number].hash

    def reorg(self, ancestor: int) -> None:
        """Another branch from there on, one block longer."""
        block = self.chain.branch(self.chain.view)[ancestor]
        longer = self.chain.view.number + 1 - ancestor
        self.indexed.follow(self.chain.mine_empty(block, longer))


@pytest.fixture(scope="module")
def told(shared_connection: Connection) -> Iterator[Told]:
    """For those who only ask."""
    name = f"test_past_{os.getpid()}"
    yield Told(Connection(shared_connection.client, shared_connection.client[name]))
    shared_connection.client.drop_database(name)


@pytest.fixture
def client(told: Told) -> FlaskClient:
    return told.client


@pytest.fixture
def alone(connection: Connection) -> Told:
    """For those who change something."""
    return Told(connection)


def get(client: FlaskClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.text
    return response.json


LISTED_AT, SOLD_AT, TIP = 7, 8, 12


def test_before_its_sale_an_asset_belongs_to_the_seller_and_is_for_sale(client):
    before, after = (get(client, f"/api/assets/1?asOfBlock={n}")["asset"] for n in (LISTED_AT, SOLD_AT))

    assert (before["currentOwner"], before["isListed"]) == (PEOPLE[0], True)
    assert (after["currentOwner"], after["isListed"]) == (PEOPLE[1], False)
    listings = get(client, f"/api/market/listings?asOfBlock={LISTED_AT}")["listings"]
    assert [each["tokenId"] for each in listings] == [1]
    assert get(client, "/api/market/listings")["listings"] == []


def test_an_asset_is_not_there_before_its_mint(client):
    assert client.get("/api/assets/2?asOfBlock=2").status_code == 404
    assert [a["tokenId"] for a in get(client, "/api/assets?asOfBlock=2")["assets"]] == [1]
    batch = client.post("/api/assets/batch", json={"tokenIds": [2, 1], "asOfBlock": 2}).json
    assert ([a["tokenId"] for a in batch["assets"]], batch["missing"]) == ([1], [2])


def test_a_block_with_events_or_of_the_window_is_named_with_its_hash(client, told):
    for number in (LISTED_AT, SOLD_AT, 10):
        as_of = get(client, f"/api/assets?asOfBlock={number}")["asOf"]

        assert (as_of["blockNumber"], as_of["blockHash"]) == (number, told.hash_at(number))
        assert as_of["timestamp"] is not None


def test_the_hash_of_a_final_block_without_events_is_not_invented(client, told):
    as_of = get(client, "/api/assets?asOfBlock=4")["asOf"]

    assert (as_of["blockNumber"], as_of["blockHash"], as_of["timestamp"]) == (4, None, None)
    assert as_of["stateOf"] == {"number": 3, "hash": told.hash_at(3)}


def test_the_hash_before_a_block_with_events_is_what_that_block_calls_its_parent(client, told):
    assert get(client, "/api/assets?asOfBlock=6")["asOf"]["blockHash"] == told.hash_at(6)


def test_finality_is_told_as_of_today(client):
    assert get(client, "/api/assets?asOfBlock=6")["asOf"]["finality"] == "finalized"
    assert get(client, f"/api/assets?asOfBlock={LISTED_AT}")["asOf"]["finality"] == "unfinalized"


def test_a_block_that_is_named_does_not_lag(client):
    response = client.get("/api/assets?asOfBlock=2")

    assert (response.json["asOf"]["lagBlocks"], response.headers["X-As-Of-Block"]) == (0, "2")


def test_an_answer_of_the_past_stays_one_when_it_is_asked_for_again(client):
    url = f"/api/assets/1?asOfBlock={LISTED_AT}"
    first, again = client.get(url), client.get(url)
    unchanged = client.get(url, headers={"If-None-Match": first.headers["ETag"]})

    assert again.json == first.json
    assert again.json["asset"]["currentOwner"] == PEOPLE[0]
    assert (unchanged.status_code, unchanged.headers["X-As-Of-Block"]) == (304, str(LISTED_AT))


def test_new_blocks_change_nothing_of_a_final_one_and_its_tag_stays(alone):
    url = "/api/assets/1?asOfBlock=2"
    first = alone.client.get(url)
    has_it = {"If-None-Match": first.headers["ETag"]}
    alone.mine((MINT,))
    alone.indexed.catch_up()

    for client in (alone.client, alone.reader()):
        answers = [client.get(url, headers=has_it) for _ in range(3)]
        assert [(each.status_code, each.data) for each in answers] == [(304, b"")] * 3
        assert {each.headers["ETag"] for each in answers} == {first.headers["ETag"]}
        assert (client.get(url).data, client.get(url).status_code) == (first.data, 200)
        assert client.get("/api/assets/2?asOfBlock=2", headers=has_it).status_code == 404
        assert client.get("/api/assets/1?asOfBlock=3", headers=has_it).status_code == 200


def test_above_the_tip_it_is_not_yet_indexed(client):
    response = client.get(f"/api/assets?asOfBlock={TIP + 1}")

    assert (response.status_code, response.json["code"]) == (409, "not-yet-indexed")
    assert response.headers["Retry-After"]
    assert client.post("/api/assets/batch", json={"tokenIds": [1], "asOfBlock": 99}).status_code == 409


def test_below_the_start_block_the_answer_names_the_first(client):
    response = client.get("/api/assets/1?asOfBlock=0")

    assert (response.status_code, response.json["code"]) == (410, "before-history")
    assert "begins with block 1" in response.json["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("isVerified=true", "isVerified"),
        ("sortBy=views", "sortBy"),
        ("sortBy=updatedAt", "sortBy"),
        ("facets=isVerified", "facets"),
    ],
)
def test_what_people_say_has_no_history(client, query, field):
    problem = client.get(f"/api/assets?asOfBlock=3&{query}")

    assert problem.status_code == 400
    assert [error["field"] for error in problem.json["errors"]] == [field]
    assert "asOfBlock" in problem.json["detail"]


def test_what_people_say_today_is_shown_with_what_was_then(alone):
    alone.connection.database["assets"].update_one(
        {"tokenId": 1}, {"$set": {"stats.viewCount": 7, "metadata.artist": "Ada"}}
    )

    shown = get(alone.client, "/api/assets/1?asOfBlock=2")["asset"]

    assert (shown["stats"]["viewCount"], shown["metadata"]["artist"]) == (7, "Ada")
    assert shown["currentOwner"] == PEOPLE[0]


def test_a_hash_can_be_demanded(client, told):
    right, wrong = told.hash_at(SOLD_AT), "0x" + "ab" * 32

    assert client.get(f"/api/assets?asOfBlock={SOLD_AT}&asOfHash={right}").status_code == 200
    refused = client.get(f"/api/assets?limit=5&asOfBlock={SOLD_AT}&asOfHash={wrong}")
    assert (refused.status_code, refused.json["code"]) == (410, "block-replaced")
    assert refused.json["links"]["start"] == f"/api/assets?limit=5&asOfBlock={SOLD_AT}"
    assert client.get(f"/api/assets?asOfHash={right}").json["errors"][0]["field"] == "asOfHash"
    assert client.get(f"/api/assets?asOfBlock=4&asOfHash={right}").json["errors"][0]["field"] == "asOfHash"


def test_a_reorg_between_two_pages_is_told_with_a_fresh_start(alone):
    first = get(alone.client, f"/api/assets?limit=1&asOfBlock={LISTED_AT}")["pagination"]["nextCursor"]
    second = f"/api/assets?limit=1&asOfBlock={LISTED_AT}&cursor={first}"
    assert alone.client.get(second).status_code == 200

    alone.reorg(6)
    refused = alone.client.get(second)

    assert (refused.status_code, refused.json["code"]) == (410, "cursor-orphaned")
    start = refused.json["links"]["start"]
    assert get(alone.client, start)["asOf"]["blockHash"] == alone.hash_at(LISTED_AT)


def test_a_reorg_of_a_block_without_events_is_told_as_well(alone):
    first = get(alone.client, "/api/assets?limit=1&asOfBlock=10")["pagination"]["nextCursor"]

    alone.reorg(9)

    assert alone.client.get(f"/api/assets?limit=1&asOfBlock=10&cursor={first}").status_code == 410


def test_new_blocks_and_finality_do_not_disturb_the_pages_of_a_block(alone):
    url = "/api/transactions?limit=1&asOfBlock=10"
    first = get(alone.client, url)
    alone.indexed.follow(alone.chain.mine_empty(alone.mine((LIST,)), 12))

    rest = get(alone.client, f"{url}&cursor={first['pagination']['nextCursor']}")

    assert rest["asOf"]["blockNumber"] == 10
    assert rest["transactions"][0]["blockchain"]["blockNumber"] == LISTED_AT


@pytest.mark.parametrize("other", ["", "&asOfBlock=6"])
def test_a_cursor_belongs_to_its_block(client, other):
    cursor = get(client, f"/api/assets?limit=1&asOfBlock={LISTED_AT}")["pagination"]["nextCursor"]

    refused = client.get(f"/api/assets?limit=1&cursor={cursor}{other}")

    assert (refused.status_code, refused.json["errors"][0]["field"]) == (400, "cursor")


def test_rows_are_those_up_to_the_block(client):
    rows = get(client, f"/api/transactions?asOfBlock={LISTED_AT}")["transactions"]
    prices = get(client, f"/api/assets/1/price-history?asOfBlock={SOLD_AT}")

    assert [row["type"] for row in rows] == ["list", "mint", "transfer", "mint"]
    assert max(each["blockchain"]["blockNumber"] for each in prices["priceHistory"]) == SOLD_AT
    assert prices["analytics"]["current"]["valueWei"] == str(10**18)


def test_figures_are_those_of_the_block(client):
    then, now = (get(client, f"/api/market/stats{q}")["stats"] for q in (f"?asOfBlock={LISTED_AT}", ""))

    assert (then["listed"], then["trade"]["all"]["sales"], then["floorPrice"]["valueWei"]) == (
        1,
        0,
        str(10**18),
    )
    assert (now["listed"], now["trade"]["all"]["sales"], now["floorPrice"]) == (0, 1, None)


def test_a_time_that_would_decide_and_is_not_kept_is_said_to_be_unknown(alone):
    """The windows of 24 hours reach back from the block: with a sale at their edge, its second decides."""
    block = alone.connection.database["chainEvents"].find_one({"_id": 3})
    edge = block["timestamp"] - timedelta(hours=24) + timedelta(seconds=1)
    alone.connection.database["transactions"].update_one(
        {"type": "mint", "tokenId": 1}, {"$set": {"type": "buy", "timestamp": edge}}
    )

    refused = alone.client.get("/api/market/stats?asOfBlock=4")

    assert (refused.status_code, refused.json["code"]) == (410, "block-time-unknown")
    assert "ask for block 3" in refused.json["detail"]
    assert alone.client.get("/api/market/stats?asOfBlock=3").status_code == 200


def test_a_long_history_is_folded_in_portions_and_each_question_gets_further(alone):
    for number in range(450):
        alone.mine((("price", 0, 0, number),))
    alone.indexed.catch_up()
    client = alone.reader(events=100, keep_every=50)
    url = "/api/assets?asOfBlock=440"

    refused = [client.get(url) for _ in range(8)]

    assert (refused[0].status_code, refused[0].json["code"]) == (503, "history-unavailable")
    assert refused[0].headers["Retry-After"] == "1"
    reached = [
        int(re.search(r"up to block (\d+)", each.json["detail"])[1])
        for each in refused
        if each.status_code == 503
    ]
    assert reached == sorted(set(reached))
    assert refused[-1].status_code == 200


def test_a_server_without_history_says_so(told):
    database = told.connection.database
    app = make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), ("k" * 40,)))

    assert app.test_client().get("/api/assets?asOfBlock=3").json["code"] == "history-unavailable"


def test_the_logs_behind_an_asset_are_named(client, told):
    shown = get(client, f"/api/assets/1?explain=true&asOfBlock={SOLD_AT}")
    why = shown["explanation"]

    owner = why["currentOwner"][0]
    assert (owner["event"], owner["contract"], owner["blockNumber"]) == ("Transfer", RWA, SOLD_AT)
    assert owner["blockHash"] == told.hash_at(SOLD_AT)
    assert [one["event"] for one in why["marketStatus.isListed"]] == ["AssetSold"]
    assert [one["event"] for one in why["currentPrice.valueWei"]] == ["AssetMinted"]
    assert (why["name"][0]["call"], why["name"][0]["blockNumber"]) == ("getAssetMetadata(uint256)", 2)
    offered = get(client, f"/api/assets/1?explain=true&asOfBlock={LISTED_AT}")["explanation"]
    assert {one["event"] for one in offered["marketStatus.isPurchasable"]} == {
        "AssetListed",
        "Approval",
        "Transfer",
    }


def test_an_explanation_covers_every_field_that_the_chain_decides(client):
    shown = get(client, "/api/assets/1?explain=true")
    asset = shown["asset"]
    parts = ("currentPrice", "marketStatus", "ownership", "chain")
    ours = {f"{part}.{name}" for part in parts for name in asset[part]} - {"currentPrice.valueUsd"}
    plain = {"tokenId", "contractAddress", "name", "assetType", "description", "tokenURI", "createdAt"}

    assert ours | plain <= shown["explanation"].keys()


def test_the_figures_of_the_market_say_what_they_are_made_of(client):
    why = get(client, f"/api/market/stats?explain=true&asOfBlock={LISTED_AT}")["explanation"]

    assert why["floorPrice"]["inputs"]["cheapest"] == {"tokenId": 1, "contractAddress": RWA}
    assert why["listedRatio"]["inputs"] == {"listed": 1, "assets": 2}
    assert why["trade"]["all"]["sales"]["excluded"] == []


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("/api/assets?asOfBlok=3", "did you mean asOfBlock?"),
        ("/api/assets/1?as_of_block=3", "did you mean asOfBlock?"),
        ("/api/assets/1?explian=true", "did you mean explain?"),
        ("/api/market/stats?asOfBlock=-1", "must be a whole number"),
        ("/api/market/stats?asOfBlock=3&asOfHash=0x12", "must be a hash"),
    ],
)
def test_a_near_miss_is_told_what_was_probably_meant(client, url, advice):
    response = client.get(url)

    assert response.status_code == 400
    assert advice in response.json["detail"]


def test_a_transaction_tells_its_effects_in_words_with_those_that_left_no_row(client, told):
    listing = told.chain.branch(told.chain.view)[LISTED_AT].logs[0].transaction_hash
    shown = get(client, f"/api/tx/{listing}")["tx"]

    (offer,), (approval,) = shown["effects"]["transactions"], shown["effects"]["others"]
    assert offer["sentence"] == f"{PEOPLE[0][:6]}…{PEOPLE[0][-4:]} offered #1 for 1 ETH"
    assert client.get(offer["links"]["transaction"]).json["transaction"]["type"] == "list"
    assert (approval["type"], approval["account"], approval["value"]) == ("approval", MARKET, 1)
    assert client.get(approval["links"]["asset"]).json["asset"]["tokenId"] == 1


def test_changes_of_the_configuration_are_effects(alone):
    block = alone.mine((("fee", 2, 0, 0), ("minimum", 80, 0, 0), ("approve_all", 0, 1, 1)))
    alone.indexed.catch_up()

    told = get(alone.client, f"/api/tx/{block.logs[0].transaction_hash}")["tx"]["effects"]["others"]

    assert [(each["type"], each["value"]) for each in told] == [
        ("fee", 500),
        ("minimum-confidence", 80),
        ("approval-for-all", 1),
    ]


def test_where_history_cannot_be_read_the_rest_of_a_transaction_is_told(told):
    database = told.connection.database
    app = make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), ("k" * 40,)))
    sale = told.chain.branch(told.chain.view)[SOLD_AT].logs[0].transaction_hash

    effects = get(app.test_client(), f"/api/tx/{sale}")["tx"]["effects"]

    assert (len(effects["transactions"]), effects["others"]) == (1, None)


def test_without_explain_nothing_is_explained(client):
    assert "explanation" not in get(client, "/api/assets/1")
    assert "explanation" not in get(client, "/api/market/stats?explain=false")
