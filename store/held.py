"""Assets held in memory, asked like the collection: the same filters, orders, positions and facets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

from bson import ObjectId

from store.assets import FACET_PATHS, FACET_VALUES, AssetFilter, Assets
from store.documents import AssetDocument
from store.orphans import with_people
from store.pages import (
    COUNTED_UP_TO,
    By,
    Order,
    Page,
    PageRequest,
    decode_position,
    position_of,
    value_at,
)
from store.snapshot import Document
from store.words import are_met_by, words_of

People = Callable[[Sequence[ObjectId]], dict[ObjectId, Document]]


class HeldAssets(Assets):
    """Assets of some moment, without what people say of them; `people` tells that, as it is today.

    `load` gives all of them, `load_some` those with some token ids: whichever is asked for.
    """

    def __init__(
        self,
        load: Callable[[], Sequence[AssetDocument]],
        load_some: Callable[[Sequence[int]], Sequence[AssetDocument]],
        people: People,
    ) -> None:
        self._load, self._load_some, self._people = load, load_some, people

    def page(self, wanted: AssetFilter, order: Order, request: PageRequest) -> Page[AssetDocument]:
        """One page of the assets that match."""
        found = self._matching(wanted)
        for by in reversed(order):
            found.sort(key=lambda asset, by=by: _rank(value_at(asset, by.path)), reverse=by.direction < 0)  # type: ignore[misc]
        first = request.skipped
        if request.after:
            position = decode_position(request.after)
            first = sum(not _is_beyond(order, asset, position) for asset in found)
        rows = found[first : first + request.limit]
        more = len(found) > first + request.limit
        shown, after = self._with_people(rows), position_of(cast("Any", rows[-1]), order) if more else None
        if not request.page:
            return Page(shown, after)
        return Page(shown, after, min(len(found), COUNTED_UP_TO), len(found) > COUNTED_UP_TO)

    def get(self, contract: str, token_id: int) -> AssetDocument | None:
        """One asset, or None."""
        return self.several(contract, [token_id]).get(token_id)

    def several(self, contract: str, token_ids: Sequence[int]) -> dict[int, AssetDocument]:
        """Those of the assets that exist, by tokenId."""
        found = [each for each in self._load_some(token_ids) if each["contractAddress"] == contract]
        return {each["tokenId"]: each for each in self._with_people(found)}

    def facets(self, wanted: AssetFilter, names: Sequence[str]) -> dict[str, list[tuple[Any, int]]]:
        """For each name, its values among the assets that match, most frequent first, with their counts."""
        found = self._matching(wanted)
        return {name: _facet(found, name) for name in names}

    def _matching(self, wanted: AssetFilter) -> list[AssetDocument]:
        return [asset for asset in self._load() if _matches(asset, wanted)]

    def _with_people(self, assets: Sequence[AssetDocument]) -> list[AssetDocument]:
        said = self._people([asset["_id"] for asset in assets])
        return [cast("AssetDocument", with_people(asset, said.get(asset["_id"]))) for asset in assets]


def _matches(asset: AssetDocument, wanted: AssetFilter) -> bool:
    market, price = asset["marketStatus"], asset["currentPrice"]
    exact = (
        (wanted.contract, asset["contractAddress"]),
        (wanted.owner, asset["ownership"]["currentOwner"]),
        (wanted.seller, market["listedBy"]),
        (wanted.is_listed, market["isListed"]),
        (wanted.is_purchasable, market["isPurchasable"]),
    )
    if any(asked is not None and asked != there for asked, there in exact):
        return False
    if wanted.types is not None and asset["assetType"] not in wanted.types:
        return False
    score = price["aiConfidenceScore"]
    if wanted.min_confidence is not None and (score is None or score < wanted.min_confidence):
        return False
    return (
        _between(price["valueWei"], wanted.price_min_wei, wanted.price_max_wei)
        and _between(market["listingPriceWei"], wanted.listing_price_min_wei, wanted.listing_price_max_wei)
        and (not wanted.text or _contains(asset, wanted.text))
    )


def _between(wei: str | None, low: int | None, high: int | None) -> bool:
    if low is None and high is None:
        return True
    return wei is not None and (low is None or int(wei) >= low) and (high is None or int(wei) <= high)


def _contains(asset: AssetDocument, text: str) -> bool:
    words = words_of(text)
    return bool(words) and are_met_by(words, asset.get("searchKeys", []))


def _rank(value: Any) -> tuple[bool, Any]:
    """As MongoDB sorts what stands in one field of ours: absent first."""
    return (value is not None, value if value is not None else 0)


def _is_beyond(order: Order, asset: AssetDocument, position: Sequence[Any]) -> bool:
    for by, value in zip(order, position, strict=True):
        here, there = _rank(value_at(asset, by.path)), _rank(value)
        if here != there:
            return _precedes(by, there, here)
    return False


def _precedes(by: By, one: tuple[bool, Any], other: tuple[bool, Any]) -> bool:
    return one < other if by.direction > 0 else other < one


def _facet(assets: Sequence[AssetDocument], name: str) -> list[tuple[Any, int]]:
    path = FACET_PATHS[name][1:]
    told = (value_at(asset, path) for asset in assets)
    counts = Counter(value if name == "assetType" else value is True for value in told)
    ranked = sorted(counts.items(), key=lambda each: (-each[1], _rank(each[0])))
    return ranked[:FACET_VALUES]
