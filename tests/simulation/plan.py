"""What a seed decides beforehand: the settings of the indexer, its endpoints, and the weather."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from chain.chaos.blocks import BY_HASH, BY_NUMBER, LOGS, RECEIPT
from chain.chaos.exchange import Answer, Asked, Call, Limits, Sight
from chain.chaos.scenario import UNTOUCHED, Scenario, one_reply, result
from chain.chaos.storm import CHAPTERS, SCENARIOS
from tests.simulation.store_faults import Weather

ADDING = {"undecodable-logs", "foreign-topics"}
"""Lies that add to the truth: the generator itself makes logs that nobody can read."""
BEYOND_PROOF = {"omitted-log", "empty-logs"}
"""A log left out beside others of its contract, or out of old history, is found by `dvault prove` alone."""
OF_ANOTHER_CHAIN = {"other-genesis", "no-code", "false-history"}
"""Refused at the start, each by a test of its own."""
AMONG_OTHERS = {"stale-endpoint", "wrong-chain"}
"""Outlived where another endpoint is beside."""
BEHIND = "lagging-backend"
"""A header from one backend and the logs of its block from another, which does not know it and says "none": no
node can be caught at that unless both come in one exchange. So where batches are cut up, no backend lags."""
WITHOUT_BLOOMS = {"zero-blooms", "missing-fields"}
NOWHERE = ADDING | BEYOND_PROOF | OF_ANOTHER_CHAIN | AMONG_OTHERS
ANYWHERE = [[each for each in chapter if each.name not in NOWHERE] for chapter in CHAPTERS.values()]
"""By chapter, since there are more limits than all else."""


@result(LOGS)
def emptied(call: Call, logs: Any, _: Random) -> Any:
    return [] if logs and "blockHash" in call.params[0] else UNTOUCHED


@result(RECEIPT)
def of_another_inclusion(_: Call, receipt: Any, __: Random) -> Any:
    if receipt["blockHash"] is None:
        return UNTOUCHED
    cost = hex(int(receipt["gasUsed"], 16) + 1)
    # Not as other scenarios turn a hash: turned twice it would be the right one again.
    elsewhere = f"0x{int(receipt['blockHash'], 16) ^ 1:064x}"
    return {**receipt, "blockHash": elsewhere, "gasUsed": cost}


def without_parents(asked: Asked, answer: Answer, _: Sight, __: Random) -> Answer | None:
    """No block that is asked for by itself, and not as the newest."""
    if any(call.method not in (BY_HASH, BY_NUMBER) or call.params[0] == "latest" for call in asked.calls):
        return None
    return replace(answer, replies=tuple({**reply, "result": None} for reply in answer.replies))


OURS = [
    Scenario(
        "unknown-parents",
        "only the newest block is known, and blocks with their logs",
        without_parents,
        always=True,
    ),
    Scenario(
        "other-inclusion",
        "a receipt from the branch before, with what it cost there",
        one_reply(of_another_inclusion),
    ),
]
EMPTIED_BLOCK = Scenario(
    "emptied-block", "no logs of a block asked for by its hash, whose bloom promises some", one_reply(emptied)
)


@dataclass(frozen=True)
class Plan:
    """The same for the same seed, whatever the program does."""

    seed: int
    confirmations: int | None
    max_reorg_depth: int
    range_max: int
    live_reach: int
    events_per_commit: int
    kept_states: int
    history: int
    """Blocks mined before the indexer first looks."""
    blocks: int
    """Blocks mined in all, at least."""
    forks: int
    endpoints: int
    rate: float
    smallest_batch: int
    has_batches: bool
    """What is asked together travels together."""
    has_blooms: bool
    """Headers have true bloom filters: then logs may be left out, and it has to be noticed."""
    weather: Weather
    limits: Limits

    @property
    def max_batch(self) -> int:
        return 50 if self.has_batches else self.smallest_batch

    @property
    def depth(self) -> int:
        """How many of the newest blocks may change."""
        return self.max_reorg_depth if self.confirmations is None else self.confirmations


def plan_of(seed: int) -> Plan:
    rng = Random(f"plan {seed}")
    return Plan(
        seed=seed,
        confirmations=rng.choice([None, 3, 6, 10, 20]),
        max_reorg_depth=rng.choice([25, 40]),
        range_max=rng.choice([3, 10, 40, 100]),
        live_reach=rng.choice([2, 6, 16]),
        events_per_commit=rng.choice([6, 30, 200]),
        kept_states=rng.choice([0, 3, 1000]),
        history=rng.choice([10, 60, 100, 140]),
        blocks=200,
        forks=5,
        endpoints=rng.choice([1, 1, 2, 3]),
        rate=rng.choice([0.0, 0.03, 0.08, 0.2]),
        smallest_batch=rng.choice([1, 20, 100]),
        has_batches=rng.random() < 0.5,
        has_blooms=rng.random() < 0.5,
        weather=Weather(
            failing=rng.choice([0.0, 0.001, 0.002, 0.005]),
            killing=rng.choice([0.0, 0.0005, 0.002]),
            sleeping=rng.choice([0.0, 0.0005, 0.001]),
            looking=rng.choice([0.0005, 0.002]),
        ),
        limits=Limits(rng.choice([3, 10]), rng.choice([4, 30]), rng.choice([2, 5])),
    )


def faults_of(plan: Plan, rng: Random, place: int) -> list[Scenario]:
    """The scenarios of one endpoint for a while: none, one, or a mix."""
    if plan.rate == 0.0:
        return []
    chosen = [rng.choice(rng.choice([*ANYWHERE, OURS])) for _ in range(rng.choice([0, 1, 2, 3, 5]))]
    if plan.has_blooms:
        chosen = [each for each in chosen if each.name not in WITHOUT_BLOOMS]
    if plan.has_blooms and rng.random() < 0.4:
        chosen.append(EMPTIED_BLOCK)
    if place > 0 and rng.random() < 0.3:
        chosen.insert(
            0, SCENARIOS[rng.choice(sorted(AMONG_OTHERS))]
        )  # what a node is, before what befalls it
    return list({each.name: each for each in chosen if fits(plan, each.name)}.values())


def fits(plan: Plan, name: str) -> bool:
    """Whether something may go wrong in this way, along with what else goes wrong."""
    if plan.has_batches:
        return not name.startswith("batch-")
    return name != BEHIND
