"""Events by long poll and as a stream."""

from __future__ import annotations

from itertools import islice
from typing import Any

import orjson
import pytest
from builders import ALICE, BOB, CAROL, ETHER, at, block_ref, deed, price
from flask import Flask

from api.app import MAX_STREAMS, STREAMS_EACH
from api.listening import HEARTBEAT_SECONDS, LONGEST_STREAM_SECONDS
from api.services import EXTENSION


def event(seq: int, kind: str, body: dict[str, Any], block: int = 90, **extra: Any) -> dict[str, Any]:
    place = {"blockNumber": block, "blockHash": block_ref(block)["hash"], "timestamp": at(block)}
    return {"_id": seq, "type": kind, **place, "toldAt": at(block), "body": body, **extra}


@pytest.fixture
def told(seed: Any) -> Any:
    """Ten events: 11 to 20, the older ones are gone."""
    sale = deed("buy", 1, 90, seller=ALICE, buyer=BOB, price_wei=2**256 - 1)
    move = deed("transfer", 2, 91, seller=CAROL, buyer=ALICE)
    seed.add(
        "events",
        event(11, "transaction", sale),
        event(12, "price", price(1, 90, ETHER)),
        event(13, "block", {"facts": 2}),
        event(14, "transaction", move, 91),
        event(15, "block", {"facts": 1}, 91),
        event(16, "retraction", move, 91, retracts="transaction"),
        event(17, "reorg", {"depth": 1, "oldTip": block_ref(91)}),
        event(18, "block", {"facts": 0}, 91),
        event(19, "finalized", {}, 85),
        event(20, "block", {"facts": 0}, 92),
    )
    seed.checkpoint(92, seq=20)
    seed.market()
    return seed


def seqs(answer: Any) -> list[int]:
    return [each["seq"] for each in answer.json["events"]]


def test_events_come_in_order_from_a_place_on(client: Any, told: Any) -> None:
    answer = client.get("/api/events?after=12")

    assert seqs(answer) == list(range(13, 21))
    assert (answer.json["next"], answer.json["newest"], answer.json["asOf"]["blockNumber"]) == (20, 20, 92)


def test_portions_join_without_gap(client: Any, told: Any) -> None:
    place, heard = 10, []
    for _ in range(5):
        answer = client.get(f"/api/events?after={place}&limit=3")
        heard += seqs(answer)
        place = answer.json["next"]

    assert heard == list(range(11, 21))
    assert place == 20


def test_rows_have_the_shape_they_have_elsewhere(client: Any, told: Any) -> None:
    sale, point = client.get("/api/events?after=10&limit=2").json["events"]

    assert sale["data"]["priceWei"] == str(2**256 - 1)
    assert (sale["data"]["seller"], sale["data"]["buyer"], sale["data"]["status"]) == (ALICE, BOB, "pending")
    assert point["data"]["source"]["type"] == "ai-oracle"


def test_an_event_is_the_same_whenever_it_is_read_and_never_calls_a_deed_completed(
    client: Any, told: Any
) -> None:
    """The deed of event 14 was taken back, however final the number of its block is by now."""
    at_first = client.get("/api/events?after=10").json["events"]
    told.checkpoint(100, seq=20, finalized=block_ref(95))
    later = client.get("/api/events?after=10").json["events"]

    assert later == at_first
    assert [each["data"]["status"] for each in later if "status" in each["data"]] == [
        "pending", "pending", "orphaned",
    ]  # fmt: skip
    _, *streamed = frames(client, 11, "/api/stream?after=10")
    assert [orjson.loads(each["data"]) for each in streamed] == later


def test_a_retraction_names_what_it_takes_back(client: Any, told: Any) -> None:
    (retraction,) = client.get("/api/events?after=10&type=retraction").json["events"]
    (row,) = client.get("/api/events?after=13&limit=1").json["events"]

    assert retraction["retracts"] == "transaction"
    assert retraction["data"] == row["data"] | {"status": "orphaned"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tokenId=1", [11, 12, 13, 15, 17, 18, 19, 20]),
        (f"wallet={BOB}", [11, 13, 15, 17, 18, 19, 20]),
        (f"wallet={ALICE.lower()}&type=transaction,retraction", [11, 14, 16]),
        ("type=price", [12]),
        ("type=transaction", [11, 14, 16]),
        (f"tokenId=2&wallet={ALICE}&type=transaction", [14, 16]),
        ("tokenId=1&type=transaction", [11]),
    ],
)
def test_filters(client: Any, told: Any, query: str, expected: list[int]) -> None:
    assert seqs(client.get(f"/api/events?after=10&{query}")) == expected


