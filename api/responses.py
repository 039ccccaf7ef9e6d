"""Documents as callers see them: the only place where our names become camelCase JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from store.documents import (
    AssetDocument,
    BlockRefDocument,
    CheckpointDocument,
    EventDocument,
    LeaseDocument,
    MarketDocument,
    PriceDocument,
    ReorgDocument,
    RowBlockchainDocument,
    TransactionDocument,
)
from store.encoding import ether
from store.market import Figures, Trade
from store.status import shares

Json = dict[str, Any]

MEDIA: Json = {"thumbnailUrl": None, "imageKeys": [], "videoKey": None, "documentKeys": [], "modelKey": None}
VERIFICATION: Json = {"isVerified": False, "verifiedBy": None, "verifiedAt": None, "verificationData": None}
STATS: Json = {"viewCount": 0, "favoriteCount": 0, "offerCount": 0}
NONE_FINAL = -1
"""As for the block number of finality, where no block is final or it is not asked for."""


def present_amount(wei: int | None) -> Json | None:
    """Ether for display and exact wei."""
    return None if wei is None else {"value": ether(wei), "valueWei": str(wei)}


def present_asset_item(asset: AssetDocument, finalized: int) -> Json:
    """An asset in a list."""
    return {
        "id": str(asset["_id"]),
        "tokenId": asset["tokenId"],
        "contractAddress": asset["contractAddress"],
        "name": asset["name"],
        "assetType": asset["assetType"],
        "thumbnailUrl": asset.get("media", {}).get("thumbnailUrl"),
        "currentPrice": _without(asset["currentPrice"], "valueKey"),
        "marketStatus": _without(asset["marketStatus"], "listingPriceKey"),
        "isListed": asset["marketStatus"]["isListed"],
        "currentOwner": asset["ownership"]["currentOwner"],
        "isVerified": bool(asset.get("verification", {}).get("isVerified")),
        "finality": _finality(asset["chain"]["updatedBlock"], finalized),
        "createdAt": asset["createdAt"],
        "updatedAt": asset.get("updatedAt"),
    }


def present_asset(asset: AssetDocument, finalized: int) -> Json:
    """An asset in full."""
    return {
        **present_asset_item(asset, finalized),
        "description": asset["description"],
        "tokenURI": asset["tokenURI"],
        "metadata": _plain(asset["metadata"]),
        "media": MEDIA | asset.get("media", {}),
        "ownership": dict(asset["ownership"]),
        "verification": VERIFICATION | _plain(asset.get("verification", {})),
        "stats": STATS | asset.get("stats", {}),
        "chain": _asset_chain(asset),
    }


def _asset_chain(asset: AssetDocument) -> Json:
    """What the chain says beyond the plan's fields, without the indexer's bookkeeping."""
    chain = asset["chain"]
    shown = ("mintBlock", "mintTransactionHash", "updatedBlock", "initialPriceWei", "acquisitionDateSeconds")
    return {**{name: chain[name] for name in shown}, "claimedVerified": chain["isVerified"]}  # type: ignore[literal-required]


def present_listing(asset: AssetDocument, finalized: int) -> Json:
    """An asset as an offer: price is the price asked."""
    market = asset["marketStatus"]
    return {
        "id": str(asset["_id"]),
        "tokenId": asset["tokenId"],
        "contractAddress": asset["contractAddress"],
        "name": asset["name"],
        "assetType": asset["assetType"],
        "thumbnailUrl": asset.get("media", {}).get("thumbnailUrl"),
        "price": market["listingPrice"],
        "priceWei": market["listingPriceWei"],
        "seller": market["listedBy"],
        "listedAt": market["listedAt"],
        "isPurchasable": market["isPurchasable"],
        "unavailableReason": market["unavailableReason"],
        "currentPrice": _without(asset["currentPrice"], "valueKey"),
        "isVerified": bool(asset.get("verification", {}).get("isVerified")),
        "finality": _finality(asset["chain"]["updatedBlock"], finalized),
    }


def present_transaction(row: TransactionDocument, finalized: int, viewer: str | None = None) -> Json:
    """A deed; in the viewer's own list what the viewer sold is called `sell`."""
    sold = row["type"] == "buy" and viewer is not None and viewer == row["seller"] != row["buyer"]
    return {
        "id": str(row["_id"]),
        "type": "sell" if sold else row["type"],
        "tokenId": row["tokenId"],
        "assetId": str(row["assetId"]),
        "contractAddress": row["contractAddress"],
        "price": row["price"],
        "priceWei": row["priceWei"],
        "priceUsd": row["priceUsd"],
        "seller": row["seller"],
        "buyer": row["buyer"],
        "timestamp": row["timestamp"],
        "blockchain": present_row_origin(row["blockchain"]),
        "status": present_row_status(row["blockchain"]["blockNumber"], finalized),
        "platformFee": row["platformFee"],
        "platformFeeWei": row["platformFeeWei"],
        "paymentMethod": row["paymentMethod"],
    }


def present_price(point: PriceDocument) -> Json:
    """A point of the price history."""
    return {
        "id": str(point["_id"]),
        "tokenId": point["tokenId"],
        "assetId": str(point["assetId"]),
        "contractAddress": point["contractAddress"],
        "price": point["price"],
        "priceWei": point["priceWei"],
        "priceUsd": point["priceUsd"],
        "timestamp": point["timestamp"],
        "source": dict(point["source"]),
        "aiMetrics": dict(point["aiMetrics"]),
        "blockchain": present_row_origin(point["blockchain"]),
    }


