"""Assets as they were at finality: what unfinalized blocks touched is put back to its base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from store.assets import AssetFilter, Assets, listed_by, sortable
from store.documents import AssetDocument
from store.pages import (
    COUNTED_UP_TO,
    Order,
    Page,
    PageRequest,
    Source,
    both,
    decode_position,
    find_rows,
    position_of,
    value_at,
)
from store.snapshot import Document, Snapshot

CHAINS = ("currentPrice", "marketStatus", "ownership", "createdAt", "chain")
"""What the chain may change of an asset after its mint."""
SortKey = tuple[tuple[bool, Any], ...]


class SettledAssets(Assets):
    """Assets at finality, as of one snapshot. What people say of them is as it is now.

    Few assets are touched by unfinalized blocks: those are put back in memory, the others are as they are.
    """

    def __init__(self, snapshot: Snapshot, marketplace: str) -> None:
        super().__init__(snapshot)
        self._marketplace = marketplace

    def page(self, wanted: AssetFilter, order: Order, request: PageRequest) -> Page[AssetDocument]:
        """One page of the assets that match."""
        touched = self._touched()
        ids = {"_id": {"$nin": [document["_id"] for document in touched]}}
        # Counting needs the index of words, whatever is found.
        condition = wanted.condition() if request.page else self._condition(wanted)
        source = Source("assets", [both(condition, ids)], listed_by(order))
        end = request.skipped + request.limit + 1
        position = decode_position(request.after) if request.after else None
        rows = find_rows(self._snapshot, source, order, position, end)
        put_back = self._matching(wanted, touched)
        rows += [row for row in put_back if position is None or is_beyond(order, row, position)]
        rows.sort(key=lambda row: sort_key(order, row), reverse=order[0].direction < 0)
        return self._page(rows[request.skipped : end], order, request, source, len(put_back))

    def _page(
        self, rows: list[Document], order: Order, request: PageRequest, source: Source, more: int
    ) -> Page[AssetDocument]:
        kept = cast("list[AssetDocument]", rows[: request.limit])
        after = position_of(cast("Document", kept[-1]), order) if len(rows) > request.limit else None
        if not request.page:
            return Page(kept, after)
        total = more + self._snapshot.count("assets", source.where(), limit=COUNTED_UP_TO + 1)
        return Page(kept, after, min(total, COUNTED_UP_TO), total > COUNTED_UP_TO)

    def get(self, contract: str, token_id: int) -> AssetDocument | None:
        """One asset, or None if it was not there."""
        found = super().get(contract, token_id)
        settled = self._settled([cast("Document", found)]) if found else []
        return cast("AssetDocument", settled[0]) if settled else None

    def several(self, contract: str, token_ids: Sequence[int]) -> dict[int, AssetDocument]:
        """Those of the assets that were there, by tokenId."""
        condition = {"contractAddress": contract, "tokenId": {"$in": list(token_ids)}}
        rows = self._settled(self._snapshot.find("assets", condition))
        return {row["tokenId"]: cast("AssetDocument", row) for row in rows}

    def all_settled(self) -> tuple[list[Document], list[Document]]:
        """Those that had to be put back: as they are, and as they were."""
        touched = self._touched()
        return touched, self._settled(touched)

    # --- what was touched -------------------------------------------------------------

    def _touched(self) -> list[Document]:
        """Assets that unfinalized blocks changed, by themselves or by what their owner approved."""
        changed = self._snapshot.find("assets", {"chain.base": {"$exists": True}})
        operators = self._snapshot.find("operatorApprovals", {"base": {"$exists": True}})
        sellers = [operator["owner"] for operator in operators]
        listed = self._snapshot.find("assets", {"chain.listing.seller": {"$in": sellers}}) if sellers else []
        return list({document["_id"]: document for document in (*changed, *listed)}.values())

    def _settled(self, documents: Sequence[Document]) -> list[Document]:
        """As they were; those that were not there yet are left out."""
        there = [put_back(document) for document in documents if not _base(document).get("absent")]
        sellers = {_operator(document) for document in there if document["marketStatus"]["isListed"]}
        approved = self._approvals(sellers)
        return [self._judged(document, _operator(document) in approved) for document in there]

    def _approvals(self, operators: set[str]) -> set[str]:
        """Which of them had approved the marketplace for all their tokens."""
        found = self._snapshot.find("operatorApprovals", {"_id": {"$in": sorted(operators)}})
        return {
            one["_id"] for one in found if (one["base"].get("said") if "base" in one else one["approved"])
        }

    def _judged(self, document: Document, operator_approved: bool) -> Document:
        """With what follows from the approvals: could it be bought?"""
        market = document["marketStatus"]
        if not market["isListed"]:
            return document
        can_be = operator_approved or document["chain"].get("approved") == self._marketplace
        said = {"isPurchasable": can_be, "unavailableReason": None if can_be else "not-approved"}
        return {**document, "marketStatus": {**market, **said}}

    def _matching(self, wanted: AssetFilter, touched: Sequence[Document]) -> list[Document]:
        rows = [row for row in self._settled(touched) if matches(wanted, row)]
        if wanted.text is None or not rows:
            return rows
        # Words do not change after the mint: the server knows best how to find them.
        found = {"_id": {"$in": [row["_id"] for row in rows]}}
        ids = self._snapshot.find("assets", both(AssetFilter(text=wanted.text).condition(), found))
        spoken_of = {one["_id"] for one in ids}
        return [row for row in rows if row["_id"] in spoken_of]


def _base(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return document["chain"].get("base") or {}


def _operator(document: Mapping[str, Any]) -> str:
    return f"{document['contractAddress']}:{document['ownership']['currentOwner']}"


def put_back(document: Document) -> Document:
    """The document with its chain's part as it was at finality; unchanged where it has no base."""
    base = _base(document)
    if not base:
        return document
    metadata = {**document["metadata"], **base["metadata"]}
    return {**document, **{name: base[name] for name in CHAINS}, "metadata": metadata}


