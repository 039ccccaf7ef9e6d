"""Endpoints that fail as providers do: the faults of `chain.chaos`, in process, in place of HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from chain.chaos.exchange import Answer, Asked, Limits, Sight, parsed
from chain.chaos.scenario import Scenario
from chain.errors import TimedOut, Transient
from chain.transport import HttpAnswer
from tests.simulation.clock import VirtualClock
from tests.simulation.node import HonestNode


@dataclass
class Endpoint:
    """One URL: a node of its own, and what goes wrong on the way."""

    url: str
    node: HonestNode
    scenarios: list[Scenario] = field(default_factory=list)
    rate: float = 0.0
    """The share of exchanges that each scenario spoils, unless it always does."""
    limits: Limits = field(default_factory=Limits)
    first_head: int | None = None
    exchanges: int = 0

    def answered(self, asked: Asked, rng: Random, injected: Counter[str]) -> Answer:
        head = self.node.view.number
        self.first_head = head if self.first_head is None else self.first_head
        sight = Sight(head, self.first_head, self.exchanges, self.limits)
        self.exchanges += 1
        striking = [
            (scenario, rng.getrandbits(48))
            for scenario in self.scenarios
            if scenario.always or rng.random() < self.rate
        ]
        for scenario, whims in striking:
            if scenario.question is not None:
                asked = scenario.question(asked, sight, Random(whims))
        answer = self.node.answered(asked)
        for scenario, whims in striking:
            if not answer.answers(asked):
                break
            spoilt = scenario.spoil(asked, answer, sight, Random(whims))
            if spoilt is not None:
                injected[scenario.name] += 1
                answer = spoilt
        return answer


class Wires:
    """Carries bodies to the endpoints: a `chain.transport.Posting` without a network."""

    def __init__(self, endpoints: list[Endpoint], clock: VirtualClock, rng: Random) -> None:
        self.endpoints = {endpoint.url: endpoint for endpoint in endpoints}
        self.injected: Counter[str] = Counter()
        self.on_exchange: Callable[[str, bytes, object], None] = lambda *_: None
        self._clock, self._rng = clock, rng

    def close(self) -> None:
        """There is nothing to close."""

    def post(self, url: str, body: bytes, *, deadline_seconds: float) -> HttpAnswer:
        asked = parsed(body)
        answer = self.endpoints[url].answered(asked, self._rng, self.injected)
        self._clock.pass_by(0.01)
        told = self._delivered(answer, asked.batched, deadline_seconds)
        self.on_exchange(url, body, told)
        if isinstance(told, Exception):
            raise told
        return told

    def _delivered(self, answer: Answer, batched: bool, deadline_seconds: float) -> HttpAnswer | Exception:
        """As the HTTP client would tell it."""
        if answer.manner in ("hang", "drip"):
            self._clock.pass_by(deadline_seconds)
            return TimedOut(f"no complete answer within {deadline_seconds:g} s")
        if answer.manner == "drop":
            return Transient("ServerDisconnectedError: Server disconnected")
        if answer.manner == "cut" or answer.headers.get("Content-Encoding") == "gzip":
            return Transient("ClientPayloadError: Response payload is not completed")
        return HttpAnswer(answer.status, answer.headers, answer.encoded(batched))
