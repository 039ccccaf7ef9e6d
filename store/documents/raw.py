"""What the chain said, raw: the events of each block, and headers that may still be taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypedDict

Evidence = Literal["bloom", "receipts", "logs-only"]


class LogDocument(TypedDict):
    """One log, raw: address (20 bytes), topics concatenated (32 bytes each), data."""

    index: int
    address: bytes
    topics: bytes
    data: bytes


class TransactionLogs(TypedDict):
    """The logs of one transaction that we follow. `ordinal` in derived ids counts *these* logs from 0."""

    hash: bytes
    index: int
    gasUsed: int | None
    gasPriceWei: str | None
    logs: list[LogDocument]


class ChainEventsDocument(TypedDict):
    """collection chainEvents: one eventful block; `_id` is the block number.

    A block above 8 MB goes on in further documents: chunk k of block n is n + k/1024, a double.
    """

    _id: int | float
    hash: bytes
    parentHash: bytes
    timestamp: datetime
    evidence: Evidence
    rollingDigest: bytes
    """Of everything our contracts have logged up to this block and in it; the same in every chunk."""
    tokens: list[int]
    transactions: list[TransactionLogs]
    facts: dict[str, Any]
    """What eth_call answered when the block was indexed: metadata of minted tokens, adopted history."""


class HeaderDocument(TypedDict):
    """collection blocks: headers of the unfinalized window; `_id` is the block number."""

    _id: int
    hash: str
    parentHash: str
    timestamp: datetime
    evidence: Evidence


class EvidenceDocument(TypedDict):
    """collection evidence: final blocks without events, `_id` to `toBlock`, that are vouched for alike."""

    _id: int
    toBlock: int
    evidence: Evidence
