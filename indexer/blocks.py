"""Blocks as we keep them: the followed logs of each transaction, raw, with what else the fold needs.

A `LoggedBlock` is what a node told, or what `chainEvents` remembers of it: both give the same fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from chain.decode import Decoder, Undecodable
from chain.events import Event
from chain.values import Hash, Header, RawLog
from indexer.state import AssetKey, At, Metadata

Evidence = Literal["bloom", "receipts", "logs-only"]


class Log(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One raw log: emitter (20 bytes), topics concatenated, data."""

    address: bytes
    log_index: int
    topics: bytes
    data: bytes


class LoggedTransaction(msgspec.Struct, frozen=True, gc=False):
    """The followed logs of one transaction, in order; gas is None where no receipt was fetched."""

    hash: Hash
    index: int
    logs: list[Log]
    gas_used: int | None = None
    gas_price_wei: int | None = None


class LoggedBlock(msgspec.Struct, frozen=True):
    """A block and what it says of us."""

    number: int
    hash: Hash
    parent_hash: Hash
    timestamp: int
    transactions: list[LoggedTransaction]
    evidence: Evidence = "logs-only"
    metadata: dict[AssetKey, Metadata] = {}
    """What the asset contracts say of the tokens minted here."""
    adopted: tuple[LoggedBlock, ...] = ()
    """Earlier blocks with the logs of an asset contract that this block links for the first time."""
    rolling: bytes | None = None
    """The rolling digest that was stored with it; None for a block that comes from a node."""

    @property
    def event_count(self) -> int:
        own = sum([len(transaction.logs) for transaction in self.transactions])
        return own + sum([block.event_count for block in self.adopted])


class BadLog(NamedTuple):
    """A log of ours that could not be understood."""

    transaction_hash: Hash
    log: Log
    reason: str


class DecodedTransaction(NamedTuple):
    at: At
    events: list[Event]
    logs: list[Log]


class DecodedBlock(NamedTuple):
    """A block ready to be interpreted."""

    block: LoggedBlock
    transactions: list[DecodedTransaction]
    undecodable: list[BadLog]


def logged_blocks(logs: Sequence[RawLog], headers: Mapping[int, Header]) -> list[LoggedBlock]:
    """Group logs, sorted by position, under their headers (by block number)."""
    blocks: list[LoggedBlock] = []
    number = transaction = None
    from_hex = bytes.fromhex
    for log in logs:
        if log.block_number != number:
            number, transaction = log.block_number, None
            header = headers[int(number, 16)]
            blocks.append(LoggedBlock(header.number, header.hash, header.parent_hash, header.timestamp, []))
        if log.transaction_hash != transaction:
            transaction = log.transaction_hash
            kept = LoggedTransaction(transaction, int(log.transaction_index, 16), [])
            blocks[-1].transactions.append(kept)
            add = kept.logs.append
        topics = from_hex("".join(log.topics).replace("0x", ""))
        add(Log(_emitter(log.address), int(log.log_index, 16), topics, from_hex(log.data[2:])))
    return blocks


@lru_cache(maxsize=1024)
def _emitter(address: str) -> bytes:
    """The same few contracts emit everything: their bytes are kept once."""
    return bytes.fromhex(address[2:])


def decode_block(block: LoggedBlock, decoder: Decoder) -> DecodedBlock:
    """Decode every log; the ones that resist are set aside."""
    undecodable: list[BadLog] = []
    transactions: list[DecodedTransaction] = []
    time = datetime.fromtimestamp(block.timestamp, UTC)
    decode = decoder.decode
    for transaction in block.transactions:
        events: list[Event] = []
        for log in transaction.logs:
            try:
                events.append(decode(log.address, log.log_index, log.topics, log.data))
            except Undecodable as error:
                undecodable.append(BadLog(transaction.hash, log, str(error)))
        at = At(
            block.number,
            block.hash,
            block.timestamp,
            time,
            transaction.hash,
            transaction.gas_used,
            transaction.gas_price_wei,
        )
        transactions.append(DecodedTransaction(at, events, transaction.logs))
    return DecodedBlock(block, transactions, undecodable)
