"""History in big steps: ranges of final blocks, fetched ahead, folded in memory, written in bulk.

Three stages overlap: threads fetch, this thread decodes and folds, another process makes the documents
and writes (`scribe`; where there is little to do, a thread). A batch is one commit with its checkpoint, so
that a crash or Ctrl-C anywhere loses only what was not yet committed.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic

from msgspec.structs import replace

from chain.values import BlockRef, Hash, Header
from indexer.blocks import LoggedBlock
from indexer.changes import Books
from indexer.digest import moved
from indexer.evidence import tally_of
from indexer.fetch import RangePlan, fetch_ahead
from indexer.folded import folded
from indexer.following import Following, Prepared, may_link
from indexer.gather import Fetched, Gatherer
from indexer.interpret import Interpreter
from indexer.ports import Chain
from indexer.rolling import links
from indexer.scribe import COLLECT_AFTER_ALLOCATIONS, scribe
from indexer.settled import check_end, linked, settled
from indexer.standing import Standing
from indexer.state import AssetKey, MarketState
from indexer.states import load
from indexer.telling import Fact, fact_of_bulk
from indexer.world import World, needs_of
from indexer.writing import Batch, Write, commit_of, one_behind
from store.address import address_of
from store.ledger import Ledger
from store.spans import Span

EVENTS_PER_COMMIT = 8_000
SECONDS_PER_COMMIT = 1.0
HAND_OVER_SECONDS = 0.001
"""Five times as often as usual: the writing thread needs the interpreter back after every answer."""
WORTH_A_PROCESS = 1000
"""Blocks to index, from which on starting another process pays."""
KEPT_STATES = 24_000
"""Asset states held between batches; more are read again from the store."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill is, after a commit; `events` and `seconds` are of this run."""

    from_block: int
    block: int
    to_block: int
    events: int
    seconds: float


