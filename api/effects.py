"""What a chain transaction did, each effect in one sentence, with links to what it touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from api.responses import present_price, present_transaction
from api.services import Act
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


def present_act(act: Act, bare: str) -> Json:
    """What left no row: an approval, or a change of how the contracts are set up."""
    asset = None if act.token_id is None else _asset(act.contract or bare, act.token_id, bare)
    return {
        "type": act.type,
        "tokenId": act.token_id,
        "contractAddress": act.contract,
        "account": act.account,
        "value": act.value,
        "logIndex": act.log_index,
        "sentence": sentence_of_act(act),
        "links": {"asset": asset, "transaction": None},
    }


def sentence_of_act(act: Act) -> str:
    """Who may do what from now on."""
    account, contract = _short(act.account), f"contract {_short(act.contract)}"
    match act.type:
        case "approval":
            return (
                f"{account} may transfer #{act.token_id}"
                if act.value
                else f"nobody may transfer #{act.token_id} for its owner any more"
            )
        case "approval-for-all":
            word = "let the marketplace transfer" if act.value else "does not let the marketplace transfer"
            return f"{account} {word} all its assets of {contract}"
        case "fee":
            return f"the marketplace keeps {(act.value or 0) / 100:g} % of a price"
        case "fee-collector":
            return f"the marketplace's fees go to {account}"
        case "minimum-confidence":
            return f"the oracle may set prices with a confidence of at least {act.value} of 100"
        case "marketplace-contract":
            return f"the marketplace speaks of {contract}"
        case "agent-contract":
            return f"the oracle speaks of {contract}"
        case "pricing-agent":
            return f"{account} sets the prices of {contract}"
    return f"{account} administers {contract}"


def _links(row: Row, bare: str) -> Json:
    """Addresses of the asset, and of the deed itself where it has one."""
    asset = _asset(row["contractAddress"], row["tokenId"], bare)
    return {"asset": asset, "transaction": f"/api/transactions/{row['_id']}" if "type" in row else None}


def _asset(contract: str, token_id: int, bare: str) -> str:
    named = "" if contract == bare else "?" + urlencode({"contractAddress": contract})
    return f"/api/assets/{token_id}{named}"


def _short(address: str | None) -> str:
    if address is None or int(address, 16) == 0:
        return "nobody"
    return f"{address[:SHOWN]}…{address[-4:]}"


def _ether(wei: str | None) -> str | None:
    """Exact, without superfluous zeros."""
    if wei is None:
        return None
    whole, rest = divmod(int(wei), WEI_PER_ETHER)
    decimals = f"{rest:018d}".rstrip("0")
    return f"{whole}.{decimals} ETH" if decimals else f"{whole} ETH"
