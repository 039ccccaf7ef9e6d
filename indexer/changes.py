"""What a folded batch means for the documents: plain values → the parts of a commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from chain.values import Address
from indexer.asset_documents import asset_fields, new_asset, price_fields
from indexer.block_documents import chain_events_documents, chunk_document, chunks_of
from indexer.blocks import DecodedBlock
from indexer.folded import ChangedAsset, Folded, folded, is_sellable, tokens_of
from indexer.market_documents import market_document, operator_id
from indexer.row_documents import price_document, quarantine_document, transaction_document
from indexer.state import AssetState, MarketState, OperatorKey
from indexer.world import World
from store.bulk import Lazily
from store.commit import Change, Commit
from store.documents import AssetDocument
from store.identity import asset_id


class Books:
    """Turns what was folded into documents; knows the marketplace, which purchasability depends on."""

    def __init__(self, marketplace: Address) -> None:
        self.marketplace = marketplace

    def commit_of(
        self,
        world: World,
        blocks: Iterable[DecodedBlock],
        checkpoint: dict[str, Any],
        rolling: Mapping[int, bytes],
    ) -> Commit:
        """Everything the world's batch adds and changes; `rolling`: the rolling digest by number of block."""
        return self.commit(folded(world, blocks, rolling), checkpoint)

    def commit(self, done: Folded, checkpoint: dict[str, Any]) -> Commit:
        """Everything a folded batch adds and changes."""
        return Commit(
            checkpoint=checkpoint,
            chain_events=Lazily(
                chunk_document,
                [chunk for each in done.blocks for chunk in chunks_of(each.block, each.tokens)],
            ),
            transactions=Lazily(transaction_document, done.deeds),
            prices=Lazily(price_document, done.points),
            quarantined=[quarantine_document(block, bad) for block, bad in done.rejected],
            new_assets=Lazily(self._new, [each for each in done.assets if each.extent == "new"]),
            changed_assets=Lazily(self._change, [each for each in done.assets if each.extent != "new"]),
            changed_operators=[_operator_change(key, approved) for key, approved in done.operators],
            markets=[] if done.market is None else [named_market("market", done.market)],
        )

    def new(self, state: AssetState, world: World) -> Mapping[str, Any]:
        return new_asset(state, self.marketplace, is_sellable(state, world))

    def fields(self, state: AssetState, world: World) -> dict[str, Any]:
        return asset_fields(state, self.marketplace, is_sellable(state, world))

    def operator(self, key: OperatorKey, world: World) -> Change:
        return _operator_change(key, world.is_operator_approved(key))

    def markets(self, world: World) -> list[dict[str, Any]]:
        if world.market == world.market_before:
            return []
        return [named_market("market", world.market)]

    def _new(self, asset: ChangedAsset) -> AssetDocument:
        return new_asset(asset.state, self.marketplace, asset.approved)

    def _change(self, asset: ChangedAsset) -> Change:
        state = asset.state
        if asset.extent == "price":
            fields = price_fields(state)
        else:
            fields = asset_fields(state, self.marketplace, asset.approved)
        return asset_id(state.contract, state.token_id), fields, {}


def _operator_change(key: OperatorKey, approved: bool) -> Change:
    contract, owner = key
    said = {"contractAddress": contract, "owner": owner, "approved": approved}
    return operator_id(contract, owner), said, {}


def named_market(name: str, market: MarketState) -> dict[str, Any]:
    """The configuration "market" (now), "base" (at finality) or "seed" (at the start)."""
    return {"_id": name, **market_document(market)}


def event_documents(decoded: DecodedBlock, rolling: bytes) -> list[Any]:
    """The raw truth about a block, with the tokens it speaks of."""
    return list(chain_events_documents(replace(decoded.block, rolling=rolling), tokens_of(decoded)))
