"""The report card of one endpoint: how it does, how far it is, and whether we believe it."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Literal

from chain.errors import (
    BatchTooLarge,
    RangeHint,
    RateLimited,
    RpcError,
    StructuralCap,
    TooDense,
    Unknown,
)

Feature = Literal["batches", "finalized", "safe", "blockReceipts", "logsByHash"]
"""What not every node offers."""
State = Literal["untried", "good", "limited", "failing", "lagging", "suspect", "quarantined"]
Charge = Literal["lie", "lag"]
Clock = Callable[[], float]

DEFAULT_PAUSE_SECONDS = 1.0
"""After a rate limit without Retry-After; doubles with each further one."""
LONGEST_PAUSE_SECONDS = 60.0
NOT_ITS_FAULT = (StructuralCap, RangeHint, TooDense, BatchTooLarge, Unknown)
"""Answers of a healthy node."""
LATENCY_WEIGHT = 0.2
CONVICTING = 5
"""Contradictions that others disproved, within the window, after which it is no accident any more."""
WINDOW_SECONDS = 600.0
FIRST_QUARANTINE_SECONDS = 300.0
LONGEST_QUARANTINE_SECONDS = 3600.0
BEHIND_BLOCKS = 3
"""An endpoint that lags more is asked after the others; less is the jitter of any two nodes."""


class Card:
    """What use has taught us of one endpoint. Safe to use from many threads."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.requests = 0
        self.errors: Counter[str] = Counter()
        self.last_error: str | None = None
        self.latency_ms: float | None = None
        self.head: int | None = None
        self.lag_blocks: int | None = None
        self.contradictions = 0
        self.last_contradiction: str | None = None
        self.supports: dict[Feature, bool] = {}
        self.charge: Charge | None = None
        self.reason: str | None = None
        """Why it is in quarantine, or would be if we had another endpoint."""
        self._disproved: deque[float] = deque(maxlen=CONVICTING)
        self._failures = self._limited = self._sentences = 0
        self._paused_until = self._unwell_until = self._quarantined_until = 0.0

    # --- health ------------------------------------------------------------------------

    def pause_seconds(self) -> float:
        """Seconds until a rate limit is over; 0 when there is none."""
        return max(0.0, self._paused_until - self._clock())

    @property
    def is_well(self) -> bool:
        """False for a while after failures."""
        return self._clock() >= self._unwell_until

    @property
    def is_behind(self) -> bool:
        """Whether the others are so much further that they should be asked first."""
        return (self.lag_blocks or 0) > BEHIND_BLOCKS

    def took(self, ms: float) -> None:
        """An exchange was answered; the latency is a moving average per HTTP exchange."""
        with self._lock:
            self.requests += 1
            before = ms if self.latency_ms is None else self.latency_ms
            self.latency_ms = before + LATENCY_WEIGHT * (ms - before)

    def succeeded(self) -> None:
        """An operation gave its answer."""
        with self._lock:
            self._failures = self._limited = 0
            self._unwell_until = 0.0

    def failed(self, error: RpcError) -> None:
        """An operation failed; remember it, and step back for a while."""
        with self._lock:
            self.errors[type(error).__name__] += 1
            self.last_error = str(error)
            if error.contradicts:
                self.contradictions += 1
                self.last_contradiction = str(error)
            if isinstance(error, RateLimited):
                self._pause(error.retry_after_seconds)
            elif not isinstance(error, NOT_ITS_FAULT):
                self._failures += 1
                self._unwell_until = self._clock() + min(LONGEST_PAUSE_SECONDS, 2.0**self._failures)

    def _pause(self, asked_seconds: float | None) -> None:
        self._limited += 1
        guess = min(LONGEST_PAUSE_SECONDS, DEFAULT_PAUSE_SECONDS * 2 ** (self._limited - 1))
        seconds = guess if asked_seconds is None else asked_seconds
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    # --- what it offers, and how far it is ---------------------------------------------

    def learned(self, feature: Feature, offered: bool) -> None:
        """The node offers something that not every node does, or does not."""
        self.supports[feature] = offered

    def stands_at(self, head: int, best: int) -> None:
        """Its newest block, and the newest that any endpoint told at the same time."""
        self.head, self.lag_blocks = head, max(0, best - head)

    # --- trust -------------------------------------------------------------------------

    def disproved(self) -> bool:
        """Another endpoint showed that this one was wrong; True once that cannot be an accident."""
        with self._lock:
            now = self._clock()
            self._disproved.append(now)
            full = len(self._disproved) == CONVICTING
            return full and now - self._disproved[0] < WINDOW_SECONDS

    @property
    def is_quarantined(self) -> bool:
        """Whether it is put aside at present; when the time is over it is on probation."""
        return self._clock() < self._quarantined_until

    @property
    def quarantine_seconds(self) -> float:
        """Seconds until it is tried again; 0 when it is not put aside."""
        return max(0.0, self._quarantined_until - self._clock())

    def quarantine(self, charge: Charge, reason: str) -> float:
        """Put it aside, each time for longer; returns the seconds."""
        with self._lock:
            seconds = min(LONGEST_QUARANTINE_SECONDS, FIRST_QUARANTINE_SECONDS * 2.0**self._sentences)
            self._sentences += 1
            self._quarantined_until = self._clock() + seconds
            self._disproved.clear()
            self.charge, self.reason = charge, reason
            return float(seconds)

    def suspect(self, charge: Charge, reason: str) -> None:
        """It ought to be put aside, and there is nobody else to ask."""
        with self._lock:
            self.charge, self.reason = charge, reason

    def acquit(self) -> None:
        """An examination found nothing against it."""
        with self._lock:
            if not self.is_quarantined:
                self.charge = self.reason = None

    @property
    def state(self) -> State:
        """The one word that an operator reads first."""
        if self.is_quarantined:
            return "quarantined"
        if self.reason is not None:
            return "suspect"
        if self.pause_seconds() > 0.0:
            return "limited"
        if not self.is_well:
            return "failing"
        if self.is_behind:
            return "lagging"
        return "good" if self.requests else "untried"
