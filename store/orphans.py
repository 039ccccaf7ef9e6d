"""What people wrote about an asset whose mint a reorg took back: set aside, and given back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from store.identity import row_id

Document = Mapping[str, Any]

CHAIN_METADATA = ("assetLocation", "acquisitionDate")
PEOPLE = ("media", "verification", "stats", "updatedAt")


def orphan_id(asset: Document) -> ObjectId:
    return row_id(asset["chain"]["mintTransactionHash"], 0, f"orphan:{asset['_id']}")


def orphan_of(asset: Document) -> Document | None:
    """What people wrote about an asset, kept apart from whatever gets its token id next."""
    metadata = {key: value for key, value in asset["metadata"].items() if key not in CHAIN_METADATA}
    people = {key: asset[key] for key in PEOPLE if key in asset} | (
        {"metadata": metadata} if metadata else {}
    )
    if not people:
        return None
    return {
        "_id": orphan_id(asset),
        "contractAddress": asset["contractAddress"],
        "tokenId": asset["tokenId"],
        "mintTransactionHash": asset["chain"]["mintTransactionHash"],
        "people": people,
    }


def with_people(asset: Document, people: Document | None) -> Document:
    if people is None:
        return asset
    metadata = {**people.get("metadata", {}), **asset["metadata"]}
    return {**asset, **people, "metadata": metadata}
