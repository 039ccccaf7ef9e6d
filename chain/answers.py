"""What a Node answers with, beyond the plain values of the chain."""

from __future__ import annotations

from typing import Literal

import msgspec

from chain.values import Hash, Header, RawLog

Evidence = Literal["bloom", "logs-only"]
"""bloom: the header's bloom filter agrees with the logs; logs-only: it could not be used, or has doubts."""


class LogRange(msgspec.Struct, frozen=True, gc=False):
    """The logs of a range, sorted by (block, logIndex), and the header of its last block."""

    logs: list[RawLog]
    to_header: Header
    removed: int = 0
    """Logs that the node called removed; dropped. Above 0 the range deserves another look."""


class BlockFacts(msgspec.Struct, frozen=True, gc=False):
    """The logs of one block, sorted by logIndex, its header, and how sure we are that none is missing."""

    logs: list[RawLog]
    header: Header
    evidence: Evidence


class BlockProof(msgspec.Struct, frozen=True, gc=False):
    """Every log of a block, in order. `doubt` says why the receipts could not be proven; None: they are."""

    header: Header
    logs: list[RawLog]
    doubt: str | None = None


class TransactionPlace(msgspec.Struct, frozen=True, gc=False):
    """Where the node has a transaction; both None while it is in no block."""

    block_number: int | None
    block_hash: Hash | None


class EndpointReport(msgspec.Struct, frozen=True):
    """How one endpoint does; the URL has no credentials, errors are counted by class name."""

    url: str
    learned_cap: int | None
    """Widest `eth_getLogs` range that the provider allows, in blocks; None before it has said."""
    max_batch: int
    errors: dict[str, int]
    last_error: str | None
    latency_ms: float | None
    """Moving average per HTTP exchange."""
