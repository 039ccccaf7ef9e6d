"""Reading assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from store.documents import AssetDocument, CurrentPriceDocument, MarketStatusDocument
from store.pages import By, Direction, Order, Page, PageRequest, Source, read_page
from store.snapshot import Document, Filter, Snapshot
from store.words import beginning_with, words_of

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
LISTED = (
    "tokenId", "contractAddress", "name", "assetType", "media.thumbnailUrl",
    *(f"currentPrice.{name}" for name in CurrentPriceDocument.__annotations__ if name != "valueKey"),
    *(f"marketStatus.{name}" for name in MarketStatusDocument.__annotations__ if name != "listingPriceKey"),
    "ownership.currentOwner", "verification.isVerified", "chain.updatedBlock", "chain.initialPriceWei",
    "createdAt", "updatedAt",
)  # fmt: skip
"""What lists show of an asset, and what its value in a portfolio rests on; the rest is not read for them."""
WITHOUT_BASE = {"chain.base": 0, "searchKeys": 0}
FEW_FOUND = 2000
"""Assets that words find, up to which they are fetched and put in order; of more, a page is soon full."""
NEVER: Filter = {"_id": None}
NOTHING: Filter = {"searchKeys": {"$in": []}}


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
            "$and": None if self.text is None else containing(self.text),
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


def containing(text: str, in_the_name: bool = False) -> list[Filter]:
    """Assets in whose name, type or description (or all in the name) each word of the text begins a word."""
    words = dict.fromkeys(words_of(text))
    ranges = [beginning_with(word, in_the_name) for word in words]
    return [{"searchKeys": {"$elemMatch": each}} for each in ranges] or [NOTHING]


def soon_found(
    snapshot: Snapshot, words: Filter, rest: Filter | None = None, unless: Sequence[Filter] = ()
) -> Filter:
    """A filter by words and the rest, put so that a page is cheap whether words find few assets or most.

    Left alone, the server fetches all that a frequent word finds before it puts them in order.
    """
    sought = {**words, "$nor": list(unless)} if unless else words
    found = snapshot.find("assets", sought, projection={"_id": 1}, limit=FEW_FOUND + 1)
    if len(found) <= FEW_FOUND:
        return {**(rest or {}), "_id": {"$in": [row["_id"] for row in found]}}
    # Twice denied is true, and no index serves it: the one that has the order is taken.
    return {**(rest or {}), "$nor": [{"$nor": [words]}, *unless, NEVER]}


def sorted_by(sort: str, direction: Direction) -> Order:
    """The total order behind a name of SORT_KEYS."""
    keys = tuple(By(path, direction, nullable) for path, nullable in SORT_KEYS[sort])
    return (*keys, By("_id", direction))


def listed_by(order: Order) -> dict[str, int]:
    """What a list in that order reads: what it shows, and what it is sorted by."""
    return dict.fromkeys((*LISTED, *(by.path for by in order)), 1)


class Assets:
    """Assets as of one snapshot. `chain.base` is never read: it is the indexer's."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def page(self, wanted: AssetFilter, order: Order, request: PageRequest) -> Page[AssetDocument]:
        """One page of the assets that match, with what lists show of them."""
        # Counting needs the index of words, whatever is found.
        condition = wanted.condition() if request.page else self._condition(wanted)
        source = Source("assets", [condition], listed_by(order), naive_times=True)
        return cast("Page[AssetDocument]", read_page(self._snapshot, source, order, request))

    def _condition(self, wanted: AssetFilter) -> Filter:
        if wanted.text is None:
            return wanted.condition()
        words, rest = {"$and": containing(wanted.text)}, replace(wanted, text=None).condition()
        return soon_found(self._snapshot, words, rest)

    def get(self, contract: str, token_id: int) -> AssetDocument | None:
        """One asset, or None."""
        found = self._snapshot.one("assets", {"contractAddress": contract, "tokenId": token_id})
        return cast("AssetDocument | None", found)

    def several(self, contract: str, token_ids: Sequence[int]) -> dict[int, AssetDocument]:
        """Those of the assets that exist, by tokenId."""
        condition = {"contractAddress": contract, "tokenId": {"$in": list(token_ids)}}
        rows = self._snapshot.find("assets", condition, projection=WITHOUT_BASE)
        return {row["tokenId"]: cast("AssetDocument", row) for row in rows}

    def of_token(self, token_id: int) -> list[AssetDocument]:
        """The assets of that number, of every contract."""
        rows = self._snapshot.find(
            "assets", {"tokenId": token_id}, sort=[("_id", 1)], projection=WITHOUT_BASE
        )
        return cast("list[AssetDocument]", rows)

    def owned_by(self, wallet: str) -> int:
        """How many assets a wallet owns."""
        return self._snapshot.count("assets", {"ownership.currentOwner": wallet})

    def facets(self, wanted: AssetFilter, names: Sequence[str]) -> dict[str, list[tuple[Any, int]]]:
        """For each name, its values among the assets that match, most frequent first, with their counts."""
        return {name: self._facet(wanted.condition(), name) for name in names}

    def _facet(self, condition: Filter, name: str) -> list[tuple[Any, int]]:
        # In the order of an index, values are read from it alone; with a filter, that one's index is better.
        ordered: list[Document] = [] if condition else [{"$sort": {FACET_PATHS[name][1:]: 1}}]
        pipeline: list[Document] = [
            {"$match": condition},
            *ordered,
            {"$group": {"_id": self._facet_value(name), "count": {"$sum": 1}}},
            {"$sort": {"count": -1, "_id": 1}},
            {"$limit": FACET_VALUES},
        ]
        return [(row["_id"], row["count"]) for row in self._snapshot.aggregate("assets", pipeline)]

    @staticmethod
    def _facet_value(name: str) -> Any:
        path = FACET_PATHS[name]
        return {"$ifNull": [path, None]} if name == "assetType" else {"$eq": [path, True]}
