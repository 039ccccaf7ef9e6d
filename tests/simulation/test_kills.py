"""A process may die at any boundary of the store: before or after every single operation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation.plan import Plan, plan_of
from tests.simulation.store_faults import CALM
from tests.simulation.storm import Storm

SHORT = {
    "history in ranges, then blocks": {
        "history": 25,
        "confirmations": 6,
        "live_reach": 2,
        "events_per_commit": 6,
    },
    "blocks one by one, with reorgs": {"history": 4, "confirmations": 20, "live_reach": 16},
}
A_FEW = 7
"""Boundaries that are tried where not all of them are."""


def short_plan(shape: str) -> Plan:
    """A story of a second, in which nothing goes wrong but the kill."""
    given = {"blocks": 45, "forks": 3, "rate": 0.0, "endpoints": 1, "weather": CALM, "range_max": 10}
    return replace(plan_of(1), **(given | SHORT[shape]))


def outlives_kills(shape: str, most: int | None = None) -> int:
    plan = short_plan(shape)
    boundaries = Storm(plan).run().boundaries
    step = 1 if most is None else boundaries // most
    for at in range(1, boundaries, step):
        outcome = Storm(plan, kill_at=at).run()
        assert outcome.differences == [], f"killed at boundary {at} of {boundaries}"
        assert sum(n for kind, n in outcome.injected.items() if kind.startswith("kill")) == 1
    return boundaries


@pytest.mark.parametrize("shape", SHORT)
def test_a_kill_here_and_there_is_outlived(shape: str) -> None:
    assert outlives_kills(shape, A_FEW) > 300


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", SHORT)
def test_a_kill_at_any_boundary_is_outlived(shape: str) -> None:
    outlives_kills(shape)
