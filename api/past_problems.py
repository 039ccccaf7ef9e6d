"""Why an answer about the past cannot be given.

Problem
├── BlockReplaced      410  a reorg replaced the block that was asked for; start again
├── BeforeHistory      410  the block is below the first one that was indexed
├── BlockTimeUnknown   410  the answer depends on the time of a block whose header is not kept
└── HistoryUnavailable 503  the past cannot be folded at once, or not here
"""

from __future__ import annotations

from api.problems import RETRY_SECONDS, Problem


class BlockReplaced(Problem):
    status, code = 410, "block-replaced"
    continued_by = ("cursor", "page", "asOfHash")


class BeforeHistory(Problem):
    status, code = 410, "before-history"


class BlockTimeUnknown(Problem):
    status, code = 410, "block-time-unknown"


class HistoryUnavailable(Problem):
    status, code, retry_after_seconds = 503, "history-unavailable", RETRY_SECONDS
