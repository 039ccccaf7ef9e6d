"""For those who run it: is it alive, ready, and how far."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.cards import present_cards
from api.endpoints import Blueprint, chain_response
from api.freshness import indexed, lag_blocks, lag_seconds
from api.lists import Listed, Query
from api.problems import NotReady
from api.requests import NothingElse, PageQuery
from api.responses import present_reorg, present_status
from api.schemas.operations import Health, ReorgList, Status
from api.services import services
from store.reading import View

blueprint = Blueprint("operations", __name__)


@blueprint.tells("/livez", "showLiveness", Health)
def show_liveness(_query: Query) -> dict[str, Any]:
    """Say that the process answers."""
    return {"status": "alive"}


@blueprint.tells("/readyz", "showReadiness", Health)
def show_readiness(_query: Query) -> dict[str, Any]:
    """Say whether answers can be given; 503 with the reason if not."""
    with services().reading.view() as view:
        checkpoint = indexed(view)
    if checkpoint["state"] == "halted":
        raise NotReady(f"the indexer has halted: {checkpoint['lastError'] or 'no reason was recorded'}")
    return {"status": "ready"}


@blueprint.answers("/api/status", "showStatus", Status, NothingElse)
def show_status(_query: Query) -> Response:
    """Return where the indexer stands; `state` is `unindexed` and `asOf` null before its first commit."""
    standing = services().reading.standing()
    checkpoint, now = standing.checkpoint, services().clock.now()
    lag = (lag_blocks(checkpoint), lag_seconds(checkpoint, now)) if checkpoint else (0, 0)
    cards = standing.endpoints
    endpoints = {
        "endpoints": present_cards(cards),
        "endpointsReportedAt": cards["updatedAt"] if cards else None,
    }
    return chain_response(present_status(checkpoint, standing.lease, lag) | endpoints, checkpoint)


@blueprint.reads("/api/reorgs", "listReorgs", ReorgList, PageQuery)
def list_reorgs(view: View, query: Query) -> dict[str, Any]:
    """List the rewinds, newest first."""
    return Listed("reorgs", ()).answer(query, view.status.reorgs, present_reorg)
