"""`finality=finalized`: answers from what is settled, where that can be told exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.problems import BadRequest, FieldError, NothingIndexed
from store.reading import View
from store.settled_view import NotSettled, SettledView

SETTLED = frozenset(
    {
        "/api/assets",
        "/api/assets/<tokenId>",
        "/api/assets/<tokenId>/price-history",
        "/api/assets/<tokenId>/transactions",
        "/api/assets/<tokenId>/activity",
        "/api/users/<walletAddress>/assets",
        "/api/users/<walletAddress>/transactions",
        "/api/transactions",
        "/api/transactions/<id>",
        "/api/market/stats",
        "/api/market/listings",
        "/api/activity",
    }
)
"""Routes that can be answered as of the finalized block."""
NOT_HERE = "cannot be asked for here: it is told for assets, listings, deeds, prices and the market's figures"
NO_FACETS = "cannot be combined with finality=finalized: facets count the assets as of the tip"


def as_settled(view: View, query: Mapping[str, Any], rule: str) -> View:
    """The view to answer a route from. Raises BadRequest that says why, NothingIndexed."""
    if query.get("finality") is None:
        return view
    if rule not in SETTLED or type(view) is not View:
        raise BadRequest([FieldError("finality", "query", NOT_HERE)])
    if "facets" in query:
        raise BadRequest([FieldError("facets", "query", NO_FACETS)])
    try:
        settled = SettledView(view)
    except NotSettled as error:
        raise NothingIndexed(str(error)) from error
    needs_time = rule.endswith(("/price-history", "/stats"))
    if needs_time and settled.checkpoint and settled.checkpoint["tipTimestamp"] is None:
        told = f"cannot be told: the time of block {settled.finalized}, where windows begin, is not kept"
        raise BadRequest([FieldError("finality", "query", told)])
    return settled
