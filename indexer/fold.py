"""state + action → state + rows, pure: no clock, no I/O, no reading back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from indexer.actions import (
    AgentLinked,
    Approved,
    AssetAction,
    ContractOwnerSet,
    Delisted,
    FeeCollectorSet,
    FeeSet,
    Listed,
    MarketAction,
    MarketplaceLinked,
    MinimumConfidenceSet,
    Minted,
    PriceSet,
    PricingAgentSet,
    Sold,
    Transferred,
)
from indexer.rows import Deed, PricePoint, Row
from indexer.state import AssetState, At, Listing, MarketState

BASIS_POINTS = 10_000


class UnknownAsset(ValueError):
    """The action speaks of a token whose mint we never saw."""


class MintedTwice(UnknownAsset):
    """A contract that is not ours to trust minted a token again; the first one stays."""


class Folded(NamedTuple):
    asset: AssetState
    rows: tuple[Row, ...] = ()


def fold_asset(asset: AssetState | None, action: AssetAction, at: At, market: MarketState) -> Folded:
    """Apply one action to one token. Raises UnknownAsset."""
    if isinstance(action, Minted):
        if asset is not None:
            raise MintedTwice(
                f"token {action.token_id} of {action.contract} exists since block {asset.mint_block}"
            )
        return minted(action, at)
    if asset is None:
        raise UnknownAsset(
            f"{type(action).__name__} of token {action.token_id} of {action.contract}, "
            "whose mint is not in the indexed history; is START_BLOCK after it?"
        )
    return _ASSET_FOLDS[type(action)](asset, action, at, market)


def fee_of(price_wei: int, fee_bps: int) -> int:
    """What the marketplace keeps, as its contract computes it: rounded down to the wei."""
    return price_wei * fee_bps // BASIS_POINTS


def minted(action: Minted, at: At) -> Folded:
    """Begin a token, at its Transfer from nobody."""
    price = action.initial_price_wei
    asset = AssetState(
        contract=action.contract,
        token_id=action.token_id,
        owner=action.to,
        owner_since=at.timestamp,
        price_wei=price or 0,
        price_at=at.timestamp,
        mint_block=at.block_number,
        mint_log_index=action.log_index,
        mint_transaction_hash=at.transaction_hash,
        minted_at=at.timestamp,
        updated_block=at.block_number,
        updated_log_index=action.log_index,
        token_uri=action.token_uri,
        initial_price_wei=price,
        metadata=action.metadata,
    )
    deed = _deed(action, at, "mint", price, None, action.to)
    point = () if price is None else (_point(action, at, "mint", price),)
    return Folded(asset, (deed, *point))


def transferred(asset: AssetState, action: Transferred, at: At, _: MarketState) -> Folded:
    """Move a token; its listing stays, stale until the token returns to the lister."""
    deed = _deed(action, at, "transfer", None, action.from_, action.to)
    return Folded(_owned_by(asset, action, at), (deed,))


def sold(asset: AssetState, action: Sold, at: At, market: MarketState) -> Folded:
    """Close the listing and hand the token over; the asset's own price stays what it was."""
    moved = _owned_by(asset, action, at) if action.moved else _touched(asset, action, at)
    price = action.price_wei
    deed = Deed(
        action.contract,
        action.token_id,
        action.log_index,
        action.ordinal,
        at,
        "buy",
        price,
        action.seller,
        action.buyer,
        fee_of(price, market.fee_bps),
    )
    return Folded(replace(moved, listing=None), (deed, _point(action, at, "sale", price)))


def price_set(asset: AssetState, action: PriceSet, at: At, _: MarketState) -> Folded:
    """Take the new price; without the agent's word the confidence is unknown."""
    priced = replace(
        asset,
        price_wei=action.price_wei,
        price_at=at.timestamp,
        confidence=action.confidence,
        updated_block=at.block_number,
        updated_log_index=action.log_index,
    )
    point = PricePoint(
        action.contract,
        action.token_id,
        action.log_index,
        action.ordinal,
        at,
        "direct" if action.data_source is None else "ai-oracle",
        action.price_wei,
        action.data_source,
        action.confidence,
    )
    return Folded(priced, (point,))


