"""One box for whatever somebody has at hand."""

from __future__ import annotations

from typing import Any

from api.endpoints import Blueprint
from api.lists import Query
from api.questions import SearchQuery
from api.schemas.search import SearchResult
from api.search import search
from store.reading import View

blueprint = Blueprint("search", __name__, url_prefix="/api/search")


@blueprint.reads("", "search", SearchResult, SearchQuery)
def find_anything(view: View, query: Query) -> dict[str, Any]:
    """Find assets by words or token id, wallets and contracts by address, transactions by hash.

    An asset is found where each word begins a word of its name, type or description. What is named exactly
    comes first, then assets with all words in their names, then the others; newest first.
    """
    return search(view, query)
