"""What the three contracts say, in our words: one class per event, named by who emits it.

Fields follow the ABI's order and names (snake case; `from` is `from_`). Addresses are EIP-55,
prices wei, scores 0-100, timestamps Unix seconds. `contract` is the emitter.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from chain.values import Address

Role = Literal["asset", "agent", "marketplace"]


class Event(msgspec.Struct, frozen=True, gc=False):
    """A decoded log: who said it and where in the block."""

    contract: Address
    log_index: int


class Approval(Event, frozen=True, gc=False):
    owner: Address
    approved: Address
    token_id: int


class ApprovalForAll(Event, frozen=True, gc=False):
    owner: Address
    operator: Address
    approved: bool


class AssetMinted(Event, frozen=True, gc=False):
    token_id: int
    token_uri: str
    initial_price: int
    owner: Address


class BatchMetadataUpdate(Event, frozen=True, gc=False):
    from_token_id: int
    to_token_id: int


class MetadataUpdate(Event, frozen=True, gc=False):
    token_id: int


class OwnershipTransferred(Event, frozen=True, gc=False):
    previous_owner: Address
    new_owner: Address


class AssetPriceUpdated(Event, frozen=True, gc=False):
    """RWA's `PriceUpdated`: the price the asset contract now holds."""

    token_id: int
    old_price: int
    new_price: int


class PricingAgentUpdated(Event, frozen=True, gc=False):
    old_agent: Address
    new_agent: Address


class Transfer(Event, frozen=True, gc=False):
    from_: Address
    to: Address
    token_id: int


class MinimumConfidenceScoreUpdated(Event, frozen=True, gc=False):
    old_score: int
    new_score: int


class AgentPriceUpdated(Event, frozen=True, gc=False):
    """AGENT's `PriceUpdated`: why the asset contract's price was changed just before."""

    token_id: int
    old_price: int
    new_price: int
    timestamp: int
    data_source: str
    confidence_score: int


class RWAAssetContractUpdated(Event, frozen=True, gc=False):
    """AGENT or MARKET now speaks of another asset contract."""

    old_contract: Address
    new_contract: Address


class RoleAdminChanged(Event, frozen=True, gc=False):
    role: bytes
    previous_admin_role: bytes
    new_admin_role: bytes


class RoleGranted(Event, frozen=True, gc=False):
    role: bytes
    account: Address
    sender: Address


class RoleRevoked(Event, frozen=True, gc=False):
    role: bytes
    account: Address
    sender: Address


class AssetDelisted(Event, frozen=True, gc=False):
    token_id: int
    seller: Address
    timestamp: int


class AssetListed(Event, frozen=True, gc=False):
    token_id: int
    seller: Address
    price: int
    timestamp: int


class AssetSold(Event, frozen=True, gc=False):
    token_id: int
    seller: Address
    buyer: Address
    price: int
    timestamp: int


class FeeCollectorUpdated(Event, frozen=True, gc=False):
    old_collector: Address
    new_collector: Address


class MarketplaceFeeUpdated(Event, frozen=True, gc=False):
    old_fee: int
    new_fee: int


EVENTS: dict[Role, dict[str, type[Event]]] = {
    "asset": {
        "Approval": Approval,
        "ApprovalForAll": ApprovalForAll,
        "AssetMinted": AssetMinted,
        "BatchMetadataUpdate": BatchMetadataUpdate,
        "MetadataUpdate": MetadataUpdate,
        "OwnershipTransferred": OwnershipTransferred,
        "PriceUpdated": AssetPriceUpdated,
        "PricingAgentUpdated": PricingAgentUpdated,
        "Transfer": Transfer,
    },
    "agent": {
        "MinimumConfidenceScoreUpdated": MinimumConfidenceScoreUpdated,
        "PriceUpdated": AgentPriceUpdated,
        "RWAAssetContractUpdated": RWAAssetContractUpdated,
        "RoleAdminChanged": RoleAdminChanged,
        "RoleGranted": RoleGranted,
        "RoleRevoked": RoleRevoked,
    },
    "marketplace": {
        "AssetDelisted": AssetDelisted,
        "AssetListed": AssetListed,
        "AssetSold": AssetSold,
        "FeeCollectorUpdated": FeeCollectorUpdated,
        "MarketplaceFeeUpdated": MarketplaceFeeUpdated,
        "OwnershipTransferred": OwnershipTransferred,
        "RWAAssetContractUpdated": RWAAssetContractUpdated,
    },
}
