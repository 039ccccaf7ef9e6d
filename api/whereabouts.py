"""Where a transaction is on its way from the node to our rows."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.effects import present_act, present_deed, present_point
from api.endpoints import chain_response
from api.freshness import indexed, is_applied, tip_number, waiting
from api.past_problems import HistoryUnavailable
from api.problems import RETRY_SECONDS
from api.services import Whereabouts, services
from store.documents import PriceDocument, TransactionDocument
from store.reading import View

Deeds = list[TransactionDocument]
Points = list[PriceDocument]
Block = tuple[int, str | None]
"""Number and hash."""
ON_ITS_WAY = ("unknown", "pending")


def show_when_known(transaction_hash: str, wait_seconds: int) -> Response:
    """The transaction once it is indexed, or as it stands when the time is over."""
    last: list[Response] = []

    def attempt(view: View) -> bool | None:
        shown = whereabouts(view, transaction_hash)
        last[:] = [chain_response({"tx": shown}, indexed(view))]
        return None if shown["status"] in ON_ITS_WAY else True

    known = waiting(services(), wait_seconds, attempt)
    if wait_seconds and known is None:
        last[0].headers["Retry-After"] = str(RETRY_SECONDS)
    return last[0]


def whereabouts(view: View, transaction_hash: str) -> dict[str, Any]:
    """Status, block and effects as of this view."""
    deeds, points = view.transactions.of_hash(transaction_hash), view.prices.of_hash(transaction_hash)
    block = _block(view, transaction_hash, deeds, points)
    status = _status_in(block, view) if block else None
    if block is None:
        node = services().pending.find(transaction_hash)
        block = _block_without_traces(view, node)
        status = _status_in(block, view) if block else _status_outside(view, transaction_hash, node)
    bare = view.asset_contract
    return {
        "hash": transaction_hash,
        "status": status,
        "block": {"number": block[0], "hash": block[1]} if block else None,
        "effects": {
            "transactions": [present_deed(row, view.finalized, bare) for row in deeds],
            "priceHistory": [present_point(point, bare) for point in points],
            "others": _others(view, transaction_hash, block, bare),
        },
    }


def _others(view: View, transaction_hash: str, block: Block | None, bare: str) -> list[dict[str, Any]] | None:
    """What left no row; None where that cannot be read at present: the rest does not need it."""
    if block is None:
        return []
    try:
        acts = services().history.acts(view.chronicle, block[0], view.finalized, transaction_hash)
    except HistoryUnavailable:
        return None
    return [present_act(act, bare) for act in acts]


def _block(view: View, transaction_hash: str, deeds: Deeds, points: Points) -> Block | None:
    for place in [row["blockchain"] for row in [*deeds[:1], *points[:1]]]:
        return place["blockNumber"], place["blockHash"]
    return view.status.block_of(transaction_hash, indexed(view))


def _block_without_traces(view: View, node: Whereabouts) -> Block | None:
    """A block that we have applied, where nothing of ours came of it: it is as indexed as it can be."""
    if node.block_number is None or not is_applied(view, node, tip_number(indexed(view))):
        return None
    return node.block_number, node.block_hash


def _status_in(block: Block, view: View) -> str:
    return "finalized" if block[0] <= view.finalized else "indexed"


def _status_outside(view: View, transaction_hash: str, node: Whereabouts) -> str:
    if node.known:
        return "pending"
    return "orphaned" if view.status.was_orphaned(transaction_hash) else "unknown"
