"""What happened to assets: deeds, and points of their price."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypedDict

from bson import ObjectId

TransactionType = Literal["mint", "list", "delist", "buy", "transfer"]
PriceSource = Literal["mint", "ai-oracle", "direct", "user-listing", "sale"]


class RowBlockchainDocument(TypedDict):
    """Where a row comes from. logIndex = the log at which the deed took effect (a sale: its Transfer)."""

    transactionHash: str
    blockNumber: int
    blockHash: str
    logIndex: int
    gasUsed: int | None
    gasPriceWei: str | None
    timestamp: datetime


class TransactionDocument(TypedDict):
    """collection transactions: one deed. `status` is derived from the block number when read."""

    _id: ObjectId
    type: TransactionType
    contractAddress: str
    tokenId: int
    assetId: ObjectId
    price: float | None
    priceWei: str | None
    priceUsd: float | None
    seller: str | None
    buyer: str | None
    timestamp: datetime
    blockchain: RowBlockchainDocument
    platformFee: float | None
    platformFeeWei: str | None
    paymentMethod: str | None


class PriceSourceDocument(TypedDict):
    type: PriceSource
    dataSourceName: str | None
    modelVersion: str | None


class AiMetricsDocument(TypedDict):
    confidenceScore: int | None
    factors: list[dict[str, Any]]


class PriceDocument(TypedDict):
    """collection priceHistory: one point."""

    _id: ObjectId
    assetId: ObjectId
    contractAddress: str
    tokenId: int
    price: float
    priceWei: str
    priceUsd: float | None
    timestamp: datetime
    source: PriceSourceDocument
    aiMetrics: AiMetricsDocument
    blockchain: RowBlockchainDocument
