"""The rolling digest: what all our contracts have logged up to a block, in 32 bytes. Pure.

Each block with events has digest = SHA-256(digest before it, then the MessagePack of what it logged); a
block without events has that of the one before, so the digest is defined at every height. Only what the
chain says enters: block, transactions and logs; no evidence, no gas, no metadata, no settings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from indexer.blocks import LoggedBlock

START = bytes(32)
"""Before the first event."""

_canonical = msgspec.msgpack.Encoder().encode


class Link(NamedTuple):
    """A block with events, and the rolling digest that it leads to."""

    block: LoggedBlock
    digest: bytes


def rolled(before: bytes, block: LoggedBlock) -> bytes:
    """The digest after a block that has events."""
    return hashlib.sha256(before + _canonical(_said(block))).digest()


def links(before: bytes, blocks: Iterable[LoggedBlock]) -> Iterator[Link]:
    """The blocks that have events, in order, each with its digest."""
    for block in blocks:
        if block.event_count:
            before = rolled(before, block)
            yield Link(block, before)


def _said(block: LoggedBlock) -> list[Any]:
    """[number, hash, [[transaction hash, index, [[address, logIndex, topics, data], ...]], ...], adopted]"""
    transactions = [(each.hash, each.index, each.logs) for each in block.transactions]
    return [block.number, block.hash, transactions, [_said(earlier) for earlier in block.adopted]]
