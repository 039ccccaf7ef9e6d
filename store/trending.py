"""What trends: the deeds of the last days, counted for each asset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from store.documents import AssetDocument
from store.identity import AssetId
from store.snapshot import Document, Snapshot

DAY, WEEK = timedelta(hours=24), timedelta(days=7)
CANDIDATES = 1000
DEEDS = 20_000
"""Newest deeds that are looked at: a week of a market of any size must not cost more than that."""
STIRRING: Document = {"type": {"$in": ["buy", "list", "mint"]}}
WITHOUT_BOOKS = {"chain.base": 0, "searchKeys": 0}


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What each thing counts; `views` and `favorites` are weights of a binary logarithm."""

    buyers24h: int = 8
    buyers7d: int = 4
    listed7d: int = 2
    minted7d: int = 2
    views: int = 1
    favorites: int = 2


WEIGHTS = Weights()


class Stir(msgspec.Struct, frozen=True, kw_only=True):
    """What the chain says of one asset's last days; `newest` is the place of its newest deed."""

    asset: AssetId
    buyers24h: int
    buyers7d: int
    listed7d: int
    minted7d: int
    newest: tuple[int, int]


class Interest(msgspec.Struct, frozen=True):
    """What people have done about an asset, ever."""

    views: int
    favorites: int


class Trending:
    """Deeds of the last days, as of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def candidates(self, now: datetime) -> list[Stir]:
        """The assets with the highest part that the chain decides; what is as high goes by newest deed."""
        rows = self._snapshot.aggregate(
            "transactions",
            [
                {"$match": {**STIRRING, "timestamp": {"$gt": self._since(now)}}},
                {"$sort": {"timestamp": -1}},  # or else the server may walk the deeds by block, all of them
                {"$limit": DEEDS},
                {"$group": _group(now)},
                {"$set": {"buyers24h": {"$size": "$buyers24h"}, "buyers7d": {"$size": "$buyers7d"}}},
                {"$set": {"part": _chain_part()}},
                {"$sort": {"part": -1, "newest": -1, "_id": -1}},
                {"$limit": CANDIDATES},
            ],
        )
        return [_stir(row) for row in rows]

    def _since(self, now: datetime) -> datetime:
        """A week ago, or the second that would take in more than DEEDS."""
        one_too_many = self._snapshot.find(
            "transactions",
            {**STIRRING, "timestamp": {"$gt": now - WEEK}},
            sort=[("timestamp", -1)],
            skip=DEEDS,
            limit=1,
            projection={"timestamp": 1, "_id": 0},
        )
        return cast("datetime", one_too_many[0]["timestamp"]) if one_too_many else now - WEEK

    def interest(self, assets: Sequence[AssetId]) -> dict[AssetId, Interest]:
        """What people have done about each of the assets; those that are gone are missing."""
        rows = self._snapshot.find("assets", {"_id": {"$in": list(assets)}}, projection={"stats": 1})
        return {row["_id"]: _interest(row.get("stats", {})) for row in rows}

    def assets(self, wanted: Sequence[AssetId]) -> dict[AssetId, AssetDocument]:
        """The assets themselves, by id."""
        rows = self._snapshot.find("assets", {"_id": {"$in": list(wanted)}}, projection=WITHOUT_BOOKS)
        return {row["_id"]: cast("AssetDocument", row) for row in rows}


def _group(now: datetime) -> Document:
    # A sale to oneself has no buyer.
    bought = {"$and": [{"$eq": ["$type", "buy"]}, {"$ne": ["$seller", "$buyer"]}]}
    lately = {"$and": [bought, {"$gt": ["$timestamp", now - DAY]}]}
    return {
        "_id": "$assetId",
        "buyers24h": {"$addToSet": {"$cond": [lately, "$buyer", "$$REMOVE"]}},
        "buyers7d": {"$addToSet": {"$cond": [bought, "$buyer", "$$REMOVE"]}},
        "listed7d": {"$max": {"$cond": [{"$eq": ["$type", "list"]}, 1, 0]}},
        "minted7d": {"$max": {"$cond": [{"$eq": ["$type", "mint"]}, 1, 0]}},
        "newest": {"$max": {"b": "$blockchain.blockNumber", "l": "$blockchain.logIndex"}},
    }


def _chain_part() -> Document:
    names = ("buyers24h", "buyers7d", "listed7d", "minted7d")
    return {"$add": [{"$multiply": [f"${name}", getattr(WEIGHTS, name)]} for name in names]}


def _stir(row: Document) -> Stir:
    newest = row["newest"]["b"], row["newest"]["l"]
    counts = {name: row[name] for name in ("buyers24h", "buyers7d", "listed7d", "minted7d")}
    return Stir(asset=row["_id"], newest=newest, **counts)


def _interest(stats: Any) -> Interest:
    return Interest(stats.get("viewCount", 0), stats.get("favoriteCount", 0))
