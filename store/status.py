"""Reading where the indexer stands, what it took back, and which transactions it has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from store.documents import BlockRefDocument, CheckpointDocument, ReorgDocument
from store.pages import By, Order, Page, PageRequest, Source, read_page
from store.snapshot import Document, Snapshot

RECENT_BLOCKS = 1000
"""How far back a transaction is looked for while the index that finds it anywhere is not built yet."""
NEWEST_REORG_FIRST: Order = (By("detectedAt", -1), By("_id", -1))


def shares(tally: Mapping[str, int] | None, blooms: Mapping[str, Any] | None) -> dict[str, Any]:
    """How much of history, start block to tip, is vouched for; blooms that are unusable vouch for nothing."""
    counts = {"receipts": 0, "bloom": 0, "logsOnly": 0, **(tally or {})}
    if blooms is not None:
        counts |= {"bloom": 0, "logsOnly": counts["logsOnly"] + counts["bloom"]}
    blocks = sum(counts.values())
    return {
        **counts,
        "blocks": blocks,
        "provenShare": counts["receipts"] / blocks if blocks else 0.0,
        "vouchedShare": (counts["receipts"] + counts["bloom"]) / blocks if blocks else 0.0,
        "blooms": None if blooms is None else dict(blooms),
    }


class Status:
    """The indexer's own records as of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def reorgs(self, request: PageRequest) -> Page[ReorgDocument]:
        """The ledger of rewinds, newest first."""
        page = read_page(self._snapshot, Source("reorgs", [{}]), NEWEST_REORG_FIRST, request)
        return cast("Page[ReorgDocument]", page)

    def block_of(self, transaction_hash: str, checkpoint: CheckpointDocument) -> tuple[int, str] | None:
        """Number and hash of the block where the transaction left logs of ours, with rows or without."""
        wanted: Document = {"transactions.hash": bytes.fromhex(transaction_hash[2:])}
        tip = checkpoint["tip"]
        if checkpoint["state"] == "backfilling" and tip:
            wanted["_id"] = {"$gt": tip["number"] - RECENT_BLOCKS}
        found = self._snapshot.find("chainEvents", wanted, limit=1, projection={"hash": 1})
        # A block in chunks has fractions for ids.
        return (int(found[0]["_id"]), "0x" + found[0]["hash"].hex()) if found else None

    def header_hash(self, number: int) -> str | None:
        """Hash of our block at a height that may still be taken back; None below, and above the tip."""
        found = self._snapshot.one("blocks", {"_id": number})
        return found["hash"] if found else None

    def is_orphaned(self, block: BlockRefDocument) -> bool:
        """Is another block there now? Below finality, where no hashes are kept: was it ever taken back?"""
        ours = self.header_hash(block["number"])
        if ours is not None:
            return ours != block["hash"]
        return self._snapshot.one("reorgs", {"orphaned.hash": block["hash"]}) is not None

    def was_orphaned(self, transaction_hash: str) -> bool:
        """Did a reorg take the transaction back, as far as we recorded?"""
        traces = (("reorgs", "transactionHashes"), ("orphans", "mintTransactionHash"))
        return any(self._snapshot.one(collection, {path: transaction_hash}) for collection, path in traces)
