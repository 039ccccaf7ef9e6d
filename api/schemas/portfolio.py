"""Portfolios: what a wallet owns, is worth and traded."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.assets import AssetItem
from api.schemas.series import Bucket, Series
from api.schemas.shapes import Amount, ListAnswer, Shape, address, maybe_text, one_of, wei_sum


class Totals(Shape):
    assets = fields.Integer()
    value = fields.Float()
    value_wei = wei_sum()
    for_sale = fields.Integer()
    asked = fields.Float()
    asked_wei = wei_sum("Sum of the prices asked.")


class TypeTotals(Totals):
    asset_type = maybe_text()
    priced = fields.Integer()


class Coverage(Shape):
    assets = fields.Integer()
    priced = fields.Integer(metadata={"description": "Assets whose contract has told a price."})
    with_cost = fields.Integer(metadata={"description": "Assets that the wallet bought."})


class Unrealised(Shape):
    assets = fields.Integer(metadata={"description": "Those that have both a price and a cost."})
    value = fields.Float()
    value_wei = wei_sum()
    cost = fields.Float()
    cost_wei = wei_sum()
    gain = fields.Float()
    gain_wei = wei_sum()


class Realised(Shape):
    purchases = fields.Integer()
    spent = fields.Float()
    spent_wei = wei_sum()
    sales = fields.Integer()
    earned = fields.Float()
    earned_wei = wei_sum("Prices paid by buyers, before the marketplace's fee.")
    fees = fields.Float()
    fees_wei = wei_sum("What the marketplace kept of sales.")
    net = fields.Float()
    net_wei = wei_sum()
    sales_with_cost = fields.Integer()
    gain = fields.Float()
    gain_wei = wei_sum("Net earnings minus costs, of the sales whose cost is known.")
    self_trades = fields.Integer(metadata={"description": "Sales of the wallet to itself."})
    self_traded = fields.Float()
    self_traded_wei = wei_sum()
    self_trade_fees = fields.Float()
    self_trade_fees_wei = wei_sum()


class PortfolioTotals(Totals):
    wallet_address = address()
    by_type = fields.List(fields.Nested(TypeTotals))
    coverage = fields.Nested(Coverage)
    unrealised = fields.Nested(Unrealised)
    realised = fields.Nested(Realised)


class Gain(Shape):
    """May be negative."""

    value = fields.Float()
    value_wei = wei_sum()


class Acquired(Shape):
    type = one_of("mint", "buy", "transfer")
    timestamp = fields.DateTime()


class Holding(AssetItem):
    acquired = fields.Nested(Acquired, allow_none=True)
    cost = fields.Nested(Amount, allow_none=True)
    unrealised_gain = fields.Nested(Gain, allow_none=True)


class Portfolio(ListAnswer):
    portfolio = fields.Nested(PortfolioTotals)
    assets = fields.List(fields.Nested(Holding))


class PortfolioBucket(Bucket):
    assets = fields.Integer()
    value = fields.Float()
    value_wei = wei_sum()
    cost = fields.Float()
    cost_wei = wei_sum()
    coverage = fields.Nested(Coverage)


class PortfolioHistory(Series):
    portfolio_history = fields.List(fields.Nested(PortfolioBucket))