def matches(wanted: AssetFilter, row: Mapping[str, Any]) -> bool:
    """Does a document meet the filter, text apart?"""
    market, price = row["marketStatus"], row["currentPrice"]
    asked = msgspec.structs.asdict(wanted)
    equal = {
        "contract": row["contractAddress"],
        "owner": row["ownership"]["currentOwner"],
        "seller": market["listedBy"],
        "is_listed": market["isListed"],
        "is_purchasable": market["isPurchasable"],
        "is_verified": value_at(row, "verification.isVerified") is True,
    }
    return (
        all(asked[name] is None or asked[name] == value for name, value in equal.items())
        and (wanted.types is None or row["assetType"] in wanted.types)
        and _within(price["valueKey"], wanted.price_min_wei, wanted.price_max_wei)
        and _within(market["listingPriceKey"], wanted.listing_price_min_wei, wanted.listing_price_max_wei)
        and _is_sure_enough(price["aiConfidenceScore"], wanted.min_confidence)
    )


def _is_sure_enough(score: int | None, least: int | None) -> bool:
    return least is None or (score is not None and score >= least)


def _within(key: bytes | None, low_wei: int | None, high_wei: int | None) -> bool:
    if key is None:
        return low_wei is None and high_wei is None
    low = low_wei is None or _ordered(sortable(low_wei)) <= _ordered(key)
    return low and (high_wei is None or _ordered(key) <= _ordered(sortable(high_wei)))


def _ordered(key: bytes) -> tuple[int, bytes]:
    """As BSON orders binaries: longer ones later."""
    return len(key), key


def sort_key(order: Order, row: Mapping[str, Any]) -> SortKey:
    """Nothing before everything, as the server sorts."""
    return tuple((value is not None, value) for value in (value_at(row, by.path) for by in order))


def is_beyond(order: Order, row: Mapping[str, Any], position: Sequence[Any]) -> bool:
    """Does the row come after the position?"""
    here, there = sort_key(order, row), tuple((value is not None, value) for value in position)
    return here > there if order[0].direction > 0 else here < there
