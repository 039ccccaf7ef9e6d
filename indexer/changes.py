"""What a folded batch means for the documents: a world → the parts of a commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from chain.values import Address
from indexer.asset_documents import asset_fields, market_facts, new_asset, price_fields
from indexer.block_documents import chain_events_documents
from indexer.blocks import DecodedBlock
from indexer.market_documents import market_document, operator_id
from indexer.row_documents import price_document, quarantine_document, transaction_document
from indexer.state import AssetKey, AssetState, MarketState, OperatorKey
from indexer.world import World
from store.commit import Change, Commit
from store.identity import asset_id


class Books:
    """Turns worlds into documents; knows the marketplace, which purchasability depends on."""

    def __init__(self, marketplace: Address) -> None:
        self.marketplace = marketplace

    def commit_of(
        self,
        world: World,
        blocks: Iterable[DecodedBlock],
        checkpoint: dict[str, Any],
        rolling: Mapping[int, bytes],
    ) -> Commit:
        """Everything the batch adds and changes; `rolling`: the rolling digest by number of block."""
        new, changed = self._assets(world)
        return Commit(
            checkpoint=checkpoint,
            chain_events=[
                document
                for block in blocks
                if block.block.event_count
                for document in event_documents(block, rolling[block.block.number])
            ],
            transactions=[transaction_document(deed) for deed in world.deeds],
            prices=[price_document(point) for point in world.points],
            quarantined=[quarantine_document(decoded.block, bad) for decoded, bad in world.rejected],
            new_assets=new,
            changed_assets=changed,
            changed_operators=[self.operator(key, world) for key in world.operators_before],
            markets=self.markets(world),
        )

    def new(self, state: AssetState, world: World) -> Mapping[str, Any]:
        return new_asset(state, self.marketplace, self._is_operator_approved(state, world))

    def fields(self, state: AssetState, world: World) -> dict[str, Any]:
        return asset_fields(state, self.marketplace, self._is_operator_approved(state, world))

    def operator(self, key: OperatorKey, world: World) -> Change:
        contract, owner = key
        said = {"contractAddress": contract, "owner": owner, "approved": world.is_operator_approved(key)}
        return operator_id(contract, owner), said, {}

    def markets(self, world: World) -> list[dict[str, Any]]:
        if world.market == world.market_before:
            return []
        return [named_market("market", world.market)]

    def _assets(self, world: World) -> tuple[list[Mapping[str, Any]], list[Change]]:
        new: list[Mapping[str, Any]] = []
        changed: list[Change] = []
        for key, before in world.before.items():
            state = _known(world, key)
            if before is None:
                new.append(self.new(state, world))
            else:
                changed.append((asset_id(*key), self._moved_fields(before, state, world), {}))
        for key in listed_by_changed_operators(world):
            changed.append((asset_id(*key), self.fields(_known(world, key), world), {}))
        return new, changed

    def _moved_fields(self, before: AssetState, state: AssetState, world: World) -> dict[str, Any]:
        """Mostly only the price moves; approvals that change may make anything purchasable or not."""
        if world.operators_before or market_facts(before) != market_facts(state):
            return self.fields(state, world)
        return price_fields(state)

    def _is_operator_approved(self, state: AssetState, world: World) -> bool:
        return state.is_for_sale and world.is_operator_approved((state.contract, state.owner))


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


def named_market(name: str, market: MarketState) -> dict[str, Any]:
    """The configuration "market" (now), "base" (at finality) or "seed" (at the start)."""
    return {"_id": name, **market_document(market)}


def event_documents(decoded: DecodedBlock, rolling: bytes) -> list[Any]:
    """The raw truth about a block, with the tokens it speaks of."""
    tokens = (
        token_id
        for transaction in decoded.transactions
        for event in transaction.events
        if (token_id := getattr(event, "token_id", None)) is not None
    )
    return list(chain_events_documents(replace(decoded.block, rolling=rolling), tokens))


def _known(world: World, key: AssetKey) -> AssetState:
    state = world.assets[key]
    if state is None:
        raise AssertionError(f"a fold left no state of {key}")
    return state
