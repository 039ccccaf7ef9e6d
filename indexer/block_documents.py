"""Blocks ↔ documents of `chainEvents` and `blocks`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chain.values import Header
from indexer.amounts import seconds_of, wei_text
from indexer.blocks import Log, LoggedBlock, LoggedTransaction
from indexer.chunks import CHUNKS_PER_BLOCK, split, whole_blocks
from indexer.state import AssetKey, Metadata
from store.documents import ChainEventsDocument, HeaderDocument, LogDocument, TransactionLogs
from store.encoding import utc


def chain_events_documents(block: LoggedBlock, tokens: Iterable[int]) -> list[ChainEventsDocument]:
    """The entry of `chainEvents`, in chunks if it is too big for one document."""
    return [chunk_document(chunk) for chunk in chunks_of(block, sorted(set(tokens)))]


class Chunk(NamedTuple):
    """A block, or a part of a big one; `place` is the id it is kept under."""

    part: LoggedBlock
    place: float
    tokens: list[int]


def chunks_of(block: LoggedBlock, tokens: list[int]) -> list[Chunk]:
    """What becomes one document each; the first knows the tokens of all."""
    first, *rest = split(block)
    places = (block.number + number / CHUNKS_PER_BLOCK for number in range(1, len(rest) + 1))
    return [
        Chunk(first, block.number, tokens),
        *(Chunk(part, place, []) for part, place in zip(rest, places, strict=True)),
    ]


def chunk_document(chunk: Chunk) -> ChainEventsDocument:
    """One document of `chainEvents`."""
    return {**_block_document(chunk.part), "_id": chunk.place, "tokens": chunk.tokens}


def _block_document(block: LoggedBlock) -> ChainEventsDocument:
    return {
        "_id": block.number,
        "hash": bytes.fromhex(block.hash[2:]),
        "parentHash": bytes.fromhex(block.parent_hash[2:]),
        "timestamp": utc(block.timestamp),
        "evidence": block.evidence,
        "rollingDigest": block.rolling or b"",
        "tokens": [],
        "transactions": [_transaction_logs(transaction) for transaction in block.transactions],
        "facts": _facts(block),
    }


def read_blocks(documents: Iterable[Mapping[str, Any]]) -> Iterator[LoggedBlock]:
    """Blocks back from `chainEvents`, given in order."""
    return whole_blocks(_logged_block(document) for document in documents)


def _logged_block(document: Mapping[str, Any]) -> LoggedBlock:
    facts = document["facts"]
    return LoggedBlock(
        int(document["_id"]),
        "0x" + document["hash"].hex(),
        "0x" + document["parentHash"].hex(),
        seconds_of(document["timestamp"]),
        [_logged_transaction(transaction) for transaction in document["transactions"]],
        document["evidence"],
        dict(_metadata_fact(fact) for fact in facts.get("metadata", [])),
        tuple(whole_blocks(_logged_block(earlier) for earlier in facts.get("adopted", []))),
        document["rollingDigest"] or None,
    )


def header_document(header: Header, evidence: str) -> HeaderDocument:
    """One entry of `blocks`."""
    return {
        "_id": header.number,
        "hash": header.hash,
        "parentHash": header.parent_hash,
        "timestamp": utc(header.timestamp),
        "evidence": evidence,  # type: ignore[typeddict-item]
    }


def header_of(document: Mapping[str, Any]) -> Header:
    return Header(
        document["_id"], document["hash"], document["parentHash"], seconds_of(document["timestamp"])
    )


def _transaction_logs(transaction: LoggedTransaction) -> TransactionLogs:
    return {
        "hash": bytes.fromhex(transaction.hash[2:]),
        "index": transaction.index,
        "gasUsed": transaction.gas_used,
        "gasPriceWei": wei_text(transaction.gas_price_wei),
        "logs": [_log_document(log) for log in transaction.logs],
    }


def _log_document(log: Log) -> LogDocument:
    return {"index": log.log_index, "address": log.address, "topics": log.topics, "data": log.data}


def _logged_transaction(document: Mapping[str, Any]) -> LoggedTransaction:
    price = document["gasPriceWei"]
    return LoggedTransaction(
        "0x" + document["hash"].hex(),
        document["index"],
        [Log(log["address"], log["index"], log["topics"], log["data"]) for log in document["logs"]],
        document["gasUsed"],
        None if price is None else int(price),
    )


def _facts(block: LoggedBlock) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if block.metadata:
        facts["metadata"] = [_fact_of(key, metadata) for key, metadata in block.metadata.items()]
    if block.adopted:
        facts["adopted"] = [_block_document(earlier) for earlier in block.adopted]
    return facts


def _fact_of(key: AssetKey, metadata: Metadata) -> dict[str, Any]:
    return {
        "contract": key[0],
        "tokenId": key[1],
        "name": metadata.name,
        "assetType": metadata.asset_type,
        "assetLocation": metadata.asset_location,
        "acquisitionDate": str(metadata.acquisition_date),
        "description": metadata.description,
        "isVerified": metadata.is_verified,
    }


def _metadata_fact(fact: Mapping[str, Any]) -> tuple[AssetKey, Metadata]:
    metadata = Metadata(
        fact["name"],
        fact["assetType"],
        fact["assetLocation"],
        int(fact["acquisitionDate"]),
        fact["description"],
        fact["isVerified"],
    )
    return (fact["contract"], fact["tokenId"]), metadata
