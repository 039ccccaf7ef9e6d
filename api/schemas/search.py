"""What a search finds."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.assets import AssetItem
from api.schemas.shapes import ListAnswer, Shape, address, hash_text, one_of, text


class FoundWallet(Shape):
    wallet_address = address()
    assets = fields.Integer(metadata={"description": "How many it owns."})


class FoundContract(Shape):
    address = address()
    role = one_of("asset", "agent", "marketplace")


class FoundTransaction(Shape):
    hash = hash_text()
    block_number = fields.Integer()
    timestamp = fields.DateTime()
    types = fields.List(fields.String(), metadata={"description": "Deeds, and `price`."})


class Hit(Shape):
    """Of the last four, the one that `type` names is not null."""

    type = one_of("asset", "wallet", "contract", "transaction")
    match = one_of("text", "tokenId", "address", "transactionHash")
    asset = fields.Nested(AssetItem, allow_none=True)
    wallet = fields.Nested(FoundWallet, allow_none=True)
    contract = fields.Nested(FoundContract, allow_none=True)
    transaction = fields.Nested(FoundTransaction, allow_none=True)


class SearchResult(ListAnswer):
    query = text()
    kind = one_of("text", "tokenId", "address", "transaction")
    hits = fields.List(fields.Nested(Hit))
