"""A node lives by the clock and the transport that it is given."""

from __future__ import annotations

import time
from threading import Event

import msgspec
import pytest

from chain.clock import WallClock
from chain.errors import EndpointsExhausted, Transient
from chain.node import Node
from chain.transport import HttpAnswer


class Patience:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, _: Event, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds


class Wire:
    """Answers eth_chainId after a number of refusals."""

    def __init__(self, refusals: int, refusal: HttpAnswer | None = None) -> None:
        self.refusals, self.refusal, self.posts, self.closed = refusals, refusal, 0, False

    def post(self, url: str, body: bytes, *, deadline_seconds: float) -> HttpAnswer:
        self.posts += 1
        if self.posts > self.refusals:
            asked = msgspec.json.decode(body)
            return HttpAnswer(200, {}, msgspec.json.encode({"id": asked["id"], "result": "0x1"}))
        if self.refusal is None:
            raise Transient("the wire is cut")
        return self.refusal

    def close(self) -> None:
        self.closed = True


def test_pauses_are_waited_by_the_clock_and_not_by_ours() -> None:
    clock, wire = Patience(), Wire(1, HttpAnswer(429, {"Retry-After": "17"}, b"slower"))
    started = time.monotonic()

    with Node(["http://a.example"], transport=wire, clock=clock, deadline_seconds=60.0) as node:
        assert node.chain_id() == 1

    assert sum(clock.waits) >= 17.0
    assert time.monotonic() - started < 5.0
    assert wire.closed


def test_the_deadline_is_over_by_the_clock() -> None:
    clock, wire = Patience(), Wire(10**9)

    with (
        Node(["http://a.example"], transport=wire, clock=clock, deadline_seconds=30.0) as node,
        pytest.raises(EndpointsExhausted),
    ):
        node.head()

    assert 20.0 < clock.seconds < 30.0
    assert wire.posts > 5


def test_the_wall_clock_is_cut_short_by_the_event() -> None:
    event = Event()
    event.set()
    started = time.monotonic()

    WallClock().wait(event, 60.0)

    assert time.monotonic() - started < 5.0
    assert WallClock().monotonic() >= started
