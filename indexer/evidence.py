"""How sure we are that no log of a block is missing, and whether the chain's blooms can tell.

receipts   the block's receipts give the root in its header (`dvault prove`)
bloom      the header's bloom filter agrees with the logs
logs-only  nobody but the node that gave the logs says so
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from chain.addresses import to_checksum
from chain.bloom import BLOOM_BITS, is_blank, is_saturated, may_contain
from chain.values import Address, Header
from indexer.blocks import Evidence, LoggedBlock
from store.commit import TALLIED
from store.spans import Span, merged

logger = logging.getLogger(__name__)

Tally = Counter[str]
"""How many blocks are vouched for in which way."""


class BloomTrouble(NamedTuple):
    """A block whose bloom filter cannot be right, and why."""

    block: int
    reason: str


class Blooms:
    """Whether the chain's bloom filters can be relied on. Once they cannot, they vouch for nothing more.

    Safe to share between threads: a trouble is found once, or found again.
    """

    def __init__(self, trouble: BloomTrouble | None = None) -> None:
        self.trouble = trouble
        self._is_news = False

    def judged(self, told: Evidence, header: Header, emitters: Iterable[Address]) -> Evidence:
        """The evidence of a block whose logs are of these emitters, if `told` were all there is to say."""
        trouble = trouble_of(header, emitters) if self.trouble is None else self.trouble
        if trouble is None:
            return told
        if self.trouble is None:
            self.trouble, self._is_news = trouble, True
            logger.warning(
                "the chain's bloom filters are unusable",
                extra={"block": trouble.block, "reason": trouble.reason},
            )
        return "logs-only"

    def news(self) -> dict[str, Any]:
        """What the checkpoint does not say yet, for the commit of the block that showed it."""
        if not self._is_news or self.trouble is None:
            return {}
        self._is_news = False
        return {"blooms": self.trouble._asdict()}


def blooms_of(document: Mapping[str, Any] | None) -> Blooms:
    """What a checkpoint knows of the chain's blooms."""
    told = document.get("blooms") if document else None
    return Blooms(BloomTrouble(told["block"], told["reason"]) if told else None)


def trouble_of(header: Header, emitters: Iterable[Address]) -> BloomTrouble | None:
    """Why a header's bloom cannot be that of a block with logs of these emitters; None if it can."""
    emitters, bloom = list(emitters), header.logs_bloom
    if bloom is None or is_blank(bloom):
        said = "has no bloom" if bloom is None else "has a bloom without a single bit"
        return BloomTrouble(header.number, f"the header {said}, though there are logs") if emitters else None
    if int(bloom, 16).bit_count() == BLOOM_BITS:
        return BloomTrouble(header.number, "every bit of the header's bloom is set")
    for address in emitters:
        if not may_contain(bloom, address):
            return BloomTrouble(header.number, f"the header's bloom lacks {address}, which logged something")
    return None


def evidence_of(block: LoggedBlock, header: Header, addresses: Sequence[Address]) -> tuple[Evidence, bool]:
    """How far the header's bloom vouches for the logs, and whether it speaks of logs we did not get."""
    bloom, told = header.logs_bloom, emitters_of(block)
    if bloom is None or (told and is_blank(bloom)) or is_saturated(bloom):
        return "logs-only", False
    if not all(may_contain(bloom, address) for address in told):
        return "logs-only", False
    return "bloom", any(address not in told and may_contain(bloom, address) for address in addresses)


def emitters_of(block: LoggedBlock) -> set[Address]:
    """The contracts whose logs a block has."""
    raw = {log.address for transaction in block.transactions for log in transaction.logs}
    return {to_checksum(address) for address in raw}


def tally_of(blocks: Iterable[LoggedBlock], from_block: int, to_block: int) -> Tally:
    """Count a range of which we know the eventful blocks; of the others we only know what logs say."""
    tally: Tally = Counter(block.evidence for block in blocks if block.event_count)
    tally["logs-only"] += to_block - from_block + 1 - tally.total()
    return tally


class Census:
    """Counts all blocks anew: of spans, and of the window, while every eventful block is shown once."""

    def __init__(self, spans: Sequence[Span], window: Mapping[int, Evidence]) -> None:
        self._spans, self._window = spans, window
        self._firsts = [span.first for span in spans]
        self.tally: Tally = Counter(window.values())
        for span in spans:
            self.tally[span.evidence] += span.size

    def see(self, block: LoggedBlock) -> None:
        """A block with events counts for its own evidence, not for that of the span that passes over it."""
        assumed = self._window.get(block.number) or self._spanned(block.number)
        if assumed is not None:
            self.tally[assumed] -= 1
        self.tally[block.evidence] += 1

    def _spanned(self, number: int) -> Evidence | None:
        at = bisect_right(self._firsts, number) - 1
        return self._spans[at].evidence if at >= 0 and number <= self._spans[at].last else None


def tally_fields(tally: Mapping[str, int]) -> dict[str, int]:
    """As the checkpoint keeps it."""
    return {field: tally.get(kind, 0) for kind, field in TALLIED.items()}


def spans_of(evidence: Mapping[int, Evidence]) -> list[Span]:
    """Neighbouring blocks, given by number in order, that are vouched for alike."""
    return merged(Span(number, number, kind) for number, kind in evidence.items())
