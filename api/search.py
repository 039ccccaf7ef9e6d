"""What somebody typed → what it names: assets, a wallet, a contract, a chain transaction."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

from marshmallow.exceptions import ValidationError

from api.fields import INT64_MAX, WALLET, checksummed
from api.lists import Listed, Query
from api.problems import BadRequest, FieldError
from api.responses import present_asset_item
from store.documents import AssetDocument
from store.pages import Page, PageRequest
from store.reading import View

Json = dict[str, Any]
Kind = Literal["text", "tokenId", "address", "transaction"]

TOKEN_ID = r"#?[0-9]{1,78}"
ANY_HASH = "0[xX][0-9a-fA-F]{64}"
"""In any letter case, as addresses."""
KINDS: tuple[tuple[str, Kind], ...] = ((ANY_HASH, "transaction"), (WALLET, "address"), (TOKEN_ID, "tokenId"))
NO_HIT: Json = {"asset": None, "wallet": None, "contract": None, "transaction": None}


def search(view: View, query: Query) -> Json:
    """One page of hits: what is named exactly, then assets by words, first those with all in the name."""
    text = query["q"].strip()
    kind = next((kind for pattern, kind in KINDS if re.fullmatch(pattern, text)), "text")

    def read(asked: PageRequest) -> Page[Json]:
        if kind in ELSEWHERE:
            return _few(ELSEWHERE[kind](view, text), asked)
        named = _tokens(view, text) if kind == "tokenId" else []
        tokens = {asset["_id"] for asset in named}
        found = view.sought.page(text, named, asked)
        hits = [_asset_hit(each, "tokenId" if each["_id"] in tokens else "text", view) for each in found.rows]
        return Page(hits, found.next, found.total, found.total_is_capped)

    answer = Listed("hits", text, view).answer(query, read, dict)
    return {"query": text, "kind": kind, **answer}


def _few(hits: list[Json], asked: PageRequest) -> Page[Json]:
    """All of them, which is one or none, on the first page."""
    return Page(hits if asked.page in (None, 1) else [], None, len(hits) if asked.page else None)


def _tokens(view: View, text: str) -> list[AssetDocument]:
    """The market's own contract first."""
    number = int(text.lstrip("#"))
    assets = view.assets.of_token(number) if number <= INT64_MAX else []
    return sorted(assets, key=lambda asset: asset["contractAddress"] != view.asset_contract)


def _addresses(view: View, text: str) -> list[Json]:
    try:
        address = checksummed(text)
    except ValidationError as error:
        raise BadRequest([FieldError("q", "query", str(error.messages[0]))]) from error
    role = _roles(view).get(address)
    if role is not None:
        return [_hit("contract", "address", {"address": address, "role": role})]
    assets = view.assets.owned_by(address)
    if not assets and not view.transactions.knows(address):
        return []
    return [_hit("wallet", "address", {"walletAddress": address, "assets": assets})]


def _roles(view: View) -> dict[str, str]:
    """What each of our contracts is for."""
    market, checkpoint = view.market.configuration(), view.checkpoint
    followed = market["assetContracts"] if market else []
    configured = checkpoint["addresses"] if checkpoint else {}
    return dict.fromkeys(followed, "asset") | {address: role for role, address in configured.items()}


def _transactions(view: View, text: str) -> list[Json]:
    tx_hash = text.lower()
    deeds, points = view.transactions.of_hash(tx_hash), view.prices.of_hash(tx_hash)
    places = [row["blockchain"] for row in (*deeds, *points)]
    if not places:
        return []
    told = {
        "hash": tx_hash,
        "blockNumber": places[0]["blockNumber"],
        "timestamp": places[0]["timestamp"],
        "types": _distinct([*(deed["type"] for deed in deeds), *("price" for _ in points)]),
    }
    return [_hit("transaction", "transactionHash", told)]


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _asset_hit(asset: AssetDocument, match: str, view: View) -> Json:
    return _hit("asset", match, present_asset_item(asset, view.finalized))


def _hit(kind: str, match: str, what: Json) -> Json:
    return {"type": kind, "match": match, **NO_HIT, kind: what}


ELSEWHERE: dict[str, Callable[[View, str], list[Json]]] = {
    "address": _addresses,
    "transaction": _transactions,
}
"""What is no asset, by kind."""
