"""Assets: lists, one, its price, its deeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.endpoints import Blueprint
from api.explanations import explain_asset
from api.lists import Query, deed_filter, page_of_activity, page_of_assets, page_of_deeds
from api.price_history import price_history
from api.problems import BadRequest, FieldError, NotFound
from api.provenance import page_of_provenance
from api.requests import (
    AssetActivityQuery,
    AssetsQuery,
    AssetTransactionsQuery,
    BatchBody,
    ContractQuery,
    PriceHistoryQuery,
    ProvenanceQuery,
)
from api.responses import present_asset, present_asset_item
from api.schemas.assets import AssetBatch, AssetList, OneAsset
from api.schemas.rows import ActivityList, PriceHistory, ProvenanceList, TransactionList
from store.documents import AssetDocument
from store.reading import View

blueprint = Blueprint("assets", __name__, url_prefix="/api/assets")


def asset_at(view: View, query: Mapping[str, Any], token_id: int) -> AssetDocument:
    """The asset, of the contract asked for or of the market's; NotFound if there is none."""
    contract = query.get("contract_address") or view.asset_contract
    asset = view.assets.get(contract, token_id)
    if asset is None:
        raise NotFound(f"no asset {token_id} of contract {contract}")
    return asset


@blueprint.reads("", "listAssets", AssetList, AssetsQuery)
def list_assets(view: View, query: Query) -> dict[str, Any]:
    """List assets."""
    owner, alias = query.get("owner"), query.get("current_owner")
    if owner and alias and owner != alias:
        raise BadRequest([FieldError("currentOwner", "query", "means the same as owner, but differs")])
    return page_of_assets(view, query, owner or alias)


@blueprint.asks("/batch", "batchAssets", AssetBatch, BatchBody)
def batch_assets(view: View, body: Query) -> dict[str, Any]:
    """Return several assets at once, in the order asked for."""
    wanted = list(dict.fromkeys(body["token_ids"]))
    found = view.assets.several(body.get("contract_address") or view.asset_contract, wanted)
    return {
        "assets": [present_asset_item(found[number], view.finalized) for number in wanted if number in found],
        "missing": [number for number in wanted if number not in found],
    }


@blueprint.reads("/<tokenId>", "showAsset", OneAsset, ContractQuery)
def show_asset(view: View, query: Query, token_id: int) -> dict[str, Any]:
    """Return one asset in full."""
    asset = asset_at(view, query, token_id)
    shown = {"asset": present_asset(asset, view.finalized)}
    return {**shown, "explanation": explain_asset(view, asset)} if query.get("explain") else shown


@blueprint.reads("/<tokenId>/price-history", "listAssetPrices", PriceHistory, PriceHistoryQuery)
def list_asset_prices(view: View, query: Query, token_id: int) -> dict[str, Any]:
    """List prices of an asset, as points or as candles, newest first unless told otherwise."""
    return price_history(view, query, asset_at(view, query, token_id))


@blueprint.reads("/<tokenId>/transactions", "listAssetTransactions", TransactionList, AssetTransactionsQuery)
def list_asset_transactions(view: View, query: Query, token_id: int) -> dict[str, Any]:
    """List the deeds of an asset, newest first."""
    contract = asset_at(view, query, token_id)["contractAddress"]
    wanted = deed_filter({**query, "contract_address": contract, "token_id": token_id})
    return page_of_deeds(view, query, wanted)


@blueprint.reads("/<tokenId>/activity", "listAssetActivity", ActivityList, AssetActivityQuery)
def list_asset_activity(view: View, query: Query, token_id: int) -> dict[str, Any]:
    """List what happened to an asset, newest first: deeds, and prices set without one."""
    contract = asset_at(view, query, token_id)["contractAddress"]
    return page_of_activity(view, {**query, "contract_address": contract, "token_id": token_id})


@blueprint.reads("/<tokenId>/provenance", "listAssetProvenance", ProvenanceList, ProvenanceQuery)
def list_asset_provenance(view: View, query: Query, token_id: int) -> dict[str, Any]:
    """List who owned an asset, newest first: what the chain says, and what people wrote, marked as such."""
    return page_of_provenance(view, query, asset_at(view, query, token_id))
