"""Asking nodes of a transaction on behalf of somebody who waits."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from api import Whereabouts
from dvault.pending import DEADLINE_SECONDS, QUIET_SECONDS, REMEMBERED_SECONDS, AskedNode
from tests.unit.chain.fake_node import FakeNode, Refusal, block_hash, transaction_hash

METHOD = "eth_getTransactionByHash"
MINE, OTHER = transaction_hash(3, 0), transaction_hash(4, 0)


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    with FakeNode() as fake:
        fake.answers[METHOD] = mined
        yield fake


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asked(fake: FakeNode, clock: Clock) -> Iterator[AskedNode]:
    asked = AskedNode([fake.url], clock)
    yield asked
    asked.close()


def mined(wanted: str) -> Any:
    return {"hash": wanted, "blockNumber": "0x3", "blockHash": block_hash(3)}


def test_nobody_is_asked_before_there_is_a_question(fake: FakeNode, asked: AskedNode) -> None:
    assert fake.posts == []
    assert asked.find(MINE) == Whereabouts(True, 3, block_hash(3))
    assert fake.posts == [1]


def test_one_that_waits_is_known_and_one_that_nobody_knows_is_not(fake: FakeNode, asked: AskedNode) -> None:
    fake.answers[METHOD] = lambda wanted: {"hash": wanted} if wanted == MINE else None

    assert (asked.find(MINE), asked.find(OTHER)) == (Whereabouts(True), Whereabouts(False))


def test_the_answer_is_remembered_for_a_moment(fake: FakeNode, asked: AskedNode, clock: Clock) -> None:
    for seconds in (0.0, REMEMBERED_SECONDS / 2, REMEMBERED_SECONDS):
        clock.seconds = 100.0 + seconds
        asked.find(MINE)

    assert fake.asked(METHOD) == 2


def test_a_node_that_fails_is_left_alone_for_a_while(fake: FakeNode, asked: AskedNode, clock: Clock) -> None:
    def refuse(_: Any) -> Any:
        raise Refusal(-32601, "no such method")

    fake.answers[METHOD] = refuse

    assert asked.find(MINE) == Whereabouts(False)
    assert asked.find(OTHER) == Whereabouts(False)
    assert fake.asked(METHOD) == 1
    fake.answers[METHOD] = mined
    clock.seconds += QUIET_SECONDS
    assert asked.find(MINE).known


def test_a_node_that_nobody_reaches_keeps_nobody_waiting_for_long(clock: Clock) -> None:
    unreachable = AskedNode(["http://127.0.0.1:1"], clock)
    before = monotonic()

    assert unreachable.find(MINE) == Whereabouts(False)
    assert monotonic() - before < DEADLINE_SECONDS + 1
    unreachable.close()
