"""The blocks that may still be taken back, and the states to fold again from when they are. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chain.values import BlockRef, Header
from indexer.blocks import DecodedBlock, Evidence
from indexer.state import AssetKey, AssetState, MarketState, OperatorKey
from indexer.world import World

WorldOf = Callable[[MarketState, dict[AssetKey, AssetState | None], dict[OperatorKey, bool | None]], World]


@dataclass(slots=True)
class Applied:
    """A block of the window: what it said and whom it touched."""

    header: Header
    decoded: DecodedBlock | None = None
    adopted: tuple[DecodedBlock, ...] = ()
    assets: frozenset[AssetKey] = frozenset()
    operators: frozenset[OperatorKey] = frozenset()
    rejected: int = 0
    evidence: Evidence = "logs-only"

    @property
    def events(self) -> int:
        return self.decoded.block.event_count if self.decoded else 0


@dataclass(slots=True)
class Bases:
    """The states at finality of everything the window touched; None where there was no such asset."""

    market: MarketState
    assets: dict[AssetKey, AssetState | None] = field(default_factory=dict)
    operators: dict[OperatorKey, bool | None] = field(default_factory=dict)


@dataclass(slots=True)
class Window:
    """finalized < every block of `blocks` ≤ tip, without gaps, linked by parent hash."""

    finalized: BlockRef
    bases: Bases
    blocks: dict[int, Applied] = field(default_factory=dict)

    @property
    def tip(self) -> BlockRef:
        return self.blocks[max(self.blocks)].header.ref if self.blocks else self.finalized

    def ref(self, number: int) -> BlockRef | None:
        """Our block at a height, as far down as finality."""
        if number == self.finalized.number:
            return self.finalized
        applied = self.blocks.get(number)
        return applied.header.ref if applied else None

    @property
    def headers(self) -> list[Header]:
        """Of all its blocks, oldest first."""
        return [self.blocks[number].header for number in sorted(self.blocks)]

    def evidence(self, above: int, up_to: int) -> dict[int, Evidence]:
        """How the blocks above one height, up to another, are vouched for."""
        return {n: self.blocks[n].evidence for n in sorted(self.blocks) if above < n <= up_to}

    def touched_above(self, number: int) -> tuple[set[AssetKey], set[OperatorKey]]:
        """Everything that blocks above a height touched."""
        assets: set[AssetKey] = set()
        operators: set[OperatorKey] = set()
        for height, applied in self.blocks.items():
            if height > number:
                assets |= applied.assets
                operators |= applied.operators
        return assets, operators

    def first_touched(self, world: World) -> Bases:
        """What a folded block touches first in this window: the states before it are their bases."""
        return Bases(
            self.bases.market,
            {key: state for key, state in world.before.items() if key not in self.bases.assets},
            {k: said for k, said in world.operators_before.items() if k not in self.bases.operators},
        )

    def add(self, applied: Applied, first: Bases) -> None:
        """Take a block on."""
        self.bases.assets |= first.assets
        self.bases.operators |= first.operators
        self.blocks[applied.header.number] = applied

    def refold(self, up_to: int, world_of: WorldOf) -> World:
        """The states after block `up_to`, of everything the window touched."""
        world = world_of(self.bases.market, dict(self.bases.assets), dict(self.bases.operators))
        for number in sorted(self.blocks):
            applied = self.blocks[number]
            if number <= up_to and applied.decoded is not None:
                world.apply(applied.decoded, applied.adopted)
        return world

    def bases_at(self, number: int, world_of: WorldOf) -> Bases:
        """The bases once finality has passed a height: of what blocks above it touched."""
        world = self.refold(number, world_of)
        assets, operators = self.touched_above(number)
        return Bases(
            world.market,
            {key: world.assets[key] for key in self.bases.assets if key in assets},
            {key: world.operators[key] for key in self.bases.operators if key in operators},
        )

    def settle(self, finalized: BlockRef, bases: Bases) -> None:
        """Move finality up to a block of the window."""
        self.bases, self.finalized = bases, finalized
        for number in [number for number in self.blocks if number <= finalized.number]:
            del self.blocks[number]

    def truncate(self, ancestor: int) -> None:
        """Forget the blocks above a height and the bases that nobody needs any more."""
        for number in [number for number in self.blocks if number > ancestor]:
            del self.blocks[number]
        assets, operators = self.touched_above(self.finalized.number)
        self.bases.assets = {key: base for key, base in self.bases.assets.items() if key in assets}
        self.bases.operators = {k: base for k, base in self.bases.operators.items() if k in operators}
