"""The market: what is for sale, and its figures."""

from __future__ import annotations

from typing import Any

from api.endpoints import Blueprint
from api.explanations import explain_stats
from api.lists import Query, page_of_listings
from api.market_history import market_history
from api.problems import NothingIndexed
from api.questions import SeriesQuery
from api.requests import BranchPageQuery, ListingsQuery, StatsQuery
from api.responses import present_stats
from api.schemas.assets import ListingList
from api.schemas.rows import MarketStats
from api.schemas.series import MarketStatsHistory
from api.schemas.trending import TrendingList
from api.trending import trending
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


@blueprint.reads("/stats/history", "listMarketStats", MarketStatsHistory, SeriesQuery)
def list_stats(view: View, query: Query) -> dict[str, Any]:
    """Return the market's figures bucket by bucket, oldest first, empty buckets included; at most 1000.

    Buckets are whole, in UTC, and reach from the one of `from` to the one of `to`. What stood at the end of a
    bucket is null where more deeds came after it than are undone to find out.
    """
    return market_history(view, query)


@blueprint.reads("/listings", "listListings", ListingList, ListingsQuery)
def list_listings(view: View, query: Query) -> dict[str, Any]:
    """List what is for sale, cheapest first; `isPurchasable` says whether a purchase would succeed."""
    return page_of_listings(view, query)


@blueprint.reads("/trending", "listTrending", TrendingList, BranchPageQuery)
def list_trending(view: View, query: Query) -> dict[str, Any]:
    """List what trends, highest score first, with the formula and what each score is made of.

    A pure function of the deeds of the 7 days before `asOf.timestamp` and of counted views and favourites.
    """
    return trending(view, query)