def listed(asset: AssetState, action: Listed, at: At, _: MarketState) -> Folded:
    """Offer the token; a listing replaces the one before it."""
    listing = Listing(action.seller, action.price_wei, at.timestamp)
    deed = _deed(action, at, "list", action.price_wei, action.seller, None)
    point = _point(action, at, "user-listing", action.price_wei)
    return Folded(replace(_touched(asset, action, at), listing=listing), (deed, point))


def delisted(asset: AssetState, action: Delisted, at: At, _: MarketState) -> Folded:
    """Withdraw the listing; only its lister can, even after the token went elsewhere."""
    price = asset.listing.price_wei if asset.listing else None
    deed = _deed(action, at, "delist", price, action.seller, None)
    return Folded(replace(_touched(asset, action, at), listing=None), (deed,))


def approved(asset: AssetState, action: Approved, at: At, _: MarketState) -> Folded:
    return Folded(replace(_touched(asset, action, at), approved=action.approved))


def fold_market(market: MarketState, action: MarketAction) -> MarketState:
    """Apply one change of configuration."""
    return _MARKET_FOLDS[type(action)](market, action)


def _owned_by(asset: AssetState, action: Transferred | Sold, at: At) -> AssetState:
    owner = action.to if isinstance(action, Transferred) else action.buyer
    since = asset.owner_since if owner == asset.owner else at.timestamp
    return replace(
        asset,
        owner=owner,
        owner_since=since,
        approved=None,  # ERC-721 clears it on every transfer, without a log
        updated_block=at.block_number,
        updated_log_index=action.log_index,
    )


def _touched(asset: AssetState, action: AssetAction, at: At) -> AssetState:
    return replace(asset, updated_block=at.block_number, updated_log_index=action.log_index)


def _deed(
    action: AssetAction, at: At, kind: Any, price_wei: int | None, seller: str | None, buyer: str | None
) -> Deed:
    return Deed(
        action.contract, action.token_id, action.log_index, action.ordinal, at, kind, price_wei, seller, buyer
    )


def _point(action: AssetAction, at: At, source: Any, price_wei: int) -> PricePoint:
    return PricePoint(
        action.contract, action.token_id, action.log_index, action.ordinal, at, source, price_wei
    )


def _linked_marketplace(market: MarketState, action: MarketplaceLinked) -> MarketState:
    return replace(_knowing(market, action.contract), marketplace_asset=action.contract)


def _linked_agent(market: MarketState, action: AgentLinked) -> MarketState:
    return replace(_knowing(market, action.contract), agent_asset=action.contract)


def _knowing(market: MarketState, contract: str) -> MarketState:
    if contract in market.asset_contracts:
        return market
    return replace(market, asset_contracts=(*market.asset_contracts, contract))


_ASSET_FOLDS: dict[type[AssetAction], Callable[[AssetState, Any, At, MarketState], Folded]] = {
    Transferred: transferred,
    Sold: sold,
    PriceSet: price_set,
    Listed: listed,
    Delisted: delisted,
    Approved: approved,
}

_MARKET_FOLDS: dict[type[MarketAction], Callable[[MarketState, Any], MarketState]] = {
    FeeSet: lambda market, action: replace(market, fee_bps=action.fee_bps),
    FeeCollectorSet: lambda market, action: replace(market, fee_collector=action.collector),
    MinimumConfidenceSet: lambda market, action: replace(market, minimum_confidence=action.score),
    MarketplaceLinked: _linked_marketplace,
    AgentLinked: _linked_agent,
    PricingAgentSet: lambda market, action: replace(
        market, pricing_agents={**market.pricing_agents, action.contract: action.agent}
    ),
    ContractOwnerSet: lambda market, action: replace(
        market, owners={**market.owners, action.contract: action.owner}
    ),
}