def test_that_the_state_must_be_read_again_is_told_whatever_one_listens_for(client: Any, told: Any) -> None:
    told.add("events", event(21, "reorg", {"depth": 0, "oldTip": block_ref(91), "resync": True}, 92))
    told.checkpoint(92, seq=21)

    for wanted in ("type=price", "type=block&tokenId=1", f"type=transaction&wallet={CAROL}"):
        assert seqs(client.get(f"/api/events?after=20&{wanted}")) == [21]


@pytest.mark.parametrize(("after", "why"), [(9, "no longer kept"), (21, "never told here")])
@pytest.mark.parametrize("path", ["/api/events", "/api/stream"])
def test_a_place_that_cannot_be_continued_is_gone(
    client: Any, told: Any, path: str, after: int, why: str
) -> None:
    answer = client.get(f"{path}?after={after}")

    assert answer.status_code == 410
    assert answer.json["code"] == "events-gone"
    assert why in answer.json["detail"]
    assert "go on after 20" in answer.json["detail"]


def test_without_a_place_listening_begins_now(client: Any, told: Any) -> None:
    assert client.get("/api/events").json["events"] == []


@pytest.mark.parametrize("after", ["after=20&", ""])
def test_a_long_poll_answers_as_soon_as_there_is_news(client: Any, told: Any, clock: Any, after: str) -> None:
    def block_comes() -> None:
        if clock.seconds > 1 and not told.database.events.find_one({"_id": 21}):
            told.add("events", event(21, "block", {"facts": 0}, 93))
            told.checkpoint(93, seq=21)

    clock.on_sleep = block_comes
    answer = client.get(f"/api/events?{after}wait=10")

    assert seqs(answer) == [21]
    assert 1 < clock.seconds < 2


def test_a_long_poll_without_news_ends_in_time(client: Any, told: Any, clock: Any) -> None:
    answer = client.get("/api/events?after=20&wait=3")

    assert (seqs(answer), answer.json["next"]) == ([], 20)
    assert 3 <= clock.seconds < 4


# --- streams ------------------------------------------------------------------------------------


def frames(client: Any, count: int, url: str, **headers: str) -> list[dict[str, str]]:
    """The first frames of a stream; closing the response frees its place."""
    response = client.get(url, headers=headers, buffered=False)
    assert response.status_code == 200, response.get_data()
    assert response.mimetype == "text/event-stream"
    found: list[dict[str, str]] = []
    for chunk in islice(response.response, 500):
        for frame in chunk.decode().removesuffix("\n\n").split("\n\n"):
            found.append(dict(line.split(": ", 1) for line in frame.splitlines()))
        if len(found) >= count:
            break
    response.close()
    return found[:count]


def test_a_stream_tells_what_the_list_tells(client: Any, told: Any) -> None:
    listed = client.get("/api/events?after=10").json["events"]
    retry, *streamed = frames(client, 11, "/api/stream?after=10")

    assert retry == {"retry": "1000", "id": "10"}
    assert [orjson.loads(frame["data"]) for frame in streamed] == listed
    assert [(int(frame["id"]), frame["event"]) for frame in streamed] == [
        (e["seq"], e["type"]) for e in listed
    ]


def test_a_browser_that_comes_again_goes_on_where_it_left_off(client: Any, told: Any) -> None:
    _, first = frames(client, 2, "/api/stream?after=10", **{"Last-Event-ID": "18"})

    assert first["id"] == "19"