class Backfill:
    """Indexes from the block after our tip up to a final block. Use once."""

    def __init__(
        self,
        chain: Chain,
        ledger: Ledger,
        gatherer: Gatherer,
        following: Following,
        market: MarketState,
        standing: Standing,
        *,
        range_max: int,
        depth: int,
        fetches_at_once: int = 3,
        somebody_listens: bool = False,
    ) -> None:
        """`depth`: blocks of a branch that may still lose, at most.

        `somebody_listens`: rows were told before, so whoever heard them must hear that there are more.
        """
        self.standing = standing
        self._chain = chain
        self._ledger = ledger
        self._gatherer = gatherer
        self._following = following
        self._range_max = range_max
        self._depth = depth
        self._at_once = fetches_at_once
        self._somebody_listens = somebody_listens
        self._books = Books(following.contracts.marketplace)
        self._world = World(Interpreter(following.contracts.marketplace, following.contracts.agent), market)
        self._ages: dict[AssetKey, int] = {}
        self._batch = 0
        self._batches_since_approval = 0

    @property
    def market(self) -> MarketState:
        return self._world.market

    def run(
        self, end: BlockRef, stopping: Callable[[], bool], on_progress: Callable[[Progress], None]
    ) -> None:
        """Index up to a final block, inclusive; returns early when `stopping`."""
        started = monotonic()
        events_before = self.standing.events
        first_block = self.standing.tip.number + 1 if self.standing.tip else self.standing.start_block

        def written(block: int, events: int) -> None:
            on_progress(Progress(first_block, block, end.number, events, monotonic() - started))

        blocks = end.number - first_block + 1
        with _tuned_interpreter(), self._writer(blocks) as write, one_behind(write) as hand_over:
            for fetched in self._ranges(end, stopping):
                batch = self._fold(fetched)
                events = self.standing.events - events_before
                batch.checkpoint["eventsPerSecond"] = round(events / (monotonic() - started), 1)
                hand_over(batch, partial(written, fetched.to_header.number, events))

    @contextmanager
    def _writer(self, blocks: int) -> Iterator[Write]:
        """Who commits: this process, or one of its own where there is enough to do."""
        address = address_of(self._ledger)
        if address is not None and blocks >= WORTH_A_PROCESS:
            with scribe(address, self._books.marketplace) as write:
                yield lambda batch: self._written_by_another(write, batch)
        else:
            yield lambda batch: self._ledger.commit(commit_of(batch, self._books))

    def _written_by_another(self, write: Write, batch: Batch) -> None:
        write(batch)
        self._ledger.catch_up()

    # --- what to fold together --------------------------------------------------------

    def _ranges(self, end: BlockRef, stopping: Callable[[], bool]) -> Iterator[Fetched]:
        """Fetched ranges in order, joined into batches; fetching starts anew after a block that links
        contracts we did not ask about."""
        next_block = self.standing.tip.number + 1 if self.standing.tip else self.standing.start_block
        while next_block <= end.number and not stopping():
            plan = RangePlan(next_block, end.number, self._range_max)
            addresses = self._following.addresses(self.market)
            fetching = fetch_ahead(self._gatherer, plan, addresses, at_once=self._at_once)
            try:
                for fetched in joined(settled(linked(fetching, self.standing.tip), self._depth, end)):
                    linking = self._first_stranger(fetched)
                    if linking is not None:
                        yield from self._up_to_stranger(fetched, linking)
                        next_block = linking.number + 1
                        break
                    yield fetched
                    next_block = fetched.to_header.number + 1
                    if stopping():
                        return
            finally:
                fetching.close()

    def _first_stranger(self, fetched: Fetched) -> LoggedBlock | None:
        """The first block that links a contract whose logs were not asked for."""
        addresses = self._following.addresses(self.market)
        for block in fetched.blocks:
            if may_link(block):
                decoded = self._following.decode(block, self.market)
                if self._following.links_strangers(decoded, addresses):
                    return block
        return None

    def _up_to_stranger(self, fetched: Fetched, linking: LoggedBlock) -> Iterator[Fetched]:
        before = [block for block in fetched.blocks if block.number < linking.number]
        if linking.number > fetched.from_block:
            parent = self._header_of(linking.number - 1, linking.parent_hash)
            events = sum(block.event_count for block in before)
            yield Fetched(fetched.from_block, fetched.parent_hash, parent, before, events)
        header = self._header_of(linking.number, linking.hash)
        yield Fetched(
            linking.number, header.parent_hash, header, [linking], linking.event_count, prepare_again=True
        )

    def _header_of(self, number: int, block_hash: Hash) -> Header:
        (header,) = self._chain.headers([number])
        check_end(header.ref, BlockRef(number, block_hash))
        return header

    # --- fold -------------------------------------------------------------------------

    def _fold(self, fetched: Fetched) -> Batch:
        self._batch += 1
        world = self._world
        world.start_batch()
        prepared = self._prepared(fetched)
        decoded_events = [
            event
            for each in prepared
            for decoded in (*each.adopted, each.decoded)
            for transaction in decoded.transactions
            for event in transaction.events
        ]
        load(world, needs_of(decoded_events, world.market), self._ledger)
        for each in prepared:
            world.apply(each.decoded, each.adopted)
        blocks = [each.decoded.block for each in prepared]
        rolling = {link.block.number: link.digest for link in links(self.standing.rolling, blocks)}
        tip_before = self.standing.tip
        self.standing = self._after(
            world, fetched.to_header, sum(block.event_count for block in blocks), rolling
        )
        batch = Batch(
            folded(world, [each.decoded for each in prepared], rolling),
            self.standing.fields() | self._gatherer.blooms.news(),
            tally_of(blocks, fetched.from_block, fetched.to_header.number),
            Span(fetched.from_block, fetched.to_header.number, "logs-only"),
            self._told(fetched.to_header.ref, tip_before),
        )
        self._remember_only_recent()
        return batch

    def _told(self, tip: BlockRef, tip_before: BlockRef | None) -> list[Fact]:
        """With each batch: whoever crashes after one has told of it."""
        return [fact_of_bulk(tip, tip_before)] if self._somebody_listens and tip_before is not None else []

    def _prepared(self, fetched: Fetched) -> list[Prepared]:
        market = self.market
        if fetched.prepare_again:
            return [self._following.prepare(fetched.to_header, None, market)]
        return [Prepared(self._following.decode(block, market)) for block in fetched.blocks]

    def _after(self, world: World, to_header: Header, events: int, rolling: Mapping[int, bytes]) -> Standing:
        digest = self.standing.digest
        tip = BlockRef(to_header.number, to_header.hash)
        return replace(
            self.standing,
            state="backfilling",
            tip=tip,
            tip_timestamp=to_header.timestamp,
            finalized=tip,
            events=self.standing.events + events,
            quarantined=self.standing.quarantined + len(world.rejected),
            digest=None if digest is None else moved(digest, world),
            rolling=[self.standing.rolling, *rolling.values()][-1],
        )

    def _remember_only_recent(self) -> None:
        """Bound the memory; the last two batches may not be in the store yet and stay."""
        world, ages = self._world, self._ages
        for key in world.before:
            ages.pop(key, None)
            ages[key] = self._batch
        self._batches_since_approval = 0 if world.operators_before else self._batches_since_approval + 1
        if len(world.operators) > KEPT_STATES and self._batches_since_approval > 2:
            world.operators.clear()
        surplus = len(world.assets) - KEPT_STATES
        for key in [key for key in world.assets if key not in ages] if surplus > 0 else ():
            ages[key] = 0
        for key in list(ages)[: max(surplus, 0)]:
            if ages[key] < self._batch - 2:
                del world.assets[key], ages[key]


def joined(ranges: Iterator[Fetched]) -> Iterator[Fetched]:
    """Join adjacent ranges until they are worth a commit: enough events, or a second has passed."""
    pending: Fetched | None = None
    since = monotonic()
    for fetched in ranges:
        pending = fetched if pending is None else pending.joined_with(fetched)
        if pending.event_count >= EVENTS_PER_COMMIT or monotonic() - since >= SECONDS_PER_COMMIT:
            yield pending
            pending, since = None, monotonic()
    if pending is not None:
        yield pending


@contextmanager
def _tuned_interpreter() -> Iterator[None]:
    """Millions of short-lived documents without cycles, and three threads that wait for one another:
    look for cycles less often, and hand over more often."""
    usual, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_ALLOCATIONS, 50, 50)
    sys.setswitchinterval(HAND_OVER_SECONDS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
        sys.setswitchinterval(interval)
