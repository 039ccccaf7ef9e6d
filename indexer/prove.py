"""Hold history against the receipts of every block, or against the blooms; say what is missing in ours.

It writes nothing but evidence, and may run beside an indexer: as a guest under the epoch of whoever holds
the lease, which ends at once when another one takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from chain.answers import BlockProof
from chain.errors import WrongAnswer
from chain.values import Header
from indexer.block_documents import read_blocks
from indexer.blocks import DecodedBlock, Evidence, LoggedBlock
from indexer.evidence import evidence_of
from indexer.portion import Portion
from indexer.ports import Chain
from indexer.truth import Truth, said
from store.errors import LeaseLost
from store.ledger import Ledger

BLOCKS_AT_ONCE = 20
By = Literal["receipts", "bloom"]
Told = Header | BlockProof | str
"""What the node says of a block; a text: how it contradicts itself."""
Kind = Literal["missing", "surplus", "differs", "contradiction", "unprovable"]


class ProvingChain(Chain, Protocol):
    """A node that has receipts."""

    def proofs(self, numbers: Sequence[int]) -> list[BlockProof]: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """A block that is not proven.

    missing: it has logs of ours that we lack; surplus: we have logs that it lacks; differs: both, or other
    content. contradiction: the node does not agree with itself or with our branch; unprovable: `detail`.
    """

    kind: Kind
    block: int
    detail: str
    truth: DecodedBlock | None = None
    """What the block says of our contracts, proven."""
    stored: LoggedBlock | None = None


class Expelled(RuntimeError):
    """The indexer under whose epoch we wrote is gone."""

    def __init__(self) -> None:
        super().__init__(
            "another indexer took over meanwhile, or history is being rebuilt: what was proven so far is "
            "kept; run it again"
        )


class Step(NamedTuple):
    """A portion of the range, done: how many of its blocks are vouched for now, and what was found."""

    to_block: int
    vouched: int
    findings: list[Finding]


class Prover:
    """Goes over final blocks in order. `open_ledger` gives a ledger under the epoch now in force."""

    def __init__(
        self, chain: ProvingChain, open_ledger: Callable[[], Ledger], truth: Truth, by: By = "receipts"
    ) -> None:
        self._chain = chain
        self._open_ledger = open_ledger
        self._truth = truth
        self._by = by
        self._before: Header | None = None

    def run(self, from_block: int, to_block: int, *, again: bool) -> Iterator[Step]:
        """Prove blocks, both ends inclusive; those that are proven already only with `again`."""
        self._truth.start(read_blocks(self._open_ledger().blocks(-1, from_block - 1)))
        for first in range(from_block, to_block + 1, BLOCKS_AT_ONCE):
            yield self._step(first, min(first + BLOCKS_AT_ONCE - 1, to_block), again)

    def _step(self, first: int, last: int, again: bool) -> Step:
        ledger = self._open_ledger()
        portion = Portion(ledger, first, last)
        told = self._told([n for n in range(first, last + 1) if again or self._is_worth(portion.before[n])])
        findings: list[Finding] = []
        for number in range(first, last + 1):
            if number in told:
                findings += self._examined(portion, number, told[number])
            if number in portion.stored:
                self._truth.follow(portion.stored[number])
        if portion.has_news:
            self._keep(ledger, portion)
        vouched = sum(evidence != "logs-only" for evidence in portion.gained.values())
        return Step(last, vouched, findings)

    def _keep(self, ledger: Ledger, portion: Portion) -> None:
        try:
            ledger.commit(portion.commit())
        except LeaseLost as error:
            raise Expelled from error

    def _is_worth(self, evidence: Evidence) -> bool:
        return evidence == "logs-only" if self._by == "bloom" else evidence != "receipts"

    def _told(self, numbers: Sequence[int]) -> dict[int, Told]:
        """What the node says of these blocks, by number."""
        if self._by == "bloom" and numbers:
            return {header.number: header for header in self._chain.headers(numbers)}
        return self._proofs(numbers)

    def _proofs(self, numbers: Sequence[int]) -> dict[int, Told]:
        if not numbers:
            return {}
        try:
            return {proof.header.number: proof for proof in self._chain.proofs(numbers)}
        except WrongAnswer as error:
            if len(numbers) == 1:
                return {numbers[0]: str(error)}
        return {number: proof for each in numbers for number, proof in self._proofs([each]).items()}

    def _examined(self, portion: Portion, number: int, told: Told) -> Iterator[Finding]:
        if isinstance(told, Header):
            if self._is_settled_by_bloom(portion, told):
                return
            told = self._proofs([number])[number]
        if isinstance(told, str):
            yield Finding("contradiction", number, told)
        elif isinstance(told, BlockProof):
            yield from self._held_against(portion, told)

    def _is_settled_by_bloom(self, portion: Portion, header: Header) -> bool:
        """False where the bloom speaks of logs that we lack, or the block is of another branch."""
        block = portion.block(header)
        evidence, missing = evidence_of(block, header, self._truth.addresses())
        if header.hash != block.hash or missing:
            return False
        is_better = portion.before[header.number] == "logs-only" and portion.blooms.trouble is None
        if evidence == "bloom" and is_better:
            portion.gain(header.number, "bloom")
        return True

    def _held_against(self, portion: Portion, proof: BlockProof) -> Iterator[Finding]:
        number, stored = proof.header.number, portion.stored.get(proof.header.number)
        denied = self._denied(portion, proof)
        if proof.doubt is not None or denied is not None:
            yield Finding("contradiction" if denied else "unprovable", number, denied or proof.doubt or "")
            return
        portion.look_at_bloom(proof)
        truth = self._truth.of(proof)
        if said(truth.block) == (said(stored) if stored else []):
            portion.gain(number, "receipts")
        else:
            portion.gain(number, "logs-only")
            yield _difference(truth, stored)

    def _denied(self, portion: Portion, proof: BlockProof) -> str | None:
        """Why a block cannot be one of ours; None if it fits to our hashes and to the one proven before."""
        header, before = proof.header, self._before
        self._before = header
        ours = portion.hashes.get(header.number)
        if ours not in (None, header.hash):
            return f"the node says {header.hash}, ours is {ours}"
        if before and before.number == header.number - 1 and before.hash != header.parent_hash:
            return f"its parent is {header.parent_hash}, but the node said {before.hash}"
        return None


def _difference(truth: DecodedBlock, stored: LoggedBlock | None) -> Finding:
    ours, theirs = set(_flat(stored)) if stored else set(), set(_flat(truth.block))
    missing, surplus = len(theirs - ours), len(ours - theirs)
    kind: Kind = (
        "differs" if (missing and surplus) or missing == surplus else "missing" if missing else "surplus"
    )
    detail = f"{missing} of its {len(theirs)} logs are missing, {surplus} are not in it"
    return Finding(kind, truth.block.number, detail, truth, stored)


def _flat(block: LoggedBlock) -> list[object]:
    return [(hash_, index, log) for hash_, index, logs in said(block) for log in logs]