def test_a_stream_hears_a_reorg_and_what_comes_later(client: Any, told: Any, clock: Any) -> None:
    def block_comes() -> None:
        if clock.seconds > 2 and not told.database.events.find_one({"_id": 21}):
            told.add("events", event(21, "block", {"facts": 0}, 93))
            told.checkpoint(93, seq=21)

    clock.on_sleep = block_comes
    streamed = frames(client, 6, "/api/stream?after=15")[1:]

    assert [frame["event"] for frame in streamed] == ["retraction", "reorg", "block", "finalized", "block"]
    assert frames(client, 2, "/api/stream?after=20")[1]["id"] == "21"


def test_a_quiet_stream_shows_that_it_lives_and_ends_by_itself(client: Any, told: Any, clock: Any) -> None:
    response = client.get("/api/stream", buffered=False)
    chunks = [bytes(chunk) for chunk in islice(response.response, 10_000)]
    response.close()

    assert chunks[0] == b"retry: 1000\nid: 20\n\n"
    assert set(chunks[1:]) == {b": still here\nid: 20\n\n"}
    expected = LONGEST_STREAM_SECONDS / HEARTBEAT_SECONDS
    assert expected * 0.9 < len(chunks[1:]) <= expected


def test_who_heard_nothing_comes_again_where_the_stream_had_looked(
    client: Any, told: Any, clock: Any
) -> None:
    def block_comes() -> None:
        if clock.seconds > 1 and not told.database.events.find_one({"_id": 21}):
            told.add("events", event(21, "block", {"facts": 0}, 93))
            told.checkpoint(93, seq=21)

    clock.on_sleep = block_comes
    heard = frames(client, 500, "/api/stream?type=price&tokenId=1")
    assert [frame["id"] for frame in (heard[0], heard[-1])] == ["20", "21"]
    assert not any("data" in frame for frame in heard)

    told.add("events", event(22, "price", price(1, 94, ETHER), 94))
    told.checkpoint(94, seq=22)
    told.database.events.delete_many({"_id": {"$lte": 21}})
    again = {"Last-Event-ID": heard[-1]["id"]}
    assert frames(client, 2, "/api/stream?type=price&tokenId=1", **again)[1]["id"] == "22"


def test_a_stream_ends_when_its_place_is_gone(client: Any, told: Any, clock: Any) -> None:
    def set_up_anew() -> None:
        told.database.events.delete_many({})
        told.checkpoint(50, seq=30)

    clock.on_sleep = set_up_anew
    response = client.get("/api/stream", buffered=False)
    chunks = list(islice(response.response, 100))
    response.close()

    assert [bytes(chunk) for chunk in chunks] == [b"retry: 1000\nid: 20\n\n"]


def test_places_for_streams_are_few_and_come_back(app: Flask, client: Any, told: Any) -> None:
    places = app.extensions[EXTENSION].streams
    others = [str(number) for number in range(MAX_STREAMS)]
    assert all(places.take(other) for other in others)
    refused = client.get("/api/stream")
    places.leave(others[0])

    assert (refused.status_code, refused.json["code"]) == (503, "too-many-streams")
    assert "every place" in refused.json["detail"]
    assert refused.headers["Retry-After"]
    for _ in range(3):
        frames(client, 2, "/api/stream?after=10")
        assert client.get("/api/stream?after=99").status_code == 410
        client.head("/api/stream").close()
    assert client.get("/api/events").status_code == 200


def test_nobody_takes_the_places_of_the_others(client: Any, told: Any) -> None:
    def streaming(address: str) -> Any:
        return client.get("/api/stream", environ_base={"REMOTE_ADDR": address}, buffered=False)

    mine = [streaming(f"2001:db8::{number}") for number in range(STREAMS_EACH)]
    refused, other = streaming("2001:db8::ffff"), streaming("192.0.2.1")

    assert {one.status_code for one in (*mine, other)} == {200}
    assert (refused.status_code, refused.json["code"]) == (503, "too-many-streams")
    assert "your address" in refused.json["detail"]
    mine.pop().close()
    mine.append(streaming("2001:db8::ffff"))
    assert mine[-1].status_code == 200
    for one in (*mine, other):
        one.close()


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 30, "{}"])
def test_a_bad_last_event_id_is_named(client: Any, told: Any, given: str) -> None:
    answer = client.get("/api/stream", headers={"Last-Event-ID": given})

    assert answer.status_code == 400
    assert answer.json["errors"][0]["field"] == "Last-Event-ID"
