"""What we know after a block: one state per asset, one per approving owner, one for the market.

Amounts are wei, times Unix seconds. States are immutable; a fold returns new ones.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from chain.values import Address, Hash

AssetKey = tuple[Address, int]
"""(asset contract, token id)"""
OperatorKey = tuple[Address, Address]
"""(asset contract, owner)"""


class At(msgspec.Struct, frozen=True, gc=False):
    """The transaction an action belongs to; gas is None where receipts were not fetched."""

    block_number: int
    block_hash: Hash
    timestamp: int
    time: datetime
    transaction_hash: Hash
    gas_used: int | None = None
    gas_price_wei: int | None = None


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """What the minter wrote on chain; immutable there. acquisition_date is an unchecked uint256."""

    name: str
    asset_type: str
    asset_location: str
    acquisition_date: int
    description: str
    is_verified: bool


class Listing(msgspec.Struct, frozen=True, gc=False):
    """A listing the marketplace holds as active, whether or not the seller still owns the token."""

    seller: Address
    price_wei: int
    listed_at: int


class AssetState(msgspec.Struct, frozen=True, gc=False):
    """One token of one asset contract."""

    contract: Address
    token_id: int
    owner: Address
    owner_since: int
    price_wei: int
    price_at: int
    mint_block: int
    mint_log_index: int
    mint_transaction_hash: Hash
    minted_at: int
    updated_block: int
    updated_log_index: int
    token_uri: str | None = None
    initial_price_wei: int | None = None
    confidence: int | None = None
    approved: Address | None = None
    listing: Listing | None = None
    metadata: Metadata | None = None

    @property
    def key(self) -> AssetKey:
        return (self.contract, self.token_id)

    @property
    def is_for_sale(self) -> bool:
        """Active on the marketplace, and the lister still owns the token."""
        return self.listing is not None and self.listing.seller == self.owner


class MarketState(msgspec.Struct, frozen=True):
    """Configuration of the contracts, as in force at a log position."""

    fee_bps: int
    fee_collector: Address | None
    marketplace_asset: Address
    agent_asset: Address
    asset_contracts: tuple[Address, ...]
    pricing_agents: dict[Address, Address | None]
    """By asset contract."""
    minimum_confidence: int | None
    owners: dict[Address, Address]
    """Who administers a contract, by contract."""


class Links(NamedTuple):
    """Which asset contract the marketplace and the agent speak of."""

    marketplace_asset: Address
    agent_asset: Address
