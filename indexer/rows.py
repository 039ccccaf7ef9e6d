"""What a fold adds to the books: deeds and price points, still as plain values."""

from __future__ import annotations

from typing import Literal

import msgspec

from chain.values import Address
from indexer.state import At

DeedType = Literal["mint", "list", "delist", "buy", "transfer"]
PriceSource = Literal["mint", "ai-oracle", "direct", "user-listing", "sale"]


class Row(msgspec.Struct, frozen=True, gc=False):
    contract: Address
    token_id: int
    log_index: int
    ordinal: int
    at: At


class Deed(Row, frozen=True, gc=False):
    """One entry of `transactions`; amounts in wei."""

    type: DeedType
    price_wei: int | None = None
    seller: Address | None = None
    buyer: Address | None = None
    fee_wei: int | None = None


class PricePoint(Row, frozen=True, gc=False):
    """One entry of `priceHistory`; confidence 0-100."""

    source: PriceSource
    price_wei: int
    data_source: str | None = None
    confidence: int | None = None
