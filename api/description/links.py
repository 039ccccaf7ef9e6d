"""Where answers lead: what one operation gives is what another one asks for."""

from __future__ import annotations

from typing import Any


def _link(operation: str, **parameters: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "parameters": {name: f"$response.body#{pointer}" for name, pointer in parameters.items()},
    }


_TOKEN = "/assets/0/tokenId"
_OF_ASSET = ("showAsset", "listAssetPrices", "listAssetTransactions", "listAssetActivity")

LINKS: dict[str, dict[str, Any]] = {
    "listAssets": {
        **{name: _link(name, tokenId=_TOKEN) for name in _OF_ASSET},
        "listUserAssets": _link("listUserAssets", walletAddress="/assets/0/currentOwner"),
    },
    "listListings": {
        "showAsset": _link("showAsset", tokenId="/listings/0/tokenId"),
        "listUserTransactions": _link("listUserTransactions", walletAddress="/listings/0/seller"),
    },
    "listTransactions": {
        "showTransaction": _link("showTransaction", id="/transactions/0/id"),
        "showChainTransaction": _link(
            "showChainTransaction", hash="/transactions/0/blockchain/transactionHash"
        ),
        "showAsset": _link("showAsset", tokenId="/transactions/0/tokenId"),
    },
    "listEvents": {"listEvents": _link("listEvents", after="/next")},
    "listErrors": {"showError": _link("showError", code="/errors/0/code")},
    "listSessions": {"endSession": _link("endSession", id="/sessions/0/id")},
    "listUsers": {"changeUser": _link("changeUser", walletAddress="/users/0/walletAddress")},
}
"""operationId → link name → OpenAPI link."""
