"""The one place that asks again: which endpoint next, after which pause, and when to give up."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_any,
    stop_when_event_set,
)
from tenacity.stop import stop_base

from chain.clock import Clock, WallClock
from chain.endpoint import Endpoint
from chain.errors import (
    EndpointsExhausted,
    Fatal,
    ForeignChain,
    RateLimited,
    RpcError,
    SingleBlockTooDense,
    StructuralCap,
    Transient,
    Unknown,
    Unrecognised,
    Unsupported,
    WrongAnswer,
)
from chain.trust import Trust

T = TypeVar("T")

DOUBTS = 3
"""Times that one endpoint is asked when it says null, or contradicts itself."""
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0
HOPELESS = (Fatal, Unsupported, Unrecognised, SingleBlockTooDense, StructuralCap)
"""Not asked of the same endpoint again."""
VERDICTS: tuple[type[RpcError], ...] = (Unknown, WrongAnswer, SingleBlockTooDense)
"""Errors that stay what they are when the others merely failed."""
UNANIMOUS: tuple[type[RpcError], ...] = (Unsupported, Fatal, Unrecognised)
"""Errors that stay what they are when every endpoint agrees."""


class Failover:
    """Runs an operation on the best endpoint, then on the others, until the deadline."""

    def __init__(self, trust: Trust, deadline_seconds: float, clock: Clock | None = None) -> None:
        self._trust = trust
        self._deadline_seconds = deadline_seconds
        self._clock = clock or WallClock()
        self._closing = threading.Event()

    def close(self) -> None:
        """Wake whoever waits between two attempts; nothing is asked after that."""
        self._closing.set()

    def ask(
        self,
        operation: Callable[[Endpoint], T],
        *,
        only: Sequence[Endpoint] | None = None,
        doubts: int = DOUBTS,
        attempts: int | None = None,
    ) -> T:
        """Return what the operation returns; `doubts` bounds the Unknowns of an endpoint."""
        inquiry = Inquiry(self._trust.usable() if only is None else only, doubts, attempts)
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, RpcError) and inquiry.is_open),
            stop=stop_any(Deadline(self._clock, self._deadline_seconds), stop_when_event_set(self._closing)),
            wait=inquiry.wait,
            sleep=lambda seconds: self._clock.wait(self._closing, seconds),
            reraise=True,
        )
        try:
            answer: T = retrying(self._attempt, inquiry, operation)
        except RpcError as error:
            raise inquiry.verdict() from error
        return answer

    def _attempt(self, inquiry: Inquiry, operation: Callable[[Endpoint], T]) -> T:
        endpoint = inquiry.best()
        if (pause := endpoint.card.pause_seconds()) > 0.0:
            raise inquiry.postponed(endpoint, pause)
        try:
            if self._closing.is_set():
                raise Transient("the node was closed")
            endpoint.verify_chain()
            answer = operation(endpoint)
        except RpcError as error:
            error.endpoint = endpoint.name
            endpoint.card.failed(error)
            inquiry.failed(endpoint, error)
            if isinstance(error, ForeignChain):
                self._trust.accuse(endpoint, "lie", str(error))
            raise
        endpoint.card.succeeded()
        for liar, contradiction in inquiry.contradictions:
            if liar is not endpoint:
                self._trust.disproved(liar, contradiction)
        return answer


class Deadline(stop_base):
    """Stops once the next pause would end too late, by our own clock."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._ends = clock, clock.monotonic() + seconds

    def __call__(self, retry_state: RetryCallState) -> bool:
        return self._clock.monotonic() + retry_state.upcoming_sleep >= self._ends


class Inquiry:
    """One question on its way round the endpoints."""

    def __init__(self, endpoints: Sequence[Endpoint], doubts: int, attempts: int | None) -> None:
        self._candidates = list(endpoints)
        self._doubts = doubts
        self._attempts = attempts
        self._tries: Counter[str] = Counter()
        self._errors: dict[str, RpcError] = {}
        self.contradictions: list[tuple[Endpoint, RpcError]] = []

    @property
    def is_open(self) -> bool:
        """True while some endpoint may still answer."""
        return bool(self._candidates)

    def best(self) -> Endpoint:
        """Prefer who is not paused, was asked least, is well and not behind; then the configured order."""
        return min(self._candidates, key=self._rank)

    def failed(self, endpoint: Endpoint, error: RpcError) -> None:
        """Note an error, and leave the endpoint out when asking it again makes no sense."""
        self._tries[endpoint.name] += 1
        self._errors[endpoint.name] = error
        tries = self._tries[endpoint.name]
        if error.contradicts and all(known is not endpoint for known, _ in self.contradictions):
            self.contradictions.append((endpoint, error))
        if (
            isinstance(error, HOPELESS)
            or (isinstance(error, Unknown) and tries >= self._doubts)
            or (isinstance(error, WrongAnswer) and tries >= DOUBTS)
            or (self._attempts is not None and tries >= self._attempts)
        ):
            self._candidates.remove(endpoint)

    def postponed(self, endpoint: Endpoint, pause_seconds: float) -> RateLimited:
        """Note that an earlier rate limit is not over yet; that is no try."""
        error = RateLimited("an earlier rate limit is not over yet", pause_seconds)
        self._errors.setdefault(endpoint.name, error)
        return error

    def wait(self, _: RetryCallState) -> float:
        """No pause before another endpoint's first turn; else a jittered, growing one, or what was asked."""
        if not self._candidates:
            return 0.0
        best = self.best()
        pause, rounds = best.card.pause_seconds(), self._tries[best.name]
        if rounds == 0 and pause == 0.0:
            return 0.0
        growing: float = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** max(0, rounds - 1))
        return max(growing, pause) + random.uniform(0.0, growing / 2)

    def verdict(self) -> RpcError:
        """Sum up the errors of all endpoints in one."""
        errors = list(self._errors.values())
        for kind in VERDICTS:
            for error in errors:
                if isinstance(error, kind):
                    return error
        for kind in UNANIMOUS:
            if errors and all(isinstance(error, kind) for error in errors):
                return errors[0]
        return EndpointsExhausted(self._errors)

    def _rank(self, endpoint: Endpoint) -> tuple[float, int, bool, bool]:
        card = endpoint.card
        return card.pause_seconds(), self._tries[endpoint.name], not card.is_well, card.is_behind
