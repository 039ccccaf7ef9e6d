"""What belongs to a wallet, and what it did. A wallet never seen owns nothing; it is not an error."""

from __future__ import annotations

from typing import Any

from api.endpoints import Blueprint
from api.lists import Query, deed_filter, page_of_assets, page_of_deeds
from api.portfolio import portfolio, portfolio_history
from api.questions import SeriesQuery
from api.requests import BranchPageQuery, OwnedAssetsQuery, UserTransactionsQuery
from api.schemas.assets import AssetList
from api.schemas.portfolio import Portfolio, PortfolioHistory
from api.schemas.rows import TransactionList
from store.reading import View

blueprint = Blueprint("users", __name__, url_prefix="/api/users")


@blueprint.reads("/<walletAddress>/assets", "listUserAssets", AssetList, OwnedAssetsQuery)
def list_user_assets(view: View, query: Query, wallet: str) -> dict[str, Any]:
    """List the assets a wallet owns."""
    return page_of_assets(view, query, wallet)


@blueprint.reads(
    "/<walletAddress>/transactions", "listUserTransactions", TransactionList, UserTransactionsQuery
)
def list_user_transactions(view: View, query: Query, wallet: str) -> dict[str, Any]:
    """List the deeds of a wallet, newest first; what it sold is `sell`, what it bought `buy`."""
    return page_of_deeds(view, query, deed_filter(query, wallet))


@blueprint.reads("/<walletAddress>/portfolio", "showPortfolio", Portfolio, BranchPageQuery, 422)
def show_portfolio(view: View, query: Query, wallet: str) -> dict[str, Any]:
    """Return what a wallet owns, is worth and traded, to the wei, and one page of what it owns.

    Values are the asset contract's prices. Costs are what the wallet paid when it last got an asset, unknown
    for mints and transfers. Trades of the wallet with itself are counted apart.
    """
    return portfolio(view, query, wallet)


@blueprint.reads("/<walletAddress>/portfolio/history", "listPortfolio", PortfolioHistory, SeriesQuery, 422)
def list_portfolio(view: View, query: Query, wallet: str) -> dict[str, Any]:
    """Return what a wallet held and was worth at the end of each bucket, oldest first; at most 1000."""
    return portfolio_history(view, query, wallet)
