"""Counting: never more than a quota in any window, shared between processes, and cheap when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.limiting import windows as module
from api.limiting.quotas import Quota
from api.limiting.windows import Windows
from store.errors import CountsUnavailable

STRICT, GENEROUS = Quota(10, 60), Quota(1000, 60)


class Clock:
    def __init__(self) -> None:
        self.now = 60_000_000.0

    def __call__(self) -> float:
        return self.now


class Counts:
    """Shared counts in memory, which can be away."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.asked = 0
        self.is_away = False

    def add(self, amounts: Mapping[str, int], keep_seconds: int) -> dict[str, int]:
        self.asked += 1
        if self.is_away:
            raise CountsUnavailable("away")
        for name, amount in amounts.items():
            self.counts[name] = self.counts.get(name, 0) + amount
        return {name: self.counts[name] for name in amounts}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def counts():
    return Counts()


TELL_FOREVER = Windows._tell_forever


@pytest.fixture(autouse=True)
def by_hand(monkeypatch):
    """Nobody tells in the background: tests say when."""
    monkeypatch.setattr(Windows, "_tell_forever", lambda _: None)


def passed(windows: Windows, quota: Quota, times: int, key: str = "k") -> int:
    return sum(windows.take(key, quota).allowed for _ in range(times))


def test_so_many_pass_and_the_rest_are_told_when_to_come_back(clock):
    windows = Windows(clock=clock)

    assert [windows.take("k", STRICT).remaining for _ in range(10)] == list(range(9, -1, -1))
    refused = windows.take("k", STRICT)
    assert (refused.allowed, refused.remaining, refused.reset_seconds) == (False, 0, 60)
    assert windows.take("other", STRICT).allowed


def test_whoever_waits_as_long_as_told_gets_in(clock):
    windows = Windows(clock=clock)
    clock.now += 30
    passed(windows, STRICT, 10)

    for _ in range(30):
        refused = windows.take("k", STRICT)
        assert not refused.allowed
        clock.now += refused.reset_seconds + 0.001
        assert windows.take("k", STRICT).allowed


def test_the_edge_of_a_window_is_no_gap(clock):
    windows = Windows(clock=clock)
    clock.now += 59
    assert passed(windows, GENEROUS, 2000) == 1000
    clock.now += 2

    assert passed(windows, GENEROUS, 2000) == pytest.approx(17, abs=1)


@given(st.lists(st.floats(0, 40), min_size=1, max_size=60))
def test_in_no_window_do_more_than_the_quota_pass_beyond_the_known_error(pauses):
    """A count by two windows assumes an even spread in the older one: it may err by what one window holds."""
    clock, quota = Clock(), Quota(5, 60)
    windows, times = Windows(clock=clock), []
    for pause in pauses:
        clock.now += pause
        if windows.take("k", quota).allowed:
            times.append(clock.now)

    aligned = [int(moment // 60) for moment in times]
    assert max(aligned.count(number) for number in aligned) <= 5
    assert max(sum(start <= moment < start + 60 for moment in times) for start in times) <= 2 * 5 - 1


def test_small_quotas_are_exact_over_all_processes(clock, counts):
    workers = [Windows(counts, clock) for _ in range(4)]

    assert sum(passed(worker, STRICT, 10) for worker in workers) == 10


def test_small_quotas_are_exact_between_threads(clock, counts):
    windows = Windows(clock=clock)
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: windows.take("k", STRICT).allowed, range(200)))

    assert sum(allowed) == 10


def test_large_quotas_are_shared_in_batches(clock, counts):
    one, other = Windows(counts, clock), Windows(counts, clock)
    passed(one, GENEROUS, 600)
    assert counts.asked == 0
    one.tell()
    passed(other, GENEROUS, 1)
    other.tell()

    assert other.take("k", GENEROUS).remaining == 1000 - 600 - 2
    assert passed(other, GENEROUS, 1000) == 398
    other.tell()
    one.tell()
    assert counts.asked == 3


def test_a_process_learns_what_was_counted_before_it_began(clock, counts):
    early, late = Windows(counts, clock), Windows(counts, clock)
    passed(early, GENEROUS, 1000)
    early.tell()
    clock.now += 60
    late.take("k", GENEROUS)
    late.tell()

    assert late.take("k", GENEROUS).remaining == 0


def test_a_flood_asks_nobody(clock, counts):
    windows = Windows(counts, clock)
    passed(windows, STRICT, 10)
    asked = counts.asked

    assert passed(windows, STRICT, 10_000) == 0
    assert counts.asked == asked


def test_an_outage_limits_by_process_and_heals(clock, counts, caplog):
    windows = Windows(counts, clock)
    counts.is_away = True
    before = module.FAILURES._value.get()

    assert passed(windows, STRICT, 30) == 10
    assert counts.asked == 1, "one attempt, then silence for a while"
    assert module.FAILURES._value.get() == before + 1
    assert "alone" in caplog.text
    counts.is_away = False
    clock.now += module.PAUSE_SECONDS
    windows.tell()

    assert max(counts.counts.values()) == 10
    assert not Windows(counts, clock).take("k", STRICT).allowed


def test_what_could_not_be_told_in_time_is_forgotten(clock, counts):
    windows = Windows(counts, clock)
    counts.is_away = True
    for _ in range(50):
        passed(windows, GENEROUS, 3)
        windows.tell()
        clock.now += 60

    assert len(windows._untold) <= 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_counts_are_told_by_themselves_also_after_an_error_that_nobody_foresaw(clock, monkeypatch):
    monkeypatch.setattr(Windows, "_tell_forever", TELL_FOREVER)
    monkeypatch.setattr(module, "TELL_SECONDS", 0.01)
    failed, told = Event(), Event()

    class Stumbling(Counts):
        def add(self, amounts: Mapping[str, int], keep_seconds: int) -> dict[str, int]:
            if not failed.is_set():
                failed.set()
                raise RuntimeError("nobody foresaw this")
            told.set()
            return super().add(amounts, keep_seconds)

    windows = Windows(Stumbling(), clock)
    windows.take("k", GENEROUS)
    assert failed.wait(10)
    teller = windows._teller
    assert teller is not None
    teller.join(10)

    windows.take("k", GENEROUS)

    assert told.wait(10)


def test_memory_is_bounded(clock, counts, monkeypatch):
    monkeypatch.setattr(module, "MAX_CALLERS", 100)
    windows = Windows(counts, clock)
    for number in range(1000):
        windows.take(f"caller {number}", GENEROUS)

    assert len(windows._windows) == 100
