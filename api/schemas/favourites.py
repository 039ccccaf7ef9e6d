"""What somebody likes."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.assets import AssetItem
from api.schemas.shapes import Answer, ListAnswer, Shape, address, maybe_time


class Favourite(Shape):
    token_id = fields.Integer()
    contract_address = address()
    is_favorite = fields.Boolean()
    since = maybe_time()
    favorite_count = fields.Integer(metadata={"description": "How many users like it."})


class OneFavourite(Answer):
    favorite = fields.Nested(Favourite)


class ListedFavourite(Shape):
    token_id = fields.Integer()
    contract_address = address()
    since = fields.DateTime()
    asset = fields.Nested(AssetItem, allow_none=True)


class FavouriteList(ListAnswer):
    favorites = fields.List(fields.Nested(ListedFavourite))
