"""Which assets the caller likes."""

from __future__ import annotations

from flask import Response

from api.acting import ActingBlueprint
from api.auth.principal import principal
from api.favourites import contract_of, favourite_answer, page_of_favourites
from api.lists import Query
from api.questions import WhichContract
from api.requests import PageQuery
from api.schemas.favourites import FavouriteList, OneFavourite
from api.services import services

blueprint = ActingBlueprint("favourites", __name__, url_prefix="/api/users/favorites")


@blueprint.acts("GET", "", "listFavorites", FavouriteList, query=PageQuery, statuses=(409,))
def list_favourites(query: Query) -> Response:
    """List what the caller likes, newest first; `asset` is null while a reorg has taken its mint back."""
    return page_of_favourites(principal().user["_id"], query)


@blueprint.acts("GET", "/<tokenId>", "showFavorite", OneFavourite, query=WhichContract, statuses=(404,))
def show_favourite(query: Query, token_id: int) -> Response:
    """Say whether the caller likes an asset, and how many do."""
    return favourite_answer(principal().user["_id"], query, token_id)


@blueprint.acts("POST", "/<tokenId>", "addFavorite", OneFavourite, query=WhichContract, statuses=(404,))
def add_favourite(query: Query, token_id: int) -> Response:
    """Like an asset; harmless to repeat."""
    user_id, now = principal().user["_id"], services().clock.now()
    services().auth.accounts.favourites.add(user_id, contract_of(query), token_id, now)
    return favourite_answer(user_id, query, token_id)


@blueprint.acts("DELETE", "/<tokenId>", "removeFavorite", OneFavourite, query=WhichContract, statuses=(404,))
def remove_favourite(query: Query, token_id: int) -> Response:
    """Like it no more; harmless to repeat. It can be done while a reorg has taken the asset away, too."""
    user_id = principal().user["_id"]
    gone = services().auth.accounts.favourites.remove(user_id, contract_of(query), token_id)
    return favourite_answer(user_id, query, token_id, may_be_gone=gone)
