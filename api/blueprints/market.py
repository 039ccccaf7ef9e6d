"""The market: what is for sale, and its figures."""

from __future__ import annotations

from typing import Any

from api.endpoints import Blueprint
from api.explanations import explain_stats
from api.lists import Query, page_of_listings
from api.problems import NothingIndexed
from api.requests import ListingsQuery, StatsQuery
from api.responses import present_stats
from api.schemas.assets import ListingList
from api.schemas.rows import MarketStats
from store.reading import View

blueprint = Blueprint("market", __name__, url_prefix="/api/market")


@blueprint.reads("/stats", "showMarketStats", MarketStats, StatsQuery)
def show_stats(view: View, query: Query) -> dict[str, Any]:
    """Return the market's figures.

    Windows reach back from `asOf.timestamp`. Sales where seller and buyer are one wallet are not in `sales`
    and `volume`, but counted in `selfTrades`; `fees` are those of all sales.
    """
    figures = view.market_figures()
    if figures is None:
        raise NothingIndexed("no block has been applied yet")
    shown = {"stats": present_stats(figures, view.market.configuration())}
    return {**shown, "explanation": explain_stats(view, figures)} if query.get("explain") else shown


@blueprint.reads("/listings", "listListings", ListingList, ListingsQuery)
def list_listings(view: View, query: Query) -> dict[str, Any]:
    """List what is for sale, cheapest first; `isPurchasable` says whether a purchase would succeed."""
    return page_of_listings(view, query)
