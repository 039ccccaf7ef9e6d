"""Series: what happened in each bucket of time, and how things stood at its end."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.rows import Trade
from api.schemas.shapes import Amount, Answer, Shape, maybe_time, maybe_whole, one_of


class Bucket(Shape):
    start = fields.DateTime()
    end = fields.DateTime(metadata={"description": "The moment after the bucket."})
    is_complete = fields.Boolean(metadata={"description": "The chain has passed its end."})


class MarketBucket(Bucket, Trade):
    listings = fields.Integer(metadata={"description": "Listings made."})
    mints = fields.Integer()
    assets = maybe_whole()
    holders = maybe_whole()
    listed = maybe_whole()
    floor_price = fields.Nested(Amount, allow_none=True)


class Series(Answer):
    interval = one_of("1h", "1d", "1w")


class MarketStatsHistory(Series):
    exact_from = maybe_time()
    stats_history = fields.List(fields.Nested(MarketBucket))
