"""What listeners are told, held against the books: whoever follows the events ends with the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from store.connection import Connection
from store.errors import Interrupted
from tests.integration.indexing import Indexing, Stage, emptied, stage
from tests.integration.market_play import ETHER, MarketPlay
from tests.integration.market_row import listed


@pytest.fixture(scope="module")
def scene() -> Iterator[Stage]:
    with stage() as running:
        yield running


@pytest.fixture
def play(scene: Stage) -> MarketPlay:
    return MarketPlay(scene.rpc)


@pytest.fixture
def books(play: MarketPlay, scene: Stage, shared_connection: Connection) -> Indexing:
    return Indexing(play, emptied(shared_connection, "told"), scene.node)


def told(books: Indexing) -> list[dict[str, Any]]:
    return list(books.database["events"].find(sort=[("_id", 1)]))


def heard(events: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """The rows that a listener has after hearing everything; a retraction must name a row it has."""
    rows: dict[Any, dict[str, Any]] = {}
    for event in events:
        if event["type"] in ("transaction", "price"):
            assert event["body"]["_id"] not in rows
            rows[event["body"]["_id"]] = event["body"]
        elif event["type"] == "retraction":
            assert rows.pop(event["body"]["_id"]) == event["body"]
    return rows


def rows_of(books: Indexing) -> dict[Any, dict[str, Any]]:
    names = ("transactions", "priceHistory")
    return {row["_id"]: row for name in names for row in books.database[name].find()}


def trade(play: MarketPlay) -> None:
    token = listed(play)
    play.set_price(token, 3 * ETHER)
    play.buy(play.bob, token)


def test_a_listener_ends_with_the_rows_of_the_books_through_every_reorg(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    books.catch_up()
    for depth in (1, 3, 2):
        trade(play)
        books.catch_up()
        scene.reorg(depth)
        scene.mine(1)
        books.catch_up()
    trade(play)
    books.catch_up()

    events = told(books)
    assert heard(events) == rows_of(books)
    assert [event["_id"] for event in events] == list(range(1, len(events) + 1))
    assert books.checkpoint()["seq"] == len(events)
    assert [event["body"]["depth"] for event in events if event["type"] == "reorg"] == [1, 3, 2]
    assert any(event["type"] == "retraction" for event in events)
    assert any(event["type"] == "finalized" for event in events) or books.checkpoint()["finalized"]


def test_rows_are_told_in_the_order_of_their_logs_before_their_block(
    play: MarketPlay, books: Indexing
) -> None:
    books.catch_up()
    before = len(told(books))
    trade(play)
    books.catch_up()

    events = told(books)[before:]
    places = [
        (event["blockNumber"], event["body"]["blockchain"]["logIndex"])
        for event in events
        if "blockchain" in event["body"]
    ]
    assert places == sorted(places)
    for number in {event["blockNumber"] for event in events}:
        kinds = [
            event["type"]
            for event in events
            if event["blockNumber"] == number and event["type"] != "finalized"
        ]
        assert kinds[-1] == "block"
        assert kinds.count("block") == 1


def test_what_is_indexed_in_bulk_is_history_and_not_told(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    trade(play)
    scene.mine(80)
    books.catch_up()

    oldest = told(books)[0]["blockNumber"] if told(books) else None
    assert rows_of(books)
    assert not heard(told(books))
    assert oldest is None or oldest > scene.number() - 80


def test_whoever_listened_before_history_came_in_bulk_is_told_to_read_the_state_again(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    """As after an outage: otherwise a listener would lack rows and never know."""
    books.catch_up()
    trade(play)
    books.catch_up()
    before = len(told(books))
    trade(play)
    scene.mine(100)
    missed = rows_of(books)
    books.catch_up()

    first = told(books)[before:][0]
    assert len(rows_of(books)) > len(missed)
    while first["type"] == "finalized":
        before += 1
        first = told(books)[before]
    assert (first["type"], first["body"]["resync"], first["body"]["depth"]) == ("reorg", True, 0)
    assert first["blockNumber"] >= scene.number() - 64
    following = [event["blockNumber"] for event in told(books)[before:] if event["type"] == "block"]
    assert following == list(range(first["blockNumber"] + 1, scene.number() + 1))


def test_a_commit_that_fails_takes_no_place_in_the_sequence(
    play: MarketPlay, books: Indexing, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.catch_up()
    session = books.load()
    seq, count = books.checkpoint()["seq"], len(told(books))
    trade(play)
    from store.ledger import Ledger

    def broken(*_: Any) -> None:
        raise OperationFailure("planted")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "_replace", broken)
        with pytest.raises(Interrupted):
            session.step()
    assert (books.checkpoint()["seq"], len(told(books))) == (seq, count)

    books.catch_up()
    assert [event["_id"] for event in told(books)] == list(range(1, books.checkpoint()["seq"] + 1))
