"""The API over what the indexer really wrote, of a chain that changes its mind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from api import make_app
from api.auth.options import Auth
from dvault.pending import AskedNode
from store.accounts import Accounts
from store.connection import Connection
from store.indexes import ensure_late
from store.reading import Reading
from tests.integration.indexing import Indexing, Stage, emptied, stage
from tests.integration.market_play import ETHER, MarketPlay

WEI = 5 * ETHER + 1


@pytest.fixture
def played() -> Iterator[tuple[Stage, MarketPlay]]:
    with stage() as found:
        yield found, MarketPlay(found.rpc)


@pytest.fixture
def indexing(played: tuple[Stage, MarketPlay], shared_connection: Connection) -> Indexing:
    chain, play = played
    return Indexing(play, emptied(shared_connection, "api"), chain.node, confirmations=8)


@pytest.fixture
def reader(played: tuple[Stage, MarketPlay], indexing: Indexing) -> Iterator[FlaskClient]:
    asked = AskedNode([played[0].rpc.url], clock=iter(range(0, 10**6, 10)).__next__)
    app = make_app(
        Reading(indexing.database),
        secret_key="a test",
        auth=Auth(Accounts(indexing.database), ("k" * 32,)),
        pending=asked,
    )
    with app.test_client() as client:
        yield client
    asked.close()


def tx(reader: FlaskClient, receipt: dict[str, Any]) -> tuple[str, int | None]:
    shown = reader.get(f"/api/tx/{receipt['transactionHash']}").json["tx"]
    return shown["status"], shown["block"] and shown["block"]["number"]


def test_a_transaction_goes_its_way_and_a_reorg_takes_it_back(
    played: Any, indexing: Indexing, reader: FlaskClient
) -> None:
    chain, play = played
    token = play.mint_token(play.alice)
    approval = play.approve_all(play.alice)
    indexing.catch_up()
    ensure_late(indexing.database)
    listing = play.list(play.alice, token, WEI)
    at = chain.number()

    assert tx(reader, listing) == ("pending", None)
    indexing.catch_up()
    assert (tx(reader, listing), tx(reader, approval)) == (("indexed", at), ("indexed", at - 1))
    offer = reader.get(f"/api/market/listings?afterTx={listing['transactionHash']}").json["listings"]
    assert [(one["tokenId"], one["priceWei"], one["isPurchasable"]) for one in offer] == [
        (token, str(WEI), True)
    ]

    chain.reorg(1)
    chain.mine(1)
    indexing.catch_up()
    assert tx(reader, listing) == ("orphaned", None)
    assert reader.get("/api/market/listings").json["listings"] == []
    assert reader.get("/api/reorgs").json["reorgs"][0]["orphaned"][0]["number"] == at
    assert indexing.database["reorgs"].find_one()["transactionHashes"] == [listing["transactionHash"]]

    again = play.list(play.alice, token, WEI)
    chain.mine(10)
    indexing.catch_up()
    assert tx(reader, again)[0] == "finalized"
    shown = reader.get(f"/api/assets/{token}").json["asset"]
    assert shown["finality"] == "finalized"

    found = reader.get("/api/search", query_string={"q": shown["name"][:5].upper()}).json["hits"]
    assert [hit["asset"]["tokenId"] for hit in found] == [token]
    past = reader.get(f"/api/assets/{token}/provenance").json["provenance"]
    assert [(one["source"], one["type"], one["to"]) for one in past] == [("chain", "mint", play.alice)]
    owned = reader.get(f"/api/users/{play.alice.lower()}/portfolio").json["portfolio"]
    assert (owned["assets"], owned["valueWei"]) == (1, shown["currentPrice"]["valueWei"])
    last = reader.get("/api/market/stats/history").json["statsHistory"][-1]
    assert (last["mints"], last["listings"], last["floorPrice"]["valueWei"]) == (1, 1, str(WEI))


LISTS = {
    "/api/assets": "assets",
    "/api/assets?sortBy=tokenId&sortDirection=asc": "assets",
    "/api/market/listings?sortBy=tokenId": "listings",
    "/api/transactions": "transactions",
    "/api/activity": "activity",
    "/api/assets/1/price-history": "priceHistory",
    "/api/assets/1/transactions": "transactions",
    "/api/assets/1/activity": "activity",
}


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_lists_walked_while_blocks_are_applied_are_whole_and_a_reorg_ends_the_walk(
    played: Any, indexing: Indexing, reader: FlaskClient
) -> None:
    chain, play = played

    def live() -> None:
        """Another block with something for every list."""
        token = play.mint_token(play.alice)
        play.set_price(1, (20 + token) * ETHER)
        play.approve_and_list(play.alice, token, WEI)
        indexing.catch_up()

    def page(url: str, cursor: str | None, limit: int) -> Any:
        more = "" if cursor is None else f"&cursor={cursor}"
        return reader.get(f"{url}{'&' if '?' in url else '?'}limit={limit}{more}")

    for _ in range(4):
        live()
    play.buy(play.bob, 1)
    indexing.catch_up()
    ensure_late(indexing.database)
    for url, key in LISTS.items():
        start = ids(page(url, None, 200).json[key])
        seen, cursor = [], None
        for _ in range(50):
            answer = page(url, cursor, 2).json
            seen += ids(answer[key])
            cursor = answer["pagination"]["nextCursor"]
            if cursor is None:
                break
            live() if len(seen) < 4 else None
        assert len(start) > 2, url
        assert [one for one in seen if one in start] == start, url
        assert len(seen) == len(set(seen)), url

    cursors = {url: page(url, None, 2).json["pagination"]["nextCursor"] for url in LISTS}
    chain.reorg(1)
    chain.mine(1)
    indexing.catch_up()
    for url, cursor in cursors.items():
        refused = page(url, cursor, 2)
        assert (refused.status_code, refused.json["code"]) == (410, "cursor-orphaned"), url
        again = reader.get(refused.json["links"]["start"])
        assert again.json["asOf"]["blockHash"] == page(url, None, 1).json["asOf"]["blockHash"]
        key = LISTS[url]
        assert ids(again.json[key]) == ids(page(url, None, 2).json[key])


def settled_reads(alice: str, bob: str, tokens: list[int]) -> list[str]:
    lists = ["price", "listingPrice", "tokenId", "createdAt", "listedAt"]
    return [
        *(f"/api/assets?sortBy={order}&limit=2" for order in lists[:4]),
        *(f"/api/assets?sortBy={order}&sortDirection=asc&page=2&limit=2" for order in lists[:4]),
        *(f"/api/assets/{token}" for token in tokens),
        f"/api/assets/{tokens[0]}/price-history",
        f"/api/assets/{tokens[0]}/transactions",
        f"/api/assets/{tokens[0]}/activity",
        "/api/assets?isListed=true",
        "/api/assets?isPurchasable=false",
        "/api/assets?priceMin=10",
        "/api/assets?priceMax=9",
        "/api/assets?q=asset",
        f"/api/users/{alice}/assets",
        f"/api/users/{bob}/assets",
        f"/api/users/{alice}/transactions",
        "/api/transactions",
        "/api/transactions?status=completed&type=buy",
        "/api/market/stats",
        "/api/market/listings",
        "/api/market/listings?isPurchasable=true&sortBy=listedAt",
        "/api/activity",
    ]


def test_what_is_settled_is_told_as_it_was_before_unfinalized_blocks_came(
    played: Any, indexing: Indexing, reader: FlaskClient
) -> None:
    chain, play = played
    tokens = [play.mint_token(play.alice, price_wei=(n + 8) * ETHER) for n in range(4)]
    play.approve_all(play.alice)
    for token in tokens[:3]:
        play.list(play.alice, token, WEI * (token + 1))
    play.buy(play.bob, tokens[2])
    second = play.second_asset()
    second.transfer(play.alice, play.bob, second.mint_token(play.alice))
    chain.mine(20)
    indexing.catch_up()
    ensure_late(indexing.database)
    urls = settled_reads(play.alice, play.bob, tokens)
    final = {url: told(reader.get(url)) for url in urls}

    play.buy(play.bob, tokens[0])
    new = play.mint_token(play.alice, price_wei=7 * ETHER)
    play.approve_all(play.alice, False)
    play.set_price(tokens[3], 20 * ETHER)
    play.repoint_market(second.asset)
    indexing.catch_up()
    assert reader.get(f"/api/assets/1/price-history?contractAddress={second.asset}").status_code == 200

    at_finality = reader.get("/api/assets?finality=finalized").json["asOf"]
    assert (at_finality["finality"], at_finality["lagBlocks"]) == ("finalized", 0)
    assert at_finality["blockNumber"] == chain.number() - 8
    for url in urls:
        settled = reader.get(f"{url}{'&' if '?' in url else '?'}finality=finalized")
        assert told(settled) == final[url], url
        assert settled.json["asOf"] == at_finality
    assert any(told(reader.get(url)) != final[url] for url in urls), "or this test shows nothing"
    assert reader.get(f"/api/assets/{new}?finality=finalized").status_code == 404
    assert reader.get(f"/api/assets/1?contractAddress={second.asset}&finality=finalized").status_code == 404
    assert reader.get("/api/transactions?status=pending&finality=finalized").json["transactions"] == []
    pages = [reader.get("/api/assets?limit=2&finality=finalized").json]
    cursor = pages[0]["pagination"]["nextCursor"]
    pages.append(reader.get(f"/api/assets?limit=2&finality=finalized&cursor={cursor}").json)
    assert [one["tokenId"] for page in pages for one in page["assets"]] == tokens[::-1]


def told(answer: Any) -> dict[str, Any]:
    """Without the block of the answer, which its cursor names too."""
    shown = {name: value for name, value in answer.json.items() if name != "asOf"}
    cursor = shown.get("pagination", {}).pop("nextCursor", None)
    return {**shown, "goes on": cursor is not None}


def test_where_nothing_settled_can_be_told_the_answer_says_why(
    indexing: Indexing, reader: FlaskClient
) -> None:
    indexing.catch_up()

    for url, field in [("/api/reorgs", "finality"), ("/api/assets?facets=assetType", "facets")]:
        answer = reader.get(f"{url}{'&' if '?' in url else '?'}finality=finalized")
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json["errors"]] == [field]
