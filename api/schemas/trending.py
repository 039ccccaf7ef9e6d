"""What trends, and by which formula."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.assets import AssetItem
from api.schemas.shapes import ListAnswer, Shape, text


class TrendingParts(Shape):
    buyers24h = fields.Integer(metadata={"description": "Different buyers, who were not the sellers."})
    buyers7d = fields.Integer()
    listed7d = fields.Integer(metadata={"description": "1 if listed in the last 7 days."})
    minted7d = fields.Integer(metadata={"description": "1 if minted in the last 7 days."})
    view_count = fields.Integer()
    favorite_count = fields.Integer()


class TrendingAsset(Shape):
    rank = fields.Integer()
    score = fields.Integer()
    parts = fields.Nested(TrendingParts)
    asset = fields.Nested(AssetItem)


class TrendingWeights(Shape):
    buyers24h = fields.Integer()
    buyers7d = fields.Integer()
    listed7d = fields.Integer()
    minted7d = fields.Integer()
    views = fields.Integer()
    favorites = fields.Integer()


class TrendingFormula(Shape):
    text = text()
    weights = fields.Nested(TrendingWeights)
    deeds = fields.Integer(
        metadata={"description": "Most purchases, listings and mints that are looked at, the newest first."}
    )
    candidates = fields.Integer(metadata={"description": "Most assets that are ranked."})


class TrendingList(ListAnswer):
    trending = fields.List(fields.Nested(TrendingAsset))
    formula = fields.Nested(TrendingFormula)
