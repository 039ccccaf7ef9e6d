"""Reading assets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from store.documents import AssetDocument
from store.pages import By, Direction, Order, Page, PageRequest, Source, read_page
from store.snapshot import Document, Filter, Snapshot

SORT_KEYS: dict[str, tuple[tuple[str, bool], ...]] = {
    "createdAt": (("chain.mintBlock", False), ("chain.mintLogIndex", False)),
    "price": (("currentPrice.valueKey", False),),
    "listingPrice": (("marketStatus.listingPriceKey", True),),
    "listedAt": (("marketStatus.listedAt", True),),
    "updatedAt": (("updatedAt", True),),
    "tokenId": (("tokenId", False),),
    "name": (("name", True),),
    "confidence": (("currentPrice.aiConfidenceScore", True),),
    "views": (("stats.viewCount", True),),
}
"""Path and nullability of what each order sorts by; `_id` is appended."""

FACET_PATHS: dict[str, str] = {
    "assetType": "$assetType",
    "isListed": "$marketStatus.isListed",
    "isVerified": "$verification.isVerified",
}
FACET_VALUES = 100
"""More distinct values than a reader can use."""
WITHOUT_BASE = {"chain.base": 0}
LISTED = (
    "tokenId", "contractAddress", "name", "assetType", "media.thumbnailUrl", "currentPrice", "marketStatus",
    "ownership.currentOwner", "verification.isVerified", "chain.updatedBlock", "createdAt", "updatedAt",
)  # fmt: skip
"""What lists show of an asset; the rest is not read for them."""


class AssetFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which assets; None means no filter. Amounts in wei, bounds inclusive; addresses EIP-55."""

    contract: str | None = None
    types: tuple[str, ...] | None = None
    owner: str | None = None
    seller: str | None = None
    is_listed: bool | None = None
    is_purchasable: bool | None = None
    is_verified: bool | None = None
    price_min_wei: int | None = None
    price_max_wei: int | None = None
    listing_price_min_wei: int | None = None
    listing_price_max_wei: int | None = None
    min_confidence: int | None = None
    text: str | None = None

    def condition(self) -> Filter:
        """The filter as MongoDB asks for it."""
        wanted: dict[str, Any] = {
            "contractAddress": self.contract,
            "assetType": {"$in": list(self.types)} if self.types is not None else None,
            "ownership.currentOwner": self.owner,
            "marketStatus.listedBy": self.seller,
            "marketStatus.isListed": self.is_listed,
            "marketStatus.isPurchasable": self.is_purchasable,
            "verification.isVerified": self._verified(),
            "currentPrice.valueKey": between(self.price_min_wei, self.price_max_wei),
            "marketStatus.listingPriceKey": between(self.listing_price_min_wei, self.listing_price_max_wei),
            "currentPrice.aiConfidenceScore": _at_least(self.min_confidence),
            "$or": containing(self.text) if self.text else None,
        }
        return {path: condition for path, condition in wanted.items() if condition is not None}

    def _verified(self) -> Any:
        # Absent means that nobody has verified it yet.
        return {True: True, False: {"$ne": True}, None: None}[self.is_verified]


def _at_least(score: int | None) -> Filter | None:
    return None if score is None else {"$gte": score}


def between(low_wei: int | None, high_wei: int | None) -> Filter | None:
    """An exact inclusive range of amounts, over their 32-byte keys."""
    bounds = {"$gte": low_wei, "$lte": high_wei}
    return {name: sortable(wei) for name, wei in bounds.items() if wei is not None} or None


def sortable(wei: int) -> bytes:
    """The key of an amount. BSON sorts longer binaries later: what exceeds 256 bits sorts after every key."""
    return wei.to_bytes(max(32, (wei.bit_length() + 7) // 8), "big")


def containing(text: str) -> list[Filter]:
    """Assets whose name, type or description contains the text, whatever the letter case."""
    pattern = re.escape(text).replace("\\\x00", r"\x00").replace("\x00", r"\x00")
    return [{path: {"$regex": pattern, "$options": "i"}} for path in ("name", "assetType", "description")]


def sorted_by(sort: str, direction: Direction) -> Order:
    """The total order behind a name of SORT_KEYS."""
    keys = tuple(By(path, direction, nullable) for path, nullable in SORT_KEYS[sort])
    return (*keys, By("_id", direction))


def listed_by(order: Order) -> dict[str, int]:
    """What a list in that order reads: what it shows, and what it is sorted by."""
    sorting = (by.path for by in order if by.path.partition(".")[0] not in LISTED)
    return dict.fromkeys((*LISTED, *sorting), 1)


class Assets:
    """Assets as of one snapshot. `chain.base` is never read: it is the indexer's."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def page(self, wanted: AssetFilter, order: Order, request: PageRequest) -> Page[AssetDocument]:
        """One page of the assets that match, with what lists show of them."""
        source = Source("assets", [wanted.condition()], listed_by(order))
        return cast("Page[AssetDocument]", read_page(self._snapshot, source, order, request))

    def get(self, contract: str, token_id: int) -> AssetDocument | None:
        """One asset, or None."""
        found = self._snapshot.one("assets", {"contractAddress": contract, "tokenId": token_id})
        return cast("AssetDocument | None", found)

    def several(self, contract: str, token_ids: Sequence[int]) -> dict[int, AssetDocument]:
        """Those of the assets that exist, by tokenId."""
        condition = {"contractAddress": contract, "tokenId": {"$in": list(token_ids)}}
        rows = self._snapshot.find("assets", condition, projection=WITHOUT_BASE)
        return {row["tokenId"]: cast("AssetDocument", row) for row in rows}

    def facets(self, wanted: AssetFilter, names: Sequence[str]) -> dict[str, list[tuple[Any, int]]]:
        """For each name, its values among the assets that match, most frequent first, with their counts."""
        return {name: self._facet(wanted.condition(), name) for name in names}

    def _facet(self, condition: Filter, name: str) -> list[tuple[Any, int]]:
        pipeline: list[Document] = [
            {"$match": condition},
            {"$group": {"_id": self._facet_value(name), "count": {"$sum": 1}}},
            {"$sort": {"count": -1, "_id": 1}},
            {"$limit": FACET_VALUES},
        ]
        return [(row["_id"], row["count"]) for row in self._snapshot.aggregate("assets", pipeline)]

    @staticmethod
    def _facet_value(name: str) -> Any:
        path = FACET_PATHS[name]
        return {"$ifNull": [path, None]} if name == "assetType" else {"$eq": [path, True]}
