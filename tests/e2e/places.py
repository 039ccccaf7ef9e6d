"""Every place of a write at which an indexer is killed, by what is being written.

The list is held against what processes really reach (storm.Storm.no_place_forgotten): a new statement in a
commit fails the tests until it has its kills.
"""

from __future__ import annotations


def around(kind: str, *statements: str) -> list[str]:
    """Before and after each statement, and when it is through, in this order."""
    sides = [f"{kind}: {side} {statement}" for statement in statements for side in ("before", "after")]
    return [*sides, f"{kind}: done"]


BEGINNING = [
    *around("taking the lease", "update checkpoints", "findAndModify checkpoints", "commitTransaction"),
    *around("catching up", "update checkpoints"),
    *around("prepare", "collMod", "create", "createIndexes"),
    *around("begin", "insert checkpoints", "insert market", "insert tradeHours", "commitTransaction"),
]
"""An empty database, in the order of a first `backfill`."""
BATCH = around(
    "batch",
    "update checkpoints", "insert chainEvents", "insert transactions", "insert priceHistory", "insert assets",
    "insert quarantine", "update tradeHours", "update assets", "update operatorApprovals", "update market",
    "update evidence", "commitTransaction",
)  # fmt: skip
"""A range of history."""
COMPLETION = [
    *around("late indexes", "createIndexes"),
    *around("counting", "update checkpoints", "update holdings", "commitTransaction"),
    "completion: done",
    *around("note of digest", "update checkpoints"),
]
"""History is through for the first time: the indexes of readers, the numbers of assets, the digest."""
CATCHING_UP = around("batch", "update holdings", "delete holdings", "insert events")[:-1]
"""What a range of blocks writes besides, once history was through."""
BLOCK = [
    *around(
        "block",
        "update checkpoints", "insert chainEvents", "insert transactions", "insert priceHistory",
        "insert assets", "insert blocks", "insert quarantine", "update tradeHours", "update assets",
        "update holdings", "delete holdings",
        "update operatorApprovals", "update market", "insert events", "commitTransaction",
    ),
    "block in memory: done",
]  # fmt: skip
"""One block at the head."""
FINALITY = around(
    "finality",
    "update checkpoints", "update assets", "update operatorApprovals", "update market", "insert events",
    "delete blocks", "update evidence", "commitTransaction",
)  # fmt: skip
"""Blocks become final."""
REWIND = [
    *around(
        "rewind",
        "update checkpoints", "delete chainEvents", "delete blocks", "delete evidence", "update evidence",
        "delete quarantine", "delete transactions", "delete priceHistory", "delete assets", "insert reorgs",
        "delete tradeHours", "insert tradeHours", "update tradeHours", "update holdings", "delete holdings",
        "update assets", "update operatorApprovals", "delete operatorApprovals", "update market",
        "insert events", "commitTransaction",
    ),
    "rewind in memory: done",
]  # fmt: skip
"""Blocks are taken back."""
STARTING = [
    *around("cards", "update checkpoints"),
    *around("note of lastError", "update checkpoints"),
]
"""What `run` says once it is at work."""
STAYING = [*around("renewing", "update checkpoints"), *around("releasing", "update checkpoints")]
"""The lease of one that works."""

PLACES = [*BEGINNING, *BATCH, *COMPLETION, *CATCHING_UP, *BLOCK, *FINALITY, *REWIND, *STARTING, *STAYING]
