"""What a folded batch adds and changes, as plain values: all that must be known to write it down. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from chain.events import EVENTS
from indexer.asset_documents import market_facts
from indexer.blocks import BadLog, DecodedBlock, LoggedBlock
from indexer.rows import Deed, PricePoint
from indexer.state import AssetKey, AssetState, MarketState, OperatorKey
from indexer.world import World

OF_A_TOKEN = frozenset(
    kind for kinds in EVENTS.values() for kind in kinds.values() if "token_id" in kind.__struct_fields__
)
Extent = Literal["new", "all", "price"]
"""How much of an asset is to be written; often only the price has moved."""


class EventfulBlock(msgspec.Struct, frozen=True):
    """A block with events, its rolling digest, and the tokens that it speaks of."""

    block: LoggedBlock
    tokens: list[int]


class ChangedAsset(msgspec.Struct, frozen=True, gc=False):
    """An asset as it is now; whether its owner lets the marketplace sell it, where that matters."""

    state: AssetState
    approved: bool
    extent: Extent


class Folded(msgspec.Struct, frozen=True):
    """Everything a batch leaves behind."""

    blocks: list[EventfulBlock]
    deeds: list[Deed]
    points: list[PricePoint]
    rejected: list[tuple[LoggedBlock, BadLog]]
    assets: list[ChangedAsset]
    operators: list[tuple[OperatorKey, bool]]
    market: MarketState | None
    """None where the configuration stays."""


def folded(world: World, blocks: Iterable[DecodedBlock], rolling: Mapping[int, bytes]) -> Folded:
    """What the world's batch adds and changes; `rolling`: the rolling digest by number of block."""
    return Folded(
        blocks=[
            EventfulBlock(replace(each.block, rolling=rolling[each.block.number]), tokens_of(each))
            for each in blocks
            if each.block.event_count
        ],
        deeds=world.deeds,
        points=world.points,
        rejected=[(decoded.block, bad) for decoded, bad in world.rejected],
        assets=list(_changed_assets(world)),
        operators=[(key, world.is_operator_approved(key)) for key in world.operators_before],
        market=None if world.market == world.market_before else world.market,
    )


def tokens_of(decoded: DecodedBlock) -> list[int]:
    """The tokens that a block speaks of, in order."""
    return sorted(
        {
            event.token_id  # type: ignore[attr-defined]
            for transaction in decoded.transactions
            for event in transaction.events
            if type(event) in OF_A_TOKEN
        }
    )


def is_sellable(state: AssetState, world: World) -> bool:
    """Whether an asset is for sale and its owner lets the marketplace sell it."""
    return state.is_for_sale and world.is_operator_approved((state.contract, state.owner))


def _changed_assets(world: World) -> Iterator[ChangedAsset]:
    for key, before in world.before.items():
        state = _known(world, key)
        extent: Extent = "new" if before is None else _extent(before, state, world)
        yield ChangedAsset(state, is_sellable(state, world), extent)
    for key in listed_by_changed_operators(world):
        state = _known(world, key)
        yield ChangedAsset(state, is_sellable(state, world), "all")


def _extent(before: AssetState, state: AssetState, world: World) -> Extent:
    """Mostly only the price moves; approvals that change may make anything purchasable or not."""
    moved = world.operators_before or market_facts(before) != market_facts(state)
    return "all" if moved else "price"


def listed_by_changed_operators(world: World) -> list[AssetKey]:
    """Untouched assets whose purchasability changes, because their lister's approval did."""
    if not world.operators_before:
        return []
    return [
        key
        for key, state in world.assets.items()
        if state is not None
        and state.listing is not None
        and (state.contract, state.listing.seller) in world.operators_before
        and key not in world.before
    ]


def _known(world: World, key: AssetKey) -> AssetState:
    state = world.assets[key]
    if state is None:
        raise AssertionError(f"a fold left no state of {key}")
    return state
