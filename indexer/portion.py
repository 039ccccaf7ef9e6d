"""A few neighbouring final blocks under proof: what we have of them, and how they are vouched for."""

from __future__ import annotations

from collections import Counter

from chain.answers import BlockProof
from chain.bloom import bloom_of
from chain.values import Hash, Header
from indexer.block_documents import read_blocks
from indexer.blocks import Evidence, LoggedBlock
from indexer.evidence import BloomTrouble, blooms_of, spans_of
from indexer.opening import UnfinishedRebuild
from indexer.replay import NothingIndexed
from store.commit import Commit
from store.ledger import Ledger


class Portion:
    """A few neighbouring blocks: what we have of them, how they are vouched for, and what is gained."""

    def __init__(self, ledger: Ledger, first: int, last: int) -> None:
        self.first, self.last = first, last
        document = ledger.checkpoint()
        if document is None or document["finalized"] is None:
            raise NothingIndexed
        if document.get("unfinished"):
            raise UnfinishedRebuild(document["unfinished"])
        self.blooms = blooms_of(document)
        self.stored = {block.number: block for block in read_blocks(ledger.blocks(first - 1, last))}
        final = document["finalized"]
        self.hashes: dict[int, Hash] = {final["number"]: final["hash"]}
        self.hashes |= {number: block.hash for number, block in self.stored.items()}
        self.before: dict[int, Evidence] = dict.fromkeys(range(first, last + 1), "logs-only")
        for span in ledger.spans(first, last):
            for number in range(max(span.first, first), min(span.last, last) + 1):
                self.before[number] = span.evidence
        self.before |= {number: block.evidence for number, block in self.stored.items()}
        self.gained: dict[int, Evidence] = {}
        self._bloom_news: dict[str, object] = {}

    def block(self, header: Header) -> LoggedBlock:
        """What we have of a block; without events there is only what the node says of it."""
        empty = LoggedBlock(header.number, header.hash, header.parent_hash, header.timestamp, [])
        return self.stored.get(header.number, empty)

    def gain(self, number: int, evidence: Evidence) -> None:
        """From now on the block is vouched for in this way."""
        self.gained[number] = evidence

    @property
    def changed(self) -> dict[int, Evidence]:
        """The blocks whose evidence is another one now, in order."""
        return {n: kind for n, kind in sorted(self.gained.items()) if self.before[n] != kind}

    @property
    def has_news(self) -> bool:
        return bool(self.changed or self._bloom_news)

    def look_at_bloom(self, proof: BlockProof) -> None:
        """A proven block says whether its bloom is right; a note that it contradicts is withdrawn."""
        number, told = proof.header.number, proof.header.logs_bloom
        known = self.blooms.trouble
        if told is None or told.lower() != bloom_of(proof.logs):
            if known is None:
                trouble = BloomTrouble(number, "the header's bloom is not that of its receipts")
                self.blooms.trouble, self._bloom_news = trouble, {"blooms": trouble._asdict()}
        elif known is not None and known.block == number:
            self.blooms.trouble, self._bloom_news = None, {"blooms": None}

    def commit(self) -> Commit:
        """The evidence gained, and what it replaces in the tally."""
        changed = self.changed
        tally = Counter[str](changed.values())
        tally.subtract(self.before[number] for number in changed)
        return Commit(dict(self._bloom_news), tally=tally, vouched=spans_of(changed))
