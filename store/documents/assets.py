"""An asset, and the parts it is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from bson import ObjectId

UnavailableReason = Literal["owner-changed", "not-approved"]


class AmountDocument(TypedDict):
    value: float
    valueWei: str


class CurrentPriceDocument(TypedDict):
    """The price the RWA contract holds; aiConfidenceScore 0-100, null when not set by the oracle."""

    value: float
    valueWei: str
    valueKey: bytes
    valueUsd: float | None
    updatedAt: datetime
    aiConfidenceScore: int | None


class MarketStatusDocument(TypedDict):
    """isListed = for sale; the stale listing itself stays in `chain.listing`."""

    isListed: bool
    isPurchasable: bool
    unavailableReason: UnavailableReason | None
    listingPrice: float | None
    listingPriceWei: str | None
    listingPriceKey: bytes | None
    listedAt: datetime | None
    listedBy: str | None


class OwnershipDocument(TypedDict):
    currentOwner: str
    ownerSince: datetime


class ListingDocument(TypedDict):
    """A listing the marketplace holds as active, stale or not."""

    seller: str
    priceWei: str
    listedAt: datetime


class AssetChainDocument(TypedDict):
    """Bookkeeping of the indexer inside an asset."""

    mintBlock: int
    mintLogIndex: int
    mintTransactionHash: str
    updatedBlock: int
    updatedLogIndex: int
    approved: str | None
    """The single-token approval in force."""
    listing: ListingDocument | None
    isVerified: bool | None
    """What the minter claimed; `verification.isVerified` is the platform's word."""
    initialPriceWei: str | None
    acquisitionDateSeconds: str | None
    """The exact uint256, since it may not be a date."""
    base: NotRequired[dict[str, Any]]
    """The state at finality, while the asset is touched by an unfinalized block."""


class AssetDocument(TypedDict):
    """collection assets; `_id` derives from contractAddress + tokenId.

    The indexer writes tokenId, contractAddress, name, assetType, description, tokenURI,
    metadata.assetLocation, metadata.acquisitionDate, currentPrice, marketStatus, ownership,
    createdAt, searchKeys and chain.*; people write all else, and it may be absent.
    """

    _id: ObjectId
    tokenId: int
    contractAddress: str
    name: str | None
    assetType: str | None
    description: str | None
    tokenURI: str | None
    metadata: dict[str, Any]
    currentPrice: CurrentPriceDocument
    marketStatus: MarketStatusDocument
    ownership: OwnershipDocument
    createdAt: datetime
    searchKeys: NotRequired[list[str]]
    """The words of name, assetType and description (store.words); absent where an older program wrote it."""
    chain: AssetChainDocument
    media: NotRequired[dict[str, Any]]
    verification: NotRequired[dict[str, Any]]
    stats: NotRequired[dict[str, Any]]
    updatedAt: NotRequired[datetime]
