"""Rows of the books → documents of `transactions`, `priceHistory` and `quarantine`."""

from __future__ import annotations

from chain.addresses import to_checksum
from indexer.amounts import wei_text
from indexer.blocks import BadLog, LoggedBlock
from indexer.rows import Deed, PricePoint, Row
from store.documents import PriceDocument, QuarantineDocument, RowBlockchainDocument, TransactionDocument
from store.encoding import ether
from store.identity import asset_id, quarantine_id, row_id


def transaction_document(deed: Deed) -> TransactionDocument:
    """One entry of `transactions`."""
    price, fee = deed.price_wei, deed.fee_wei
    return {
        "_id": row_id(deed.at.transaction_hash, deed.ordinal, f"{deed.type}:{deed.contract}"),
        "type": deed.type,
        "contractAddress": deed.contract,
        "tokenId": deed.token_id,
        "assetId": asset_id(deed.contract, deed.token_id),
        "price": None if price is None else ether(price),
        "priceWei": wei_text(price),
        "priceUsd": None,
        "seller": deed.seller,
        "buyer": deed.buyer,
        "timestamp": deed.at.time,
        "blockchain": _origin(deed),
        "platformFee": None if fee is None else ether(fee),
        "platformFeeWei": wei_text(fee),
        "paymentMethod": "eth" if deed.type == "buy" else None,
    }


def price_document(point: PricePoint) -> PriceDocument:
    """One entry of `priceHistory`."""
    return {
        "_id": row_id(point.at.transaction_hash, point.ordinal, f"price:{point.contract}"),
        "assetId": asset_id(point.contract, point.token_id),
        "contractAddress": point.contract,
        "tokenId": point.token_id,
        "price": ether(point.price_wei),
        "priceWei": str(point.price_wei),
        "priceUsd": None,
        "timestamp": point.at.time,
        "source": {"type": point.source, "dataSourceName": point.data_source, "modelVersion": None},
        "aiMetrics": {"confidenceScore": point.confidence, "factors": []},
        "blockchain": _origin(point),
    }


def quarantine_document(block: LoggedBlock, bad: BadLog) -> QuarantineDocument:
    """One entry of `quarantine`."""
    topics = bad.log.topics
    return {
        "_id": quarantine_id(block.hash, bad.log.log_index),
        "blockNumber": block.number,
        "blockHash": block.hash,
        "logIndex": bad.log.log_index,
        "transactionHash": bad.transaction_hash,
        "address": to_checksum(bad.log.address),
        "topics": ["0x" + topics[at : at + 32].hex() for at in range(0, len(topics), 32)],
        "data": bad.log.data,
        "reason": bad.reason,
    }


def _origin(row: Row) -> RowBlockchainDocument:
    at = row.at
    return {
        "transactionHash": at.transaction_hash,
        "blockNumber": at.block_number,
        "blockHash": at.block_hash,
        "logIndex": row.log_index,
        "gasUsed": at.gas_used,
        "gasPriceWei": wei_text(at.gas_price_wei),
        "timestamp": at.time,
    }
