"""Favourites: which assets a user likes, and how many users like an asset.

The count stands in the asset, `stats.favoriteCount`, and changes in one transaction with the favourites.
A favourite is of one mint. When a reorg takes that mint back, the count goes aside with all that people wrote
(store.orphans) and comes back with it; whatever gets the token id meanwhile begins with none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.database import Database

from store import edition
from store.answering import answering
from store.connection import Document
from store.documents import AssetDocument, FavouriteDocument
from store.errors import NotFound
from store.orphans import orphan_id
from store.pages import By, Page, PageRequest, Source, read_page
from store.snapshot import Snapshot

NEWEST = (By("_id", -1),)
WITHOUT_BOOKS = {"chain.base": 0, "searchKeys": 0}
MINT = "chain.mintTransactionHash"
UserId = ObjectId
Mint = tuple[ObjectId, str]
"""Asset id and transaction of the mint."""


class Favourites:
    """The collection favorites, where it is written. Every method raises StoreUnreachable."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._favourites = database["favorites"]

    def add(self, user_id: ObjectId, contract: str, token_id: int, now: datetime) -> None:
        """Like an asset; harmless to repeat. Raises NotFound where there is no such asset."""
        place = {"contractAddress": contract, "tokenId": token_id}
        if self._is_there(user_id, place):
            return  # no edit, hence no mark moved

        def write(session: ClientSession) -> None:
            asset = self._database["assets"].find_one(place, {MINT: 1}, session=session)
            if asset is None:
                raise NotFound("asset", f"{token_id} of contract {contract}")
            identity = _identity(user_id, asset)
            if self._favourites.find_one(identity, {"_id": 1}, session=session) is not None:
                return
            self._favourites.insert_one({**identity, **place, "createdAt": now}, session=session)
            self._count(asset["_id"], identity["mintTransactionHash"], 1, session)

        edition.edit(self._database, write)

    def remove(self, user_id: ObjectId, contract: str, token_id: int) -> bool:
        """Like it no more, whichever mint it was of; False where it was not liked."""
        wanted = {"userId": user_id, "contractAddress": contract, "tokenId": token_id}
        with answering(self._database):
            if self._favourites.find_one(wanted, {"_id": 1}) is None:
                return False

        def write(session: ClientSession) -> bool:
            found = self._favourites.find(wanted, session=session).to_list()
            for one in found:
                self._favourites.delete_one({"_id": one["_id"]}, session=session)
                self._count(one["assetId"], one["mintTransactionHash"], -1, session)
            return bool(found)

        return edition.edit(self._database, write)

    def _is_there(self, user_id: ObjectId, place: Document) -> bool:
        with answering(self._database):
            asset = self._database["assets"].find_one(place, {MINT: 1})
            return asset is not None and self._favourites.find_one(_identity(user_id, asset)) is not None

    def _count(self, asset_id: ObjectId, mint: str, change: int, session: ClientSession) -> None:
        """In the asset, or where a reorg put aside what people wrote of it."""
        counted = self._database["assets"].update_one(
            {"_id": asset_id, MINT: mint}, {"$inc": {"stats.favoriteCount": change}}, session=session
        )
        if counted.matched_count == 0:
            orphan = {"_id": orphan_id({"_id": asset_id, "chain": {"mintTransactionHash": mint}})}
            self._database["orphans"].update_one(
                orphan, {"$inc": {"people.stats.favoriteCount": change}}, session=session
            )


class LikedAssets:
    """What users like, as of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def page(self, user_id: ObjectId, request: PageRequest) -> Page[FavouriteDocument]:
        """One page of a user's favourites, newest first."""
        found = read_page(self._snapshot, Source("favorites", [{"userId": user_id}]), NEWEST, request)
        return cast("Page[FavouriteDocument]", found)

    def of_asset(self, user_id: ObjectId, asset: AssetDocument) -> FavouriteDocument | None:
        """The user's favourite of that asset, or None."""
        found = self._snapshot.one("favorites", _identity(user_id, asset))
        return cast("FavouriteDocument | None", found)

    def assets(self, favourites: Sequence[FavouriteDocument]) -> dict[Mint, AssetDocument]:
        """The assets they are of; those whose mint is not on the chain at present are missing."""
        ids = [one["assetId"] for one in favourites]
        rows = self._snapshot.find("assets", {"_id": {"$in": ids}}, projection=WITHOUT_BOOKS)
        return {mint_of(row): cast("AssetDocument", row) for row in rows}


def mint_of(asset: Any) -> Mint:
    """What tells an asset from another one of the same token id."""
    return asset["_id"], asset["chain"]["mintTransactionHash"]


def _identity(user_id: ObjectId, asset: Any) -> Document:
    asset_id, mint = mint_of(asset)
    return {"userId": user_id, "assetId": asset_id, "mintTransactionHash": mint}
