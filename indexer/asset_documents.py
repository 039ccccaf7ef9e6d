"""Asset states ↔ documents of `assets`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain.values import Address
from indexer.amounts import seconds_of, wei_text
from indexer.state import AssetState, Listing, Metadata
from store.documents import (
    AssetDocument,
    CurrentPriceDocument,
    ListingDocument,
    MarketStatusDocument,
    UnavailableReason,
)
from store.encoding import amount_key, date_or_none, ether, utc
from store.identity import asset_id
from store.words import keys_of


def asset_fields(asset: AssetState, marketplace: Address, operator_approved: bool) -> dict[str, Any]:
    """Every field of an asset that the indexer owns and that can change, as dotted paths."""
    return {
        "currentPrice": _current_price(asset),
        "marketStatus": _market_status(asset, marketplace, operator_approved),
        "ownership.currentOwner": asset.owner,
        "ownership.ownerSince": utc(asset.owner_since),
        "chain.updatedBlock": asset.updated_block,
        "chain.updatedLogIndex": asset.updated_log_index,
        "chain.approved": asset.approved,
        "chain.listing": _listing(asset.listing),
    }


def price_fields(asset: AssetState) -> dict[str, Any]:
    """The fields that change with the price alone."""
    return {
        "currentPrice": _current_price(asset),
        "chain.updatedBlock": asset.updated_block,
        "chain.updatedLogIndex": asset.updated_log_index,
    }


def market_facts(asset: AssetState) -> tuple[object, ...]:
    """What the fields beyond the price depend on."""
    return (asset.owner, asset.owner_since, asset.approved, asset.listing)


def new_asset(asset: AssetState, marketplace: Address, operator_approved: bool) -> AssetDocument:
    """The document of a token seen for the first time."""
    metadata = asset.metadata
    return {
        "_id": asset_id(asset.contract, asset.token_id),
        "tokenId": asset.token_id,
        "contractAddress": asset.contract,
        "name": metadata.name if metadata else None,
        "assetType": metadata.asset_type if metadata else None,
        "description": metadata.description if metadata else None,
        "tokenURI": asset.token_uri,
        "metadata": _metadata(metadata),
        "currentPrice": _current_price(asset),
        "marketStatus": _market_status(asset, marketplace, operator_approved),
        "ownership": {"currentOwner": asset.owner, "ownerSince": utc(asset.owner_since)},
        "createdAt": utc(asset.minted_at),
        "searchKeys": keys_of((metadata.name, metadata.asset_type, metadata.description)) if metadata else [],
        "chain": {
            "mintBlock": asset.mint_block,
            "mintLogIndex": asset.mint_log_index,
            "mintTransactionHash": asset.mint_transaction_hash,
            "updatedBlock": asset.updated_block,
            "updatedLogIndex": asset.updated_log_index,
            "approved": asset.approved,
            "listing": _listing(asset.listing),
            "isVerified": metadata.is_verified if metadata else None,
            "initialPriceWei": wei_text(asset.initial_price_wei),
            "acquisitionDateSeconds": str(metadata.acquisition_date) if metadata else None,
        },
    }


def asset_state(document: Mapping[str, Any]) -> AssetState:
    """Read a state back from its document."""
    chain, price, ownership = document["chain"], document["currentPrice"], document["ownership"]
    initial = chain["initialPriceWei"]
    listing = chain["listing"]
    return AssetState(
        contract=document["contractAddress"],
        token_id=document["tokenId"],
        owner=ownership["currentOwner"],
        owner_since=seconds_of(ownership["ownerSince"]),
        price_wei=int(price["valueWei"]),
        price_at=seconds_of(price["updatedAt"]),
        mint_block=chain["mintBlock"],
        mint_log_index=chain["mintLogIndex"],
        mint_transaction_hash=chain["mintTransactionHash"],
        minted_at=seconds_of(document["createdAt"]),
        updated_block=chain["updatedBlock"],
        updated_log_index=chain["updatedLogIndex"],
        token_uri=document["tokenURI"],
        initial_price_wei=None if initial is None else int(initial),
        confidence=price["aiConfidenceScore"],
        approved=chain["approved"],
        listing=listing
        and Listing(listing["seller"], int(listing["priceWei"]), seconds_of(listing["listedAt"])),
        metadata=_metadata_state(document),
    )


def _metadata_state(document: Mapping[str, Any]) -> Metadata | None:
    seconds = document["chain"]["acquisitionDateSeconds"]
    if seconds is None:
        return None
    return Metadata(
        document["name"],
        document["assetType"],
        document["metadata"]["assetLocation"],
        int(seconds),
        document["description"],
        document["chain"]["isVerified"],
    )


def _metadata(metadata: Metadata | None) -> dict[str, Any]:
    if metadata is None:
        return {"assetLocation": None, "acquisitionDate": None}
    return {
        "assetLocation": metadata.asset_location,
        "acquisitionDate": date_or_none(metadata.acquisition_date),
    }


def _current_price(asset: AssetState) -> CurrentPriceDocument:
    return {
        "value": ether(asset.price_wei),
        "valueWei": str(asset.price_wei),
        "valueKey": amount_key(asset.price_wei),
        "valueUsd": None,
        "updatedAt": utc(asset.price_at),
        "aiConfidenceScore": asset.confidence,
    }


def _market_status(asset: AssetState, marketplace: Address, operator_approved: bool) -> MarketStatusDocument:
    reason = unavailable_reason(asset, marketplace, operator_approved)
    offer = asset.listing if asset.is_for_sale else None
    return {
        "isListed": asset.is_for_sale,
        "isPurchasable": asset.is_for_sale and reason is None,
        "unavailableReason": reason,
        "listingPrice": ether(offer.price_wei) if offer else None,
        "listingPriceWei": str(offer.price_wei) if offer else None,
        "listingPriceKey": amount_key(offer.price_wei) if offer else None,
        "listedAt": utc(offer.listed_at) if offer else None,
        "listedBy": offer.seller if offer else None,
    }


def unavailable_reason(
    asset: AssetState, marketplace: Address, operator_approved: bool
) -> UnavailableReason | None:
    """Why an active listing cannot be bought; None where it can, or where there is none."""
    if asset.listing is None:
        return None
    if not asset.is_for_sale:
        return "owner-changed"
    return None if operator_approved or asset.approved == marketplace else "not-approved"


def _listing(listing: Listing | None) -> ListingDocument | None:
    if listing is None:
        return None
    return {
        "seller": listing.seller,
        "priceWei": str(listing.price_wei),
        "listedAt": utc(listing.listed_at),
    }


def asset_base(asset: AssetState | None, marketplace: Address) -> dict[str, Any]:
    """What `chain.base` keeps of a state; a token that was not there at finality is `absent`."""
    if asset is None:
        return {"absent": True}
    document = dict(new_asset(asset, marketplace, operator_approved=False))
    del document["searchKeys"]  # made of what cannot change
    return document


def asset_from_base(base: Mapping[str, Any]) -> AssetState | None:
    return None if base.get("absent") else asset_state(base)