def present_event(event: EventDocument) -> Json:
    """One event of the sequence, the same whenever it is read; a deed is `pending`, taken back `orphaned`."""
    return {
        "seq": event["_id"],
        "type": event["type"],
        "blockNumber": event["blockNumber"],
        "blockHash": event["blockHash"],
        "timestamp": event["timestamp"],
        "retracts": event.get("retracts"),
        "data": _told(event),
    }


def _told(event: EventDocument) -> Json:
    body: Any = event["body"]
    match event.get("retracts", event["type"]), event["type"]:
        case "transaction", "retraction":
            return present_transaction(body, NONE_FINAL) | {"status": "orphaned"}
        case "transaction", _:
            return present_transaction(body, NONE_FINAL)
        case "price", _:
            return present_price(body)
    return dict(body)


def present_activity(row: TransactionDocument | PriceDocument, finalized: int) -> Json:
    """A deed, or a price set without one (type `price`), in one shape."""
    return {
        "id": str(row["_id"]),
        "type": row.get("type", "price"),
        "tokenId": row["tokenId"],
        "assetId": str(row["assetId"]),
        "contractAddress": row["contractAddress"],
        "price": row["price"],
        "priceWei": row["priceWei"],
        "priceUsd": row["priceUsd"],
        "seller": row.get("seller"),
        "buyer": row.get("buyer"),
        "source": row.get("source"),
        "confidenceScore": _plain(row.get("aiMetrics") or {}).get("confidenceScore"),
        "timestamp": row["timestamp"],
        "blockchain": present_row_origin(row["blockchain"]),
        "status": present_row_status(row["blockchain"]["blockNumber"], finalized),
    }


def present_stats(figures: Figures, market: MarketDocument | None) -> Json:
    """The market in numbers."""
    return {
        "assets": figures.assets,
        "holders": figures.holders,
        "listed": figures.listed,
        "purchasable": figures.purchasable,
        "listedRatio": figures.listed / figures.assets if figures.assets else None,
        "floorPrice": present_amount(figures.floor_wei),
        "purchasableFloorPrice": present_amount(figures.purchasable_floor_wei),
        "trade": {window: present_trade(trade) for window, trade in figures.trade.items()},
        "feeBps": market["feeBps"] if market else None,
        "feeCollector": market["feeCollector"] if market else None,
    }


def present_trade(trade: Trade) -> Json:
    return {
        "sales": trade.sales,
        "volume": ether(trade.volume_wei),
        "volumeWei": str(trade.volume_wei),
        "fees": ether(trade.fees_wei),
        "feesWei": str(trade.fees_wei),
        "selfTrades": trade.self_trades,
        "selfTradedWei": str(trade.self_traded_wei),
    }


def present_status(
    checkpoint: CheckpointDocument | None, lease: LeaseDocument | None, lag: tuple[int, int]
) -> Json:
    """Where the indexer stands; `lag` is in blocks and seconds."""
    stands: Json = {**(checkpoint or {})}
    tip = _block(stands.get("tip"))
    return {
        "chainId": stands.get("chainId"),
        "state": stands.get("state", "unindexed"),
        "head": _block(stands.get("head")),
        "tip": {**tip, "timestamp": stands.get("tipTimestamp")} if tip else None,
        "finalized": _block(stands.get("finalized")),
        "lagBlocks": lag[0],
        "lagSeconds": lag[1],
        "eventsPerSecond": stands.get("eventsPerSecond", 0.0),
        "events": stands.get("events", 0),
        "quarantined": stands.get("quarantined", 0),
        "reorgs": stands.get("reorgs", 0),
        "lease": {"holder": lease["holder"], "epoch": lease["epoch"]} if lease else None,
        "digest": stands.get("digest"),
        "rollingDigest": stands.get("rollingDigest"),
        "evidence": shares(stands.get("evidence"), stands.get("blooms")),
        "lastError": stands.get("lastError"),
        "updatedAt": stands.get("updatedAt"),
    }


def present_reorg(reorg: ReorgDocument) -> Json:
    """One rewind."""
    return {
        "id": str(reorg["_id"]),
        "detectedAt": reorg["detectedAt"],
        "depth": reorg["depth"],
        "ancestor": _block(reorg["ancestor"]),
        "oldTip": _block(reorg["oldTip"]),
        "orphaned": [_block(block) for block in reorg["orphaned"]],
        "eventsRemoved": reorg["eventsRemoved"],
    }


def _block(block: BlockRefDocument | None) -> Json | None:
    return {"number": block["number"], "hash": block["hash"]} if block else None


def present_row_origin(place: RowBlockchainDocument) -> Json:
    return {
        "transactionHash": place["transactionHash"],
        "blockNumber": place["blockNumber"],
        "blockHash": place["blockHash"],
        "logIndex": place["logIndex"],
        "gasUsed": place["gasUsed"],
        "gasPriceWei": place["gasPriceWei"],
    }


def _without(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return (
        document if key not in document else {name: value for name, value in document.items() if name != key}
    )


def _plain(document: Any) -> Json:
    """Free-form parts, as they are: keys and values were checked when they were written."""
    return dict(document)


def _finality(block_number: int, finalized: int) -> str:
    return "finalized" if block_number <= finalized else "unfinalized"


def present_row_status(block_number: int, finalized: int) -> str:
    return "completed" if block_number <= finalized else "pending"
