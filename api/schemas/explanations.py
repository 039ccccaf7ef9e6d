"""What an answer was made of."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.shapes import Amount, Shape, maybe_text, maybe_time, maybe_whole, text


class WrittenBy(Shape):
    """A log, or a call of the contract at the block of the mint (`call`; `event` and `logIndex` are null)."""

    event = maybe_text()
    call = maybe_text()
    contract = text()
    block_number = fields.Integer()
    block_hash = text()
    timestamp = fields.DateTime()
    transaction_hash = text()
    log_index = maybe_whole()


class LeftOut(Shape):
    reason = text()
    count = fields.Integer()
    amount = fields.Nested(Amount, allow_none=True)


class Figure(Shape):
    formula = text()
    inputs = fields.Dict()
    excluded = fields.List(fields.Nested(LeftOut))


class TradeExplained(Shape):
    """Sales with `after` < time ≤ `upTo`; null where there is no bound, or its second is not known."""

    after = maybe_time()
    up_to = maybe_time()
    sales = fields.Nested(Figure)
    volume = fields.Nested(Figure)
    fees = fields.Nested(Figure)


class TradeExplainedByWindow(Shape):
    day = fields.Nested(TradeExplained, data_key="24h")
    week = fields.Nested(TradeExplained, data_key="7d")
    month = fields.Nested(TradeExplained, data_key="30d")
    all = fields.Nested(TradeExplained)


class StatsExplained(Shape):
    assets = fields.Nested(Figure)
    holders = fields.Nested(Figure)
    listed = fields.Nested(Figure)
    purchasable = fields.Nested(Figure)
    listed_ratio = fields.Nested(Figure)
    floor_price = fields.Nested(Figure)
    purchasable_floor_price = fields.Nested(Figure)
    trade = fields.Nested(TradeExplainedByWindow)
