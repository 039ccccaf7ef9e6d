"""The errors of answers about the past, explained."""

from __future__ import annotations

from api.entries import Entry

PAST = (
    Entry(
        "block-replaced",
        410,
        "The block was replaced by a reorg",
        "The block that `asOfHash` names is not part of the chain any more.",
        "A reorg of a block that was not final yet; or a hash of another chain.",
        "Begin again at `links.start`, and look at what became of it. A block "
        "whose `asOf.finality` is `finalized` is never replaced.",
    ),
    Entry(
        "before-history",
        410,
        "History begins later",
        "The block is below the first one that is indexed, so nothing is known of it.",
        "Indexing began with a later block, which is usually that of the contracts' deployment.",
        "Ask for the block that `detail` names, or a later one.",
    ),
    Entry(
        "block-time-unknown",
        410,
        "The time of that block is not kept",
        "The answer depends on the time of a block of which neither events nor the header are kept.",
        "The block is final and had no events; and something happened near the edge of a window of 24 hours, "
        "7 or 30 days before it, so that its exact second would decide.",
        "Ask for the block that `detail` names: the state there is the same, and its time is known.",
        only=("showMarketStats", "listAssetPrices"),
    ),
    Entry(
        "history-unavailable",
        503,
        "The past cannot be folded at once",
        "More events lie between the block and the states that are at hand than one request may fold.",
        "The first question about a height of a long history, or many such questions at once.",
        "Ask again after `Retry-After`: what was folded is kept, and each time less is left. `limit` has no "
        "say in it; a single asset costs less than a list.",
    ),
)
