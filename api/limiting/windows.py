"""Counting requests: exact where it must be, without a round trip where it may be a little late.

A count is kept for each caller and each aligned window of time. What counts against a quota is the present
window and, of the one before, the part that a window ending now would still cover.

Small quotas are counted in the shared store before the answer. Large ones are counted here and told to the
others in batches, every half second or as soon as a twentieth of the quota is untold: several processes
together may let through a few per cent more. Who is over a quota is refused here, without asking anybody.
While the shared store is away, each process counts by itself, and says so in the log.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Protocol

import msgspec
from prometheus_client import Counter

from api.limiting.quotas import Quota
from store.errors import CountsUnavailable

logger = logging.getLogger(__name__)

EXACT_UP_TO = 200
UNTOLD_SHARE = 20
TELL_SECONDS = 0.5
PAUSE_SECONDS = 5.0
MAX_CALLERS = 50_000

FAILURES = Counter("dvault_rate_limit_store_failures", "Times that the shared rate counts were out of reach")

Place = tuple[str, int, int]
"""Key, length of the window in seconds, its number since 1970."""


class Counts(Protocol):
    """Counts that all processes share."""

    def add(self, amounts: Mapping[str, int], keep_seconds: int) -> dict[str, int]:
        """Add to each and return the totals; unknown ones begin at 0. Raises CountsUnavailable soon."""


@dataclass(slots=True)
class Window:
    """What is known of a caller: counted in the window of that number, and in the one before."""

    number: int
    current: int = 0
    previous: int = 0


class Standing(msgspec.Struct, frozen=True):
    """Whether the request is within the quota, how many more are, and in how many seconds there are more."""

    allowed: bool
    remaining: int
    reset_seconds: int


class Windows:
    """Counts for one process, shared with others through `shared`. Safe between threads."""

    def __init__(self, shared: Counts | None = None, clock: Callable[[], float] = time.time) -> None:
        self._shared, self._clock = shared, clock
        self._windows: dict[tuple[str, int], Window] = {}
        self._untold: dict[Place, int] = {}
        self._lock, self._wake = Lock(), Event()
        self._teller: Thread | None = None
        self._silent_until = 0.0

    def take(self, key: str, quota: Quota) -> Standing:
        """Count one request of this caller, unless it is one too many."""
        now = self._clock()
        number = int(now // quota.seconds)
        with self._lock:
            window = self._window(key, quota, number)
            if used(window, quota, now) >= quota.amount:
                return standing(window, quota, now, allowed=False)
            if not self._counts_exactly(quota, now):
                self._count(key, quota, window)
                return standing(window, quota, now, allowed=True)
        return self._take_exactly(key, quota, number, now)

    def tell(self) -> None:
        """Share what is untold, and learn what the others counted."""
        with self._lock:
            untold, self._untold = self._untold, {}
        if not untold or self._shared is None:
            return
        keep = 2 * max(seconds for _, seconds, _ in untold)
        try:
            totals = self._shared.add({_name(place): amount for place, amount in untold.items()}, keep)
        except CountsUnavailable as error:
            self._fail(error, untold)
            return
        self._learn({place: totals[_name(place)] for place in untold})

    def _counts_exactly(self, quota: Quota, now: float) -> bool:
        return self._shared is not None and quota.amount <= EXACT_UP_TO and now >= self._silent_until

    def _take_exactly(self, key: str, quota: Quota, number: int, now: float) -> Standing:
        """Count first, in the shared store: of requests at the same moment, each gets a number of its own."""
        assert self._shared is not None
        place, before = (key, quota.seconds, number), (key, quota.seconds, number - 1)
        try:
            totals = self._shared.add({_name(place): 1, _name(before): 0}, 2 * quota.seconds)
        except CountsUnavailable as error:
            self._fail(error, {})
            return self.take(key, quota)
        mine = Window(number, totals[_name(place)], totals[_name(before)])
        self._learn({place: mine.current, before: mine.previous})
        return standing(mine, quota, now, allowed=used(mine, quota, now) <= quota.amount)

    def _window(self, key: str, quota: Quota, number: int) -> Window:
        window = self._windows.get((key, quota.seconds))
        if window is None:
            self._make_room()
            window = self._windows[key, quota.seconds] = Window(number)
            if self._shared is not None:
                self._untold.setdefault((key, quota.seconds, number - 1), 0)
        elif window.number != number:
            window.previous = window.current if window.number == number - 1 else 0
            window.number, window.current = number, 0
        return window

    def _count(self, key: str, quota: Quota, window: Window) -> None:
        window.current += 1
        if self._shared is None:
            return
        place = (key, quota.seconds, window.number)
        self._untold[place] = untold = self._untold.get(place, 0) + 1
        if untold * UNTOLD_SHARE >= quota.amount:
            self._wake.set()
        if self._teller is None or not self._teller.is_alive():
            # The first count, or the first after an error that nobody foresaw ended the thread.
            self._teller = Thread(target=self._tell_forever, name="rate counts", daemon=True)
            self._teller.start()

    def _make_room(self) -> None:
        """Forget who has been known longest: the shared store still knows them."""
        if len(self._windows) >= MAX_CALLERS:
            del self._windows[next(iter(self._windows))]

    def _learn(self, totals: Mapping[Place, int]) -> None:
        with self._lock:
            for place, total in totals.items():
                key, seconds, number = place
                window = self._windows.get((key, seconds))
                if window is not None and window.number == number:
                    window.current = max(window.current, total + self._untold.get(place, 0))
                elif window is not None and window.number == number + 1:
                    window.previous = max(window.previous, total)

    def _fail(self, error: CountsUnavailable, untold: Mapping[Place, int]) -> None:
        FAILURES.inc()
        logger.warning("rate limits are counted by each process alone", extra={"why": str(error)})
        now = self._clock()
        with self._lock:
            self._silent_until = now + PAUSE_SECONDS
            for place, amount in untold.items():
                if place[2] >= now // place[1] - 1:
                    self._untold[place] = self._untold.get(place, 0) + amount

    def _tell_forever(self) -> None:
        while True:
            self._wake.wait(TELL_SECONDS)
            self._wake.clear()
            if self._clock() >= self._silent_until:
                self.tell()


def used(window: Window, quota: Quota, now: float) -> int:
    """How much of the quota is used up at that moment."""
    passed = now / quota.seconds - window.number
    return window.current + math.floor(window.previous * max(0.0, 1.0 - passed))


def standing(window: Window, quota: Quota, now: float, *, allowed: bool) -> Standing:
    """What the caller is told."""
    ends = (window.number + 1) * quota.seconds - now
    seconds = ends if allowed else _seconds_until_free(window, quota, now)
    return Standing(allowed, max(0, quota.amount - used(window, quota, now)), max(1, math.ceil(seconds)))


def _seconds_until_free(window: Window, quota: Quota, now: float) -> float:
    """When the windows' counts will have faded enough for one request more."""
    begun = window.number * quota.seconds
    if window.current >= quota.amount:
        return begun + quota.seconds * (2 - quota.amount / window.current) - now
    return begun + quota.seconds * (1 - (quota.amount - window.current) / max(1, window.previous)) - now


def _name(place: Place) -> str:
    key, seconds, number = place
    return f"{key}@{seconds}@{number}"
