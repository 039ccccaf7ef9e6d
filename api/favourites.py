"""Favourites as their user sees them."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.endpoints import chain_response
from api.freshness import indexed, when_fresh
from api.lists import Listed, Query
from api.problems import NotFound
from api.responses import present_asset_item
from api.services import services
from store.documents import AssetDocument, FavouriteDocument
from store.favourites import UserId
from store.pages import Page, PageRequest
from store.reading import View

Json = dict[str, Any]


def contract_of(query: Query) -> str:
    """The asset contract asked for, or the market's. Raises NothingIndexed."""
    with services().reading.view() as view:
        return _contract(view, query)


def favourite_answer(user_id: UserId, query: Query, token_id: int, *, may_be_gone: bool = False) -> Response:
    """Whether the user likes the asset, and how many do. Raises NotFound unless it may be gone."""
    with services().reading.view() as view:
        contract = _contract(view, query)
        asset = view.assets.get(contract, token_id)
        if asset is None and not may_be_gone:
            raise NotFound(f"no asset {token_id} of contract {contract}")
        mine = view.liked.of_asset(user_id, asset) if asset else None
        told = {
            "tokenId": token_id,
            "contractAddress": contract,
            "isFavorite": mine is not None,
            "since": mine["createdAt"] if mine else None,
            "favoriteCount": asset.get("stats", {}).get("favoriteCount", 0) if asset else 0,
        }
        return chain_response({"favorite": told}, view.checkpoint)


def page_of_favourites(user_id: UserId, query: Query) -> Response:
    """One page of what the user likes, newest first."""

    def answer(view: View) -> Response:
        payload = Listed("favorites", user_id).answer(
            query, lambda asked: _page(view, user_id, asked), lambda pair: _present(pair, view.finalized)
        )
        return chain_response(payload, indexed(view))

    return when_fresh(services(), query, answer)


Pair = tuple[FavouriteDocument, AssetDocument | None]


def _page(view: View, user_id: UserId, asked: PageRequest) -> Page[Pair]:
    page = view.liked.page(user_id, asked)
    assets = view.liked.assets(page.rows)
    pairs: list[Pair] = [(one, assets.get((one["assetId"], one["mintTransactionHash"]))) for one in page.rows]
    return Page(pairs, page.next, page.total)


def _present(pair: Pair, finalized: int) -> Json:
    favourite, asset = pair
    return {
        "tokenId": favourite["tokenId"],
        "contractAddress": favourite["contractAddress"],
        "since": favourite["createdAt"],
        "asset": present_asset_item(asset, finalized) if asset else None,
    }


def _contract(view: View, query: Query) -> str:
    indexed(view)
    contract: str = query.get("contract_address") or view.asset_contract
    return contract
