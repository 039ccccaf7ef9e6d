"""All states after a block, folded from the nearest height that is kept in memory."""

from __future__ import annotations

from dataclasses import dataclass

from chain.decode import Decoder
from indexer.block_documents import read_blocks
from indexer.blocks import LoggedBlock
from indexer.following import Contracts, Rereading
from indexer.interpret import Interpreter
from indexer.market_documents import market_state
from indexer.replay import NothingIndexed
from indexer.rolling import START
from indexer.shelf import STATES_KEPT, Kept, Shelf
from indexer.world import World
from store.chronicle import Chronicle, Mark

BLOCKS_AT_ONCE = 100


class TooMuchAtOnce(RuntimeError):
    """More history than one request may fold; the part that was folded is kept, if there was any."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`events` folded by one request, `blocks` read for single tokens; what is kept in memory."""

    events: int = 30_000
    blocks: int = 2_000
    states: int = STATES_KEPT
    documents: int = 20_000
    keep_every: int = 250
    """Events between two heights that are kept."""
    searched: int = 20_000
    """Blocks that one request looks through for changes of the configuration."""
    worth: int = 10
    """Folding everything may take so many times the blocks that single tokens need: it serves others, too."""


class Recall:
    """How raw blocks are read again, and what they begin from."""

    def __init__(self, contracts: Contracts, decoder: Decoder) -> None:
        self.contracts, self._decoder = contracts, decoder
        self.interpreter = Interpreter(contracts.marketplace, contracts.agent)

    def rereading(self) -> Rereading:
        """Whom a decoder follows depends on how far it has read: each fold begins with a new one."""
        return Rereading(self.contracts, self._decoder.anew())

    def beginning(self, chronicle: Chronicle) -> World:
        """Nothing but what the constructors set. Raises NothingIndexed."""
        seed = chronicle.seed()
        if seed is None:
            raise NothingIndexed
        return World(self.interpreter, market_state(seed))


class Heights:
    """Used by one thread at a time."""

    def __init__(self, recall: Recall, limits: Limits) -> None:
        self._recall, self._limits = recall, limits
        self._shelf = Shelf(limits.states)

    def if_near(self, chronicle: Chronicle, mark: Mark | None, blocks: int) -> Kept | None:
        """All states, where that takes no more blocks than this; None otherwise."""
        if mark is None:
            return None
        start = self._shelf.nearest(mark.number, chronicle)
        above = start.number if start else -1
        far = chronicle.number_after(blocks, above, mark.number) is not None
        return None if far else self.at(chronicle, mark)

    def at(self, chronicle: Chronicle, mark: Mark | None) -> Kept:
        """All states after a block with events; at the beginning, for None. Raises TooMuchAtOnce."""
        if mark is None:
            return Kept(-1, START, self._recall.beginning(chronicle).market, {}, {})
        start = self._shelf.nearest(mark.number, chronicle) or self.at(chronicle, None)
        return self._fold(chronicle, start, mark)

    def _fold(self, chronicle: Chronicle, kept: Kept, mark: Mark) -> Kept:
        world = World(self._recall.interpreter, kept.market, dict(kept.assets), dict(kept.operators))
        rereading, folded, at_last_kept = self._recall.rereading(), 0, 0
        above = kept.number
        while above < mark.number:
            world.start_batch()
            for block in read_blocks(chronicle.blocks(above, mark.number, BLOCKS_AT_ONCE)):
                prepared = rereading.remember(block, world.market)
                world.apply(prepared.decoded, prepared.adopted)
                folded += block.event_count
                above = block.number
                enough = max(self._limits.keep_every, len(world.assets))
                if above == mark.number or folded - at_last_kept >= enough:
                    kept, at_last_kept = _copied(world, block), folded
                    self._shelf.keep(kept)
            if folded >= self._limits.events and above < mark.number:
                self._shelf.keep(_copied(world, block))
                raise TooMuchAtOnce(f"history is folded up to block {above} of {mark.number} so far")
        return kept


def _copied(world: World, block: LoggedBlock) -> Kept:
    rolling = block.rolling or START
    return Kept(block.number, rolling, world.market, dict(world.assets), dict(world.operators))
