"""What belongs to a wallet, and what it did. A wallet never seen owns nothing; it is not an error."""

from __future__ import annotations

from typing import Any

from api.endpoints import Blueprint
from api.lists import Query, deed_filter, page_of_assets, page_of_deeds
from api.requests import OwnedAssetsQuery, UserTransactionsQuery
from api.schemas.assets import AssetList
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
