"""The program as it is, in a small world: no threads, no clock of the machine, and short distances."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any

import chain.examination
import indexer.backfill
import indexer.fetch
import indexer.service
import indexer.session
import store.lease
from tests.simulation.clock import InlinePool, VirtualClock
from tests.simulation.plan import Plan


@contextmanager
def small_world(plan: Plan, clock: VirtualClock, rng: Random) -> Iterator[None]:
    """Everything that the machine decides elsewhere is decided by the seed in here."""

    class Pool(InlinePool):
        at_once = staticmethod(lambda: rng.random() < 0.5)

    with ExitStack() as undo:
        undo.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)
        undo.callback(random.setstate, random.getstate())
        random.seed(f"jitter {plan.seed}")
        for module in (indexer.fetch, indexer.backfill, chain.examination):
            _set(undo, module, "ThreadPoolExecutor", Pool)
        for module in (indexer.backfill, indexer.service, store.lease):
            _set(undo, module, "monotonic", clock.monotonic)
        _set(undo, indexer.session, "LIVE_REACH", plan.live_reach)
        _set(undo, indexer.backfill, "EVENTS_PER_COMMIT", plan.events_per_commit)
        _set(undo, indexer.backfill, "KEPT_STATES", plan.kept_states)
        _set(undo, indexer.fetch, "FIRST_RANGE", plan.range_max)
        yield


def _set(undo: ExitStack, module: Any, name: str, value: Any) -> None:
    undo.callback(setattr, module, name, getattr(module, name))
    setattr(module, name, value)
