"""What a search finds."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.assets import AssetItem
from api.schemas.shapes import ListAnswer, Shape, text


class FoundWallet(Shape):
    wallet_address = text()
    assets = fields.Integer(metadata={"description": "How many it owns."})


class FoundContract(Shape):
    address = text()
    role = text(metadata={"enum": ["asset", "agent", "marketplace"]})


class FoundTransaction(Shape):
    hash = text()
    block_number = fields.Integer()
    timestamp = fields.DateTime()
    types = fields.List(fields.String(), metadata={"description": "Deeds, and `price`."})


class Hit(Shape):
    """Of the last four, the one that `type` names is not null."""

    type = text(metadata={"enum": ["asset", "wallet", "contract", "transaction"]})
    match = text(metadata={"enum": ["text", "tokenId", "address", "transactionHash"]})
    asset = fields.Nested(AssetItem, allow_none=True)
    wallet = fields.Nested(FoundWallet, allow_none=True)
    contract = fields.Nested(FoundContract, allow_none=True)
    transaction = fields.Nested(FoundTransaction, allow_none=True)


class SearchResult(ListAnswer):
    query = text()
    kind = text(metadata={"enum": ["text", "tokenId", "address", "transaction"]})
    hits = fields.List(fields.Nested(Hit))
