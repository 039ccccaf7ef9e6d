"""The market's configuration ↔ documents of `market`, and the names of approvals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain.values import Address
from indexer.state import MarketState


def market_document(market: MarketState) -> dict[str, Any]:
    """The configuration document, without `_id` and base."""
    return {
        "feeBps": market.fee_bps,
        "feeCollector": market.fee_collector,
        "marketplaceAsset": market.marketplace_asset,
        "agentAsset": market.agent_asset,
        "assetContracts": list(market.asset_contracts),
        "pricingAgents": market.pricing_agents,
        "minimumConfidence": market.minimum_confidence,
        "owners": market.owners,
    }


def market_state(document: Mapping[str, Any]) -> MarketState:
    return MarketState(
        document["feeBps"],
        document["feeCollector"],
        document["marketplaceAsset"],
        document["agentAsset"],
        tuple(document["assetContracts"]),
        dict(document["pricingAgents"]),
        document["minimumConfidence"],
        dict(document["owners"]),
    )


def operator_id(contract: Address, owner: Address) -> str:
    return f"{contract}:{owner}"
