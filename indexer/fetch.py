"""Fetch ranges ahead of the fold: several at once, in order, no more than a bounded number waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from chain.values import Address
from indexer.gather import Fetched, Gatherer

EVENTS_PER_RANGE = 4000
"""What a range should hold: big enough to be cheap, small enough for several to fit in memory."""
FIRST_RANGE = 100
GROWTH = 4


@dataclass(slots=True)
class RangePlan:
    """Sizes ranges by how dense the last ones were. Pure."""

    next_block: int
    to_block: int
    largest: int
    size: int = FIRST_RANGE

    def take(self) -> tuple[int, int] | None:
        """The next range, both ends inclusive; None when all were taken."""
        if self.next_block > self.to_block:
            return None
        first = self.next_block
        last = min(first + min(self.size, self.largest) - 1, self.to_block)
        self.next_block = last + 1
        return first, last

    def learn(self, blocks: int, events: int) -> None:
        """Aim at EVENTS_PER_RANGE, given what a range of so many blocks held."""
        fitting = blocks * EVENTS_PER_RANGE // max(events, 1)
        self.size = max(1, min(fitting, blocks * GROWTH, self.largest))


def fetch_ahead(
    gatherer: Gatherer, plan: RangePlan, addresses: Sequence[Address], *, at_once: int
) -> Generator[Fetched, None, None]:
    """Yield the ranges of the plan in order, `at_once` of them under way. Errors surface in order, too."""
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="fetch")
    waiting: deque[Future[Fetched]] = deque()
    try:
        while True:
            while len(waiting) < at_once and (taken := plan.take()) is not None:
                waiting.append(pool.submit(gatherer.range, *taken, addresses))
            if not waiting:
                return
            fetched = waiting.popleft().result()
            plan.learn(fetched.to_header.number - fetched.from_block + 1, fetched.event_count)
            yield fetched
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)
