"""What people care for: favourites, and whose views have been counted."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from bson import ObjectId


class FavouriteDocument(TypedDict):
    """collection favorites: a user likes an asset, the one of that very mint."""

    _id: ObjectId
    userId: ObjectId
    assetId: ObjectId
    mintTransactionHash: str
    """With the asset's id it names the mint: after a reorg another one may have the token id."""
    contractAddress: str
    tokenId: int
    createdAt: datetime


class CountedViewDocument(TypedDict):
    """collection countedViews: somebody's view of an asset was counted that day.

    `_id` is a keyed hash of who and what; without the day's salt nobody can tell who it was.
    """

    _id: bytes
    expireAt: datetime


class ViewSaltDocument(TypedDict):
    """collection viewSalts: the key of one day's hashes; `_id` is the day, 2026-01-31."""

    _id: str
    salt: bytes
    expireAt: datetime
