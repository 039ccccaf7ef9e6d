"""What transactions did, in our words.

`log_index` is the log at which the deed took effect: a mint or a sale at its Transfer, an oracle
price at the asset contract's PriceUpdated. `ordinal` counts the followed logs of the transaction
from 0; it stays when a reorg includes the transaction elsewhere.
"""

from __future__ import annotations

import msgspec

from chain.values import Address
from indexer.state import Metadata


class Action(msgspec.Struct, frozen=True, gc=False):
    log_index: int
    ordinal: int


class AssetAction(Action, frozen=True, gc=False):
    """Concerns one token."""

    contract: Address
    token_id: int


class Minted(AssetAction, frozen=True, gc=False):
    """`token_uri` and the price come from AssetMinted, which is logged last; None where it is missing."""

    to: Address
    token_uri: str | None
    initial_price_wei: int | None
    metadata: Metadata | None = None


class Transferred(AssetAction, frozen=True, gc=False):
    """Moved outside a sale."""

    from_: Address
    to: Address


class Sold(AssetAction, frozen=True, gc=False):
    """Bought on the marketplace. `moved` is False where no Transfer of the sale was logged."""

    seller: Address
    buyer: Address
    price_wei: int
    moved: bool = True


class PriceSet(AssetAction, frozen=True, gc=False):
    """source and confidence are None unless the pricing agent explained the price."""

    price_wei: int
    data_source: str | None
    confidence: int | None


class Listed(AssetAction, frozen=True, gc=False):
    seller: Address
    price_wei: int


class Delisted(AssetAction, frozen=True, gc=False):
    seller: Address


class Approved(AssetAction, frozen=True, gc=False):
    """`approved` is None when an approval was taken back."""

    approved: Address | None


class OperatorSet(Action, frozen=True, gc=False):
    """An owner let the marketplace move all its tokens of a contract, or took that back."""

    contract: Address
    owner: Address
    approved: bool


class MarketAction(Action, frozen=True, gc=False):
    """Changes the configuration of the contracts."""


class FeeSet(MarketAction, frozen=True, gc=False):
    fee_bps: int


class FeeCollectorSet(MarketAction, frozen=True, gc=False):
    collector: Address


class MinimumConfidenceSet(MarketAction, frozen=True, gc=False):
    score: int


class MarketplaceLinked(MarketAction, frozen=True, gc=False):
    contract: Address


class AgentLinked(MarketAction, frozen=True, gc=False):
    contract: Address


class PricingAgentSet(MarketAction, frozen=True, gc=False):
    contract: Address
    agent: Address


class ContractOwnerSet(MarketAction, frozen=True, gc=False):
    contract: Address
    owner: Address
