"""The newest place: asked by many, read by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from api.newest import LOOK_SECONDS, Newest
from store.errors import StoreUnreachable

LISTENERS = 16


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Answers, or fails after five seconds."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.asked, self.is_away = clock, 0, False

    def newest_seq(self) -> int:
        self.asked += 1
        if self.is_away:
            self.clock.now += 5
            raise StoreUnreachable("the newest event", "away")
        return 7


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return Store(clock)


@pytest.fixture
def newest(store, clock):
    return Newest(store, clock)


def heard(newest: Newest) -> int | str:
    try:
        return newest.seq()
    except StoreUnreachable:
        return "away"


def heard_together(newest: Newest) -> set[int | str]:
    together = Barrier(LISTENERS, timeout=10)

    def listen() -> int | str:
        together.wait()
        return heard(newest)

    with ThreadPoolExecutor(LISTENERS) as pool:
        return {each.result(10) for each in [pool.submit(listen) for _ in range(LISTENERS)]}


def test_the_store_is_asked_once_for_all_who_come_together(newest, store):
    assert heard_together(newest) == {7}
    assert store.asked == 1


def test_who_waited_while_one_failed_shares_the_failure(newest, store):
    store.is_away = True

    assert heard_together(newest) == {"away"}
    assert store.asked == 1


def test_a_failure_is_forgotten_when_the_store_is_asked_again(newest, store, clock):
    store.is_away = True
    assert heard(newest) == "away"
    store.is_away = False
    clock.now += LOOK_SECONDS + 0.01

    assert newest.seq() == 7
