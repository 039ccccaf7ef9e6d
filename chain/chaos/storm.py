"""Which faults strike an exchange: decided by the seed and by what is asked for the how-manieth time.

Not by the order in which threads come: the same questions meet the same faults.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import msgspec

from chain.chaos import blocks, limits, logs, wire
from chain.chaos.exchange import Answer, Asked, Sight
from chain.chaos.scenario import Scenario

logger = logging.getLogger(__name__)

CHAPTERS = {
    "Blocks and heads": blocks.SCENARIOS,
    "Logs and receipts": logs.SCENARIOS,
    "Limits": limits.SCENARIOS,
    "Batches and HTTP": wire.SCENARIOS,
}
SCENARIOS = {scenario.name: scenario for chapter in CHAPTERS.values() for scenario in chapter}
QUESTIONS_REMEMBERED = 100_000


class UnknownScenario(ValueError):
    """There is no scenario of that name."""


def chosen(names: Sequence[str]) -> list[Scenario]:
    """Scenarios by name. Raises UnknownScenario."""
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise UnknownScenario(f"no scenario {', '.join(unknown)}: `dvault chaos-rpc --list` tells all")
    return [SCENARIOS[name] for name in names]


@dataclass(frozen=True, slots=True)
class Strike:
    """A scenario that wants to spoil one exchange, and the seed of its whims."""

    scenario: Scenario
    seed: str

    def rng(self) -> Random:
        """The same numbers each time."""
        return Random(self.seed)


class Storm:
    """Decides and counts. Not for several threads at once."""

    def __init__(self, scenarios: Sequence[Scenario], *, seed: int = 0, rate: float = 0.1) -> None:
        """`rate`: the share of exchanges that each scenario spoils, unless it always does."""
        self._scenarios = scenarios
        self._seed = seed
        self._rate = rate
        self._asked: Counter[bytes] = Counter()
        self.injected: Counter[str] = Counter({scenario.name: 0 for scenario in scenarios})
        self.exchanges = 0

    def strikes(self, asked: Asked) -> list[Strike]:
        """What may strike this exchange; ask once for each."""
        question = _fingerprint(asked)
        if len(self._asked) >= QUESTIONS_REMEMBERED:
            self._asked.clear()
        self._asked[question] += 1
        self.exchanges += 1
        found = []
        for scenario in self._scenarios:
            seed = f"{self._seed} {scenario.name} {question.hex()} {self._asked[question]}"
            if scenario.always or Random(seed).random() < self._rate:
                found.append(Strike(scenario, f"{seed} whims"))
        return found

    def asking(self, asked: Asked, strikes: Sequence[Strike], sight: Sight) -> Asked:
        """What to ask the node instead."""
        for strike in strikes:
            if strike.scenario.question is not None:
                asked = strike.scenario.question(asked, sight, strike.rng())
        return asked

    def spoilt(self, asked: Asked, answer: Answer, strikes: Sequence[Strike], sight: Sight) -> Answer:
        """What to answer instead; says and counts what was done."""
        for strike in strikes:
            if not answer.answers(asked):
                break
            spoilt = strike.scenario.spoil(asked, answer, sight, strike.rng())
            if spoilt is not None:
                self._note(strike.scenario, asked)
                answer = spoilt
        return answer

    def _note(self, scenario: Scenario, asked: Asked) -> None:
        self.injected[scenario.name] += 1
        methods = Counter(call.method for call in asked.calls)
        told = ", ".join(method if count == 1 else f"{method} x{count}" for method, count in methods.items())
        logger.info("fault injected", extra={"scenario": scenario.name, "calls": told})


def _fingerprint(asked: Asked) -> bytes:
    """A question without its ids."""
    calls = [(call.method, call.params) for call in asked.calls]
    return hashlib.blake2b(msgspec.json.encode(calls), digest_size=12).digest()
