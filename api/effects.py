"""What a chain transaction did, each effect in one sentence, with links to what it touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from api.responses import present_price, present_transaction
from store.documents import PriceDocument, TransactionDocument
from store.encoding import WEI_PER_ETHER

Json = dict[str, Any]
Row = Mapping[str, Any]

SHOWN = 6
"""Characters of an address at its beginning, 0x among them; four at its end."""


def present_deed(row: TransactionDocument, finalized: int, bare: str) -> Json:
    """A deed, told; `bare` is the contract that a token id alone means."""
    return {
        **present_transaction(row, finalized),
        "sentence": sentence_of_deed(row),
        "links": _links(row, bare),
    }


def present_point(point: PriceDocument, bare: str) -> Json:
    """A point of the price history, told."""
    return {**present_price(point), "sentence": sentence_of_price(point), "links": _links(point, bare)}


def sentence_of_deed(row: Row) -> str:
    """Who did what."""
    seller, buyer = _short(row["seller"]), _short(row["buyer"])
    token, price = f"#{row['tokenId']}", _ether(row["priceWei"])
    match row["type"]:
        case "mint":
            worth = "" if price is None else f", valued at {price}"
            return f"{token} was minted to {buyer}{worth}"
        case "list":
            return f"{seller} offered {token} for {price}"
        case "delist":
            return f"{seller} withdrew the offer of {token}" + (f" for {price}" if price else "")
        case "buy":
            return _sale(token, seller, buyer, row)
    return f"{seller} transferred {token} to {buyer}"


def _sale(token: str, seller: str, buyer: str, row: Row) -> str:
    whom = "itself" if row["seller"] == row["buyer"] else seller
    fee = _ether(row["platformFeeWei"])
    return f"{buyer} bought {token} for {_ether(row['priceWei'])} from {whom}" + (
        f", of which the marketplace kept {fee}" if row["platformFeeWei"] not in (None, "0") else ""
    )


def sentence_of_price(point: Row) -> str:
    """What was said of the price."""
    token, price = f"#{point['tokenId']}", _ether(point["priceWei"])
    source, score = point["source"], point["aiMetrics"]["confidenceScore"]
    match source["type"]:
        case "mint":
            return f"the first price of {token} is {price}"
        case "ai-oracle":
            named = f" from {source['dataSourceName']!r}" if source["dataSourceName"] else ""
            return f"the oracle priced {token} at {price}{named}, with confidence {score} of 100"
        case "direct":
            return f"{token} was priced at {price}, without a word of the oracle"
        case "user-listing":
            return f"{price} was asked for {token}"
    return f"{price} was paid for {token}"


def _links(row: Row, bare: str) -> Json:
    """Addresses of the asset, and of the deed itself where it has one."""
    contract = row["contractAddress"]
    asset = f"/api/assets/{row['tokenId']}"
    if contract != bare:
        asset += "?" + urlencode({"contractAddress": contract})
    return {"asset": asset, "transaction": f"/api/transactions/{row['_id']}" if "type" in row else None}


def _short(address: str | None) -> str:
    return f"{address[:SHOWN]}…{address[-4:]}" if address else "nobody"


def _ether(wei: str | None) -> str | None:
    """Exact, without superfluous zeros."""
    if wei is None:
        return None
    whole, rest = divmod(int(wei), WEI_PER_ETHER)
    decimals = f"{rest:018d}".rstrip("0")
    return f"{whole}.{decimals} ETH" if decimals else f"{whole} ETH"
