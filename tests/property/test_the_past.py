"""Whatever block is asked for: the answer is the one that an index stopped there gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

import indexer.backfill
import indexer.session
from api import make_app
from api.auth.options import Auth
from chain.addresses import ZERO
from chain.decode import Decoder, Undecodable
from chain.events import (
    AgentPriceUpdated,
    Approval,
    ApprovalForAll,
    AssetDelisted,
    AssetListed,
    AssetMinted,
    AssetPriceUpdated,
    AssetSold,
    Event,
    Transfer,
)
from dvault.past import FoldedHistory
from indexer.blocks import logged_blocks
from indexer.folding import Limits
from indexer.past import Past
from store.accounts import Accounts
from store.connection import Connection
from store.indexes import ensure_late
from store.orphans import PEOPLE as PEOPLES_WORDS
from store.reading import Reading
from tests.property.indexed import CONTRACTS, Indexed, empty
from tests.property.model_chain import DEPLOYED_AT, ModelChain
from tests.property.model_contracts import ABIS, AGENT, AGENT2, MARKET, PEOPLE, RWA, RWA2
from tests.property.test_any_order_of_blocks import (
    COMMON,
    REACH,
    Databases,
    History,
    Move,
    histories,
    told,
)

LISTS = (
    "/api/assets?limit=3",
    "/api/assets?sortBy=price&sortDirection=asc&limit=200&facets=assetType,isListed",
    "/api/assets?sortBy=confidence&limit=2&page=1",
    "/api/assets?sortBy=name&limit=200&isListed=false",
    "/api/assets?sortBy=listingPrice&isPurchasable=true",
    "/api/assets?minConfidence=80&priceMin=1&q=HOUSE",
    "/api/assets?q=WALDER&limit=2",
    "/api/assets?q=ouse",
    "/api/assets?q=.*",
    "/api/market/listings?limit=2",
    "/api/market/listings?sortBy=listedAt&sortDirection=desc&limit=200",
    f"/api/users/{PEOPLE[1]}/assets?limit=200",
    "/api/transactions?limit=200",
    "/api/transactions?type=buy,list&status=pending",
    f"/api/users/{PEOPLE[0]}/transactions?limit=200",
    "/api/activity?limit=200",
)
SINGLES = tuple(
    f"/api/assets/{token}{what}"
    for token in (1, 2)
    for what in (
        "?explain=true",
        "/price-history?limit=200",
        "/transactions",
        "/activity",
        f"?contractAddress={RWA2}",
    )
)
STATS = ("/api/market/stats?explain=true",)
BATCHES = ({"tokenIds": [3, 1, 2]}, {"tokenIds": [1, 2], "contractAddress": RWA})
SMALL = Limits(events=10**6, blocks=100, states=60, documents=5, keep_every=3)
TOKEN_BY_TOKEN = replace(SMALL, worth=0)
LAG = frozenset({"lagBlocks", "lagSeconds"})
"""At finality told of our tip: how far we are behind, not how far finality is."""
LINKED_LATE: History = (
    [((("mint", 3, 0, 0), ("mint", 0, 1, 0), ("mint", 3, 1, 1)),), ((("list", 0, 0, 0), ("buy", 0, 2, 0)),)],
    [Move("grow", 0, (), 6), Move("grow", 0, ((("link_market", 1, 0, 0),),)), Move("announce", 0)],
    0,
)
"""Deeds of final blocks come with a contract whose link is not final."""


@pytest.fixture(autouse=True)
def short_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.session, "LIVE_REACH", REACH)
    monkeypatch.setattr(indexer.backfill, "KEPT_STATES", 2)


def reader(connection: Connection, limits: Limits = SMALL) -> FlaskClient:
    app = make_app(
        Reading(connection.database),
        secret_key="a test",
        auth=Auth(Accounts(connection.database), ("k" * 40,)),
        history=FoldedHistory(Past(CONTRACTS, Decoder(ABIS), limits)),
    )
    return app.test_client()


def answers(client: FlaskClient, number: int | None) -> dict[str, Any]:
    """Every answer, with the pages after it, at a block or at the tip."""
    found: dict[str, Any] = {}
    for url in (*LISTS, *SINGLES, *STATS):
        asked = url if number is None else url + ("&" if "?" in url else "?") + f"asOfBlock={number}"
        found[url] = list(pages(client, asked))
    for body in BATCHES:
        asked_body = body if number is None else {**body, "asOfBlock": number}
        found[str(body)] = [client.post("/api/assets/batch", json=asked_body)]
    return found


def pages(client: FlaskClient, url: str) -> Any:
    asked = url
    for _ in range(100):
        response = client.get(asked)
        yield response
        following = response.json.get("pagination", {}).get("nextCursor")
        if not following or "page=" in asked:
            return
        asked = f"{url}{'&' if '?' in url else '?'}cursor={following}"
    raise AssertionError(f"{url} has no end")


def shown(response: Any) -> tuple[int, Any]:
    """An answer without what differs by design: cursors, and hash and time where they are not known."""
    body = response.json
    if response.status_code != 200:
        return response.status_code, (body["code"], body["detail"])
    as_of = body.pop("asOf")
    as_of.pop("stateOf", None)
    if "pagination" in body:
        body["pagination"]["nextCursor"] = bool(body["pagination"]["nextCursor"])
    return 200, {"asOf": as_of, **body}


def same(ours: Any, theirs: Any, apart_from: frozenset[str] = frozenset()) -> None:
    (status, here), (other, there) = shown(ours), shown(theirs)
    if status == 410:
        assert here[0] == "block-time-unknown"
        return
    assert status == other, (here, there)
    if status == 200:
        as_of = here["asOf"]
        known = {name: value for name, value in as_of.items() if value is not None and name not in apart_from}
        assert known == {name: there["asOf"][name] for name in known}
        assert as_of.keys() - known.keys() <= {"blockHash", "timestamp", *apart_from}
        if as_of["timestamp"] is None:
            forget_times(here, there)
        here, there = ({**each, "asOf": None} for each in (here, there))
    assert sorted(unlike(here, there)) == []


def forget_times(here: Any, there: Any) -> None:
    """The bounds of windows are not told where the second of the block is not known."""
    for name, window in here.get("explanation", {}).get("trade", {}).items():
        assert (window["after"], window["upTo"]) == (None, None)
        there["explanation"]["trade"][name] |= {"after": None, "upTo": None}


def unlike(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where two answers differ, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in {**one, **other}:
            yield from unlike(one.get(name), other.get(name), f"{path}.{name}")
        if list(one) != list(other):
            yield f"{path}: {list(one)} / {list(other)}"
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (here, there) in enumerate(zip(one, other, strict=True)):
            yield from unlike(here, there, f"{path}[{place}]")
    elif one != other:
        yield f"{path}: {one!r} / {other!r}"


heights = st.lists(st.integers(0, 100), min_size=2, max_size=4)


def holds(databases: Databases, history: History, chosen: list[int]) -> None:
    story = told(databases[0], history)
    ensure_late(databases[0].database)
    people_never_spoke(databases[0])
    final = story.indexed.session.standing.finalized
    assert final is not None
    clients = [reader(databases[0], limits) for limits in (SMALL, TOKEN_BY_TOKEN)]
    winner = story.chain.view
    for number in sorted({DEPLOYED_AT + each % winner.number for each in chosen}):
        story.chain.view = story.chain.branch(winner)[number]
        empty(databases[1])
        stopped = Indexed(databases[1], story.chain, max(0, number - final.number))
        stopped.catch_up()
        agree(clients[number % 2], number, reader(databases[1]))
        explained(clients[0], story.chain, number)
    if final.number < DEPLOYED_AT:
        return
    story.chain.view = story.chain.branch(winner)[final.number]
    empty(databases[1])
    Indexed(databases[1], story.chain, 0).catch_up()
    settled(clients[0], reader(databases[1]))


def settled(ours: FlaskClient, stopped: FlaskClient) -> None:
    """What is told at finality is what an index says that saw nothing after; or it is said why not."""
    for url in (*LISTS, *SINGLES, *STATS):
        if "facets=" in url:
            continue
        told = list(pages(ours, f"{url}{'&' if '?' in url else '?'}finality=finalized"))
        for here, there in zip(told, pages(stopped, url), strict=told[0].status_code != 410):
            same(here, there, apart_from=LAG)


def people_never_spoke(connection: Connection) -> None:
    """What they say has no history: it is told as of today, whatever block is asked for."""
    gone = dict.fromkeys([*PEOPLES_WORDS, "metadata.creator"], "")
    connection.database["assets"].update_many({}, {"$unset": gone})


def agree(ours: FlaskClient, number: int, theirs: FlaskClient) -> None:
    """Ours at a block is theirs, which stands there."""
    told_then, told_there = answers(ours, number), answers(theirs, None)
    for url, expected in told_there.items():
        assert len(told_then[url]) == len(expected), url
        for here, there in zip(told_then[url], expected, strict=True):
            same(here, there)


def explained(client: FlaskClient, chain: ModelChain, number: int) -> None:
    """What an explanation says of each asset is what the logs of the chain say, read one by one."""
    logs = spoken(chain)
    for contract in (RWA, RWA2):
        for token in range(1, 4):
            url = f"/api/assets/{token}?contractAddress={contract}&asOfBlock={number}&explain=true"
            told = client.get(url).json
            if "asset" in told:
                Checked(logs, told["asset"], told["explanation"]).everything()


def spoken(chain: ModelChain) -> dict[tuple[int, int], Event]:
    """Every log that our ABIs explain, by its place."""
    decoder = Decoder(ABIS)
    for address, role in (
        (RWA, "asset"),
        (RWA2, "asset"),
        (AGENT, "agent"),
        (AGENT2, "agent"),
        (MARKET, "marketplace"),
    ):
        decoder.follow(address, role)
    found = {}
    for block in chain.branch(chain.view):
        for logged in logged_blocks(block.logs, {block.number: block.header}):
            for log in (log for transaction in logged.transactions for log in transaction.logs):
                with suppress(Undecodable, KeyError):
                    found[block.number, log.log_index] = decoder.decode(
                        log.address, log.log_index, log.topics, log.data
                    )
    return found


class Checked:
    """One explanation, held against the logs."""

    def __init__(self, logs: dict[tuple[int, int], Event], asset: Any, explanation: Any) -> None:
        self.logs, self.asset, self.explanation = logs, asset, explanation
        self.key = (asset["contractAddress"], asset["tokenId"])

    def everything(self) -> None:
        for sources in self.explanation.values():
            for source in sources:
                self.names_a_log(source)
        self.price()
        self.owner()
        self.offer()
        self.mint()

    def names_a_log(self, source: Any) -> None:
        if source["call"] is not None:
            return
        event = self.logs[source["blockNumber"], source["logIndex"]]
        assert type(event).__name__ in (source["event"], f"Asset{source['event']}", f"Agent{source['event']}")
        assert event.contract == source["contract"]

    def last(self, kinds: Any, only: Any = lambda _: True) -> tuple[int, int]:
        """Place of the last log of these kinds about the token."""
        return max(
            place
            for place, event in self.logs.items()
            if isinstance(event, kinds) and event.token_id == self.key[1] and only(event)
        )

    def ours(self, event: Any) -> bool:
        return bool(event.contract == self.key[0])

    def place(self, field: str, number: int = 0) -> tuple[int, int]:
        source = self.explanation[field][number]
        return source["blockNumber"], source["logIndex"]

    def price(self) -> None:
        place = self.last((AssetPriceUpdated, AssetMinted), self.ours)
        event = self.logs[place]
        wei = event.new_price if isinstance(event, AssetPriceUpdated) else event.initial_price  # type: ignore[attr-defined]
        assert self.place("currentPrice.valueWei") == place
        assert self.asset["currentPrice"]["valueWei"] == str(wei)
        score = self.asset["currentPrice"]["aiConfidenceScore"]
        said = self.logs[self.place("currentPrice.aiConfidenceScore")]
        assert (said.confidence_score if isinstance(said, AgentPriceUpdated) else None) == score

    def owner(self) -> None:
        place = self.last(Transfer, self.ours)
        assert self.place("currentOwner") == place
        assert self.logs[place].to == self.asset["currentOwner"]  # type: ignore[attr-defined]
        since = self.last(Transfer, lambda event: self.ours(event) and event.from_ != event.to)
        assert self.place("ownership.ownerSince") == since

    def offer(self) -> None:
        market = self.asset["marketStatus"]
        if not market["isListed"]:
            return
        place = self.last((AssetListed, AssetDelisted, AssetSold))
        event = self.logs[self.place("marketStatus.listingPriceWei")]
        assert isinstance(event, AssetListed)
        if not isinstance(self.logs[place], AssetSold):
            # A sale is told after the new offer that the buyer made in its callback.
            assert self.place("marketStatus.listingPriceWei") == place
        assert (market["listingPriceWei"], market["listedBy"]) == (str(event.price), event.seller)
        if market["isPurchasable"]:
            words = [
                self.logs[self.place("marketStatus.isPurchasable", n)]
                for n in range(len(self.explanation["marketStatus.isPurchasable"]))
            ]
            assert any(
                (isinstance(word, Approval) and word.approved == MARKET)
                or (isinstance(word, ApprovalForAll) and word.approved and word.operator == MARKET)
                for word in words
            )

    def mint(self) -> None:
        born = self.logs[self.place("createdAt")]
        assert isinstance(born, Transfer)
        assert born.from_ == ZERO
        told = self.logs[self.place("tokenURI")]
        assert isinstance(told, AssetMinted)
        assert told.token_uri == self.asset["tokenURI"]
        assert self.explanation["name"][0]["blockNumber"] == self.place("createdAt")[0]


@pytest.mark.timeout(400)
@settings(COMMON, max_examples=12)
@given(history=histories(), chosen=heights)
@example(history=LINKED_LATE, chosen=[3, 8])
def test_what_was_true_at_a_block_is_what_an_index_stopped_there_says(
    databases: Databases, history: History, chosen: list[int]
) -> None:
    holds(databases, history, chosen)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(COMMON, max_examples=100)
@given(history=histories())
def test_what_was_true_at_a_block_is_what_an_index_stopped_there_says_at_length(
    databases: Databases, history: History
) -> None:
    holds(databases, history, list(range(101)))
