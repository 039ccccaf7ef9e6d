"""Put the true logs of a block where ours were wrong, and fold history again."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from indexer.blocks import DecodedBlock, LoggedBlock
from indexer.changes import event_documents
from indexer.following import Following, announced_in
from indexer.gather import Gatherer, minted_in
from indexer.prove import Finding
from indexer.rebuild import Outcome, rebuild
from indexer.rolling import START
from store.commit import Commit, Document
from store.ledger import Ledger
from store.spans import Span

BLOCKS_PER_COMMIT = 100


class OtherContracts(RuntimeError):
    """The true logs link other contracts than ours did, so that later blocks miss logs as well."""

    def __init__(self, block: int) -> None:
        super().__init__(
            f"the true logs of block {block} link contracts not followed from there on. Nothing was "
            "changed. Index again from there, with nodes that you trust: "
            f"`dvault rewind --to-block {block - 1} --yes`, then `dvault run`"
        )


def mend(
    ledger: Ledger, following: Following, gatherer: Gatherer, findings: Sequence[Finding]
) -> Outcome | None:
    """Replace the raw events of every finding by the proven ones, and rebuild. Raises OtherContracts.

    From the first write until the rebuild is through, the checkpoint says that it is `unfinished`, and
    which is the lowest block that was mended; `dvault rebuild` goes on after a crash.
    """
    pairs = [(each.truth, each.stored) for each in findings if each.truth is not None]
    if not pairs:
        return None
    for truth, stored in pairs:
        if _links(truth.block) != (_links(stored) if stored else []):
            raise OtherContracts(truth.block.number)
    whole = [_with_facts(truth, stored, gatherer) for truth, stored in pairs]
    noted = _noted(ledger, min(each.block.number for each in whole))
    for at in range(0, len(whole), BLOCKS_PER_COMMIT):
        ledger.commit(_commit(whole[at : at + BLOCKS_PER_COMMIT], noted))
    return rebuild(ledger, following)


def _links(block: LoggedBlock) -> list[tuple[bytes, str]]:
    return list(announced_in(block))


def _with_facts(truth: DecodedBlock, stored: LoggedBlock | None, gatherer: Gatherer) -> DecodedBlock:
    """The true logs with what receipts and contracts say beside them; what we have of that already stays."""
    block = truth.block
    if block.event_count:
        block = gatherer.enriched([block], block.hash)[0]
    if stored is not None:
        kept = {key: stored.metadata[key] for key in minted_in(block) if key in stored.metadata}
        block = replace(block, adopted=stored.adopted, metadata=kept | block.metadata)
    return truth._replace(block=block)


def _noted(ledger: Ledger, lowest: int) -> dict[str, object]:
    earlier = (ledger.checkpoint() or {}).get("mendedFrom")
    return {
        "unfinished": f"mend of block {lowest}",
        "mendedFrom": lowest if earlier is None else min(earlier, lowest),
    }


def _commit(blocks: Sequence[DecodedBlock], noted: dict[str, object]) -> Commit:
    # The rebuild that follows gives the right digest to every block from the lowest on.
    documents: list[Document] = [
        document for each in blocks if each.block.event_count for document in event_documents(each, START)
    ]
    numbers = [each.block.number for each in blocks]
    spans = [Span(number, number, "receipts") for number in numbers]
    return Commit(dict(noted), rewritten_blocks=numbers, chain_events=documents, spans=spans)
