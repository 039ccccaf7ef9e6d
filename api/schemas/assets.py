"""Assets, and what is for sale."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.explanations import WrittenBy
from api.schemas.shapes import (
    FINALITY,
    Amount,
    Answer,
    ListAnswer,
    Shape,
    address,
    hash_text,
    maybe_address,
    maybe_number,
    maybe_one_of,
    maybe_text,
    maybe_time,
    maybe_wei,
    maybe_whole,
    one_of,
    text,
    wei,
)


class CurrentPrice(Amount):
    value_usd = maybe_number()
    updated_at = fields.DateTime()
    ai_confidence_score = maybe_whole()


class MarketStatus(Shape):
    is_listed = fields.Boolean()
    is_purchasable = fields.Boolean()
    unavailable_reason = maybe_one_of("owner-changed", "not-approved")
    listing_price = maybe_number()
    listing_price_wei = maybe_wei()
    listed_at = maybe_time()
    listed_by = maybe_address()


class AssetItem(Shape):
    id = text()
    token_id = fields.Integer()
    contract_address = address()
    name = maybe_text()
    asset_type = maybe_text()
    thumbnail_url = maybe_text()
    current_price = fields.Nested(CurrentPrice)
    market_status = fields.Nested(MarketStatus)
    is_listed = fields.Boolean()
    current_owner = address()
    is_verified = fields.Boolean()
    finality = one_of(*FINALITY)
    created_at = fields.DateTime()
    updated_at = maybe_time()


class Ownership(Shape):
    current_owner = address()
    owner_since = fields.DateTime()


class AssetChain(Shape):
    mint_block = fields.Integer()
    mint_transaction_hash = hash_text()
    updated_block = fields.Integer()
    initial_price_wei = maybe_wei()
    acquisition_date_seconds = maybe_text()
    claimed_verified = fields.Boolean(allow_none=True)


class Asset(AssetItem):
    description = maybe_text()
    token_uri = fields.String(allow_none=True, data_key="tokenURI")
    metadata = fields.Dict()
    media = fields.Dict()
    ownership = fields.Nested(Ownership)
    verification = fields.Dict()
    stats = fields.Dict()
    chain = fields.Nested(AssetChain)


class Count(Shape):
    value = fields.Raw(allow_none=True)
    count = fields.Integer()


class AssetList(ListAnswer):
    assets = fields.List(fields.Nested(AssetItem))
    facets = fields.Dict(
        keys=fields.String(), values=fields.List(fields.Nested(Count)), metadata={"always": False}
    )


class OneAsset(Answer):
    asset = fields.Nested(Asset)
    explanation = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Nested(WrittenBy)),
        allow_none=True,
        metadata={"always": False, "description": "Field → the logs that wrote it; with `explain=true`."},
    )


class AssetBatch(Answer):
    assets = fields.List(fields.Nested(AssetItem))
    missing = fields.List(fields.Integer())


class Listing(Shape):
    id = text()
    token_id = fields.Integer()
    contract_address = address()
    name = maybe_text()
    asset_type = maybe_text()
    thumbnail_url = maybe_text()
    price = fields.Float()
    price_wei = wei()
    seller = address()
    listed_at = fields.DateTime()
    is_purchasable = fields.Boolean()
    unavailable_reason = maybe_one_of("owner-changed", "not-approved")
    current_price = fields.Nested(CurrentPrice)
    is_verified = fields.Boolean()
    finality = one_of(*FINALITY)


class ListingList(ListAnswer):
    listings = fields.List(fields.Nested(Listing))
