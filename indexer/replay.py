"""Fold history again from `chainEvents` and the seed alone, without asking the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from indexer.block_documents import read_blocks
from indexer.blocks import LoggedBlock
from indexer.digest import digest_of
from indexer.following import Following, Prepared
from indexer.interpret import Interpreter
from indexer.market_documents import market_state
from indexer.rolling import START, rolled
from indexer.standing import Standing
from indexer.state import AssetState
from indexer.window import Bases
from indexer.world import World
from store.ledger import Ledger

BLOCKS_PER_BATCH = 500
OnBatch = Callable[[World, list[Prepared]], None]
Item = TypeVar("Item")


class NothingIndexed(RuntimeError):
    """There is no history to fold."""

    def __init__(self) -> None:
        super().__init__("nothing was indexed yet: run `dvault backfill` or `dvault run` first")


@dataclass(slots=True)
class Replayed:
    """The states after a replay, and at finality those of what later blocks touched."""

    world: World
    bases: Bases
    blocks: int = 0
    events: int = 0
    rejected: int = 0
    rolling: bytes = START
    """The rolling digest of what was folded."""
    altered: list[int] = field(default_factory=list)
    """Blocks whose stored events are not what their stored rolling digest says."""
    stored_rolling: bytes = START

    @property
    def assets(self) -> list[AssetState]:
        return [state for state in self.world.assets.values() if state is not None]

    def roll(self, block: LoggedBlock) -> None:
        """Take a block into the digests, and hold it against what is stored with it."""
        stored_before, self.stored_rolling = self.stored_rolling, block.rolling or b""
        follows = rolled(stored_before, block)
        if follows != block.rolling:
            self.altered.append(block.number)
        self.rolling = follows if self.rolling == stored_before else rolled(self.rolling, block)

    def digest(self) -> int:
        approving = [key for key, approved in self.world.operators.items() if approved]
        return digest_of(self.assets, approving, self.world.market)


def replay(
    ledger: Ledger, following: Following, standing: Standing, up_to: int, on_batch: OnBatch | None = None
) -> Replayed:
    """The states after block `up_to`; each batch is shown before the next one begins."""
    market = market_state(ledger.market("seed"))
    replayed = Replayed(
        World(Interpreter(following.contracts.marketplace, following.contracts.agent), market), Bases(market)
    )
    finalized = standing.finalized.number if standing.finalized else -1
    for blocks in batches(read_blocks(ledger.blocks(-1, up_to)), BLOCKS_PER_BATCH):
        replayed.world.start_batch()
        prepared = [_folded(replayed, following, block, finalized) for block in blocks]
        replayed.rejected += len(replayed.world.rejected)
        if on_batch is not None:
            on_batch(replayed.world, prepared)
    return replayed


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items; the last one may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _folded(replayed: Replayed, following: Following, block: LoggedBlock, finalized: int) -> Prepared:
    world = replayed.world
    prepared = following.remember(block, world.market)
    if block.number <= finalized:
        world.apply(prepared.decoded, prepared.adopted)
        replayed.bases.market = world.market
    else:
        _fold_with_bases(replayed, prepared)
    replayed.roll(block)
    replayed.blocks += 1
    replayed.events += block.event_count
    return prepared


def _fold_with_bases(replayed: Replayed, prepared: Prepared) -> None:
    """Fold a block of the window, keeping the states at finality of what it touches first."""
    world, bases = replayed.world, replayed.bases
    assets_before, operators_before = world.before, world.operators_before
    world.before, world.operators_before = {}, {}
    world.apply(prepared.decoded, prepared.adopted)
    for key, state in world.before.items():
        bases.assets.setdefault(key, state)
        assets_before.setdefault(key, state)
    for operator, said in world.operators_before.items():
        bases.operators.setdefault(operator, said)
        operators_before.setdefault(operator, said)
    world.before, world.operators_before = assets_before, operators_before
