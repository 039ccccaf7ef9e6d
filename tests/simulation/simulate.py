"""`make simulate`: runs seeds and says what differed. The last line is one line of JSON."""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.simulation.storm import Outcome, told

SHOWN = 12
"""Differences of a seed that are printed; more of them say no more."""
WIDEST = 1500
"""Characters of one difference, a traceback included."""
FEWEST_BLOCKS, FEWEST_FORKS = 200, 5
SEEDS_PER_COLLECTION = 10
"""Backfills tune the interpreter so that it puts whole collections off: each seed leaves 6 MB behind."""


class Ran(NamedTuple):
    outcome: Outcome
    cpu_seconds: float


def run_seed(seed: int) -> Ran:
    """On the fake store."""
    before = time.process_time()
    outcome = told(seed)
    if seed % SEEDS_PER_COLLECTION == 0:
        gc.collect()
    return Ran(outcome, time.process_time() - before)


def ran(seeds: range, store: str, workers: int) -> Iterator[Ran]:
    """In the order of the seeds, in several processes; on the real server in this one."""
    if store == "mongo":
        from tests.simulation.real_store import on_real_server

        yield from (Ran(*each) for each in on_real_server(seeds))
    elif workers == 1 or len(seeds) == 1:
        yield from map(run_seed, seeds)
    else:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            yield from pool.imap(run_seed, seeds, chunksize=4)


def failing(outcome: Outcome, store: str) -> str:
    """Everything somebody needs who wants to see it again."""
    shown = [f"  {each[:WIDEST]}" for each in outcome.differences[:SHOWN]]
    hidden = len(outcome.differences) - len(shown)
    more = [f"  ... and {hidden} more"] if hidden > 0 else []
    again = f"  again: make simulate SEED={outcome.seed} STORE={store}"
    return "\n".join([f"seed {outcome.seed} differs (trace {outcome.trace}):", *shown, *more, again])


class Summary:
    """What all seeds came to."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.seeds = self.differences = 0
        self.cpu_seconds = 0.0
        self.totals: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()
        self.fewest = {"blocks": 10**9, "forks": 10**9}

    def add(self, each: Ran) -> None:
        outcome = each.outcome
        self.seeds += 1
        self.differences += bool(outcome.differences)
        self.cpu_seconds += each.cpu_seconds
        self.injected += outcome.injected
        for name in ("blocks", "forks", "rewinds", "processes", "looks", "edits"):
            self.totals[name] += getattr(outcome, name)
        for name, fewest in self.fewest.items():
            self.fewest[name] = min(fewest, getattr(outcome, name))

    def told(self) -> dict[str, Any]:
        seconds = time.monotonic() - self._started
        return {
            "seeds": self.seeds,
            "differences": self.differences,
            "seedsPerSecond": round(self.seeds / seconds, 2),
            "seedsPerCpuSecond": round(self.seeds / self.cpu_seconds, 2) if self.cpu_seconds else None,
            **dict(self.totals),
            "fewestBlocks": self.fewest["blocks"],
            "fewestForks": self.fewest["forks"],
            "faultsInjected": self.injected.total(),
            "kindsOfFaults": len(self.injected),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Simulate the indexer by seeds.")
    parser.add_argument("--seeds", type=int, help="how many; one, if --seed is given, else 100")
    parser.add_argument("--seed", type=int, help="the first")
    parser.add_argument("--store", choices=["fake", "mongo"], default="fake")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    first = options.seed or 0
    count = options.seeds or (100 if options.seed is None else 1)
    summary = Summary()
    for each in ran(range(first, first + count), options.store, options.workers):
        summary.add(each)
        if each.outcome.differences:
            sys.stdout.write(failing(each.outcome, options.store) + "\n")
        elif count == 1:
            sys.stdout.write(f"seed {first}: trace {each.outcome.trace}\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps(summary.told()) + "\n")
    return 1 if summary.differences else 0


if __name__ == "__main__":
    sys.exit(main())
