"""What a Node answers with, beyond the plain values of the chain."""

from __future__ import annotations

from typing import Literal

import msgspec

from chain.card import Feature, State
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


class EndpointReport(msgspec.Struct, frozen=True, rename="camel"):
    """The report card of one endpoint, as we keep it and show it; nothing in it is secret."""

    name: str
    """Host and port, and a short id that tells two keys at one provider apart."""
    state: State
    reason: str | None
    """Why it is quarantined or suspect."""
    retry_in_seconds: float
    """Seconds until it leaves quarantine."""
    head: int | None
    lag_blocks: int | None
    """Behind the best head of all endpoints, at the last examination."""
    requests: int
    latency_ms: float | None
    """Moving average per HTTP exchange."""
    errors: dict[str, int]
    """By class of `chain.errors`."""
    last_error: str | None
    contradictions: int
    """Answers that did not fit the question, or another answer."""
    last_contradiction: str | None
    learned_cap: int | None
    """Widest `eth_getLogs` range that the provider allows, in blocks; None before it has said."""
    max_batch: int
    supports: dict[Feature, bool]
    """What was found out so far."""
