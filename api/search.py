"""What somebody typed → what it names: assets, a wallet, a contract, a chain transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from marshmallow.exceptions import ValidationError

from api.fields import HASH, INT64_MAX, WALLET, checksummed
from api.lists import Listed, Query
from api.problems import BadRequest, FieldError
from api.responses import present_asset_item
from store.assets import AssetFilter, sorted_by
from store.documents import AssetDocument
from store.pages import Page, PageRequest
from store.reading import View

Json = dict[str, Any]
Kind = Literal["text", "tokenId", "address", "transaction"]

TOKEN_ID = r"#?[0-9]{1,78}"
KINDS: tuple[tuple[str, Kind], ...] = ((HASH, "transaction"), (WALLET, "address"), (TOKEN_ID, "tokenId"))
NO_HIT: Json = {"asset": None, "wallet": None, "contract": None, "transaction": None}


def search(view: View, query: Query) -> Json:
    """One page of hits; what is named exactly comes first, then assets by their words, newest first."""
    text = query["q"].strip()
    kind = next((kind for pattern, kind in KINDS if re.fullmatch(pattern, text)), "text")
    named = _NAMED[kind](view, text)
    tokens = {hit["asset"]["id"] for hit in named if hit["asset"]}
    by_words = kind in ("text", "tokenId")
    wanted, order = AssetFilter(text=text), sorted_by("createdAt", -1)

    def read(asked: PageRequest) -> Page[Json]:
        first = asked.after is None and asked.page in (None, 1)
        before = named if first else []
        if not by_words:
            return Page(before, None, len(named) if asked.page else None)
        found = view.assets.page(wanted, order, asked)
        hits = [_asset_hit(asset, "text", view) for asset in found.rows if str(asset["_id"]) not in tokens]
        return Page([*before, *hits], found.next, found.total)

    answer = Listed("hits", (text, wanted, order), view).answer(query, read, dict)
    return {"query": text, "kind": kind, **answer}


def _nothing(_view: View, _text: str) -> list[Json]:
    return []


def _tokens(view: View, text: str) -> list[Json]:
    """The market's own contract first."""
    number = int(text.lstrip("#"))
    assets = view.assets.of_token(number) if number <= INT64_MAX else []
    assets.sort(key=lambda asset: asset["contractAddress"] != view.asset_contract)
    return [_asset_hit(asset, "tokenId", view) for asset in assets]


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


_NAMED = {"text": _nothing, "tokenId": _tokens, "address": _addresses, "transaction": _transactions}
