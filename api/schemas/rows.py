"""What happened: deeds, prices, activity, the market's figures, the way of one chain transaction."""

from __future__ import annotations

from marshmallow import fields

from api.requests import DEEDS, INTERVALS, SOURCES
from api.schemas.explanations import StatsExplained
from api.schemas.shapes import (
    ADDRESS,
    Amount,
    Answer,
    Either,
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
    wei_sum,
)

STATUS = ("pending", "completed", "failed", "orphaned")


class Blockchain(Shape):
    transaction_hash = hash_text()
    block_number = fields.Integer()
    block_hash = hash_text()
    log_index = fields.Integer()
    gas_used = maybe_whole()
    gas_price_wei = maybe_wei()


class Row(Shape):
    id = text()
    token_id = fields.Integer()
    asset_id = text()
    contract_address = address()
    price = maybe_number()
    price_wei = maybe_wei()
    price_usd = maybe_number()
    timestamp = fields.DateTime()
    blockchain = fields.Nested(Blockchain)


class Transaction(Row):
    type = one_of(*DEEDS, "sell")
    seller = maybe_address()
    buyer = maybe_address()
    status = one_of(*STATUS)
    platform_fee = maybe_number()
    platform_fee_wei = maybe_wei()
    payment_method = maybe_one_of("eth")


class TransactionList(ListAnswer):
    transactions = fields.List(fields.Nested(Transaction))


class OneTransaction(Answer):
    transaction = fields.Nested(Transaction)


class PriceSource(Shape):
    type = one_of(*SOURCES)
    data_source_name = maybe_text()
    model_version = maybe_text()


class AiMetrics(Shape):
    confidence_score = maybe_whole()
    factors = fields.List(fields.Dict())


class PricePoint(Row):
    source = fields.Nested(PriceSource)
    ai_metrics = fields.Nested(AiMetrics)


class Analytics(Shape):
    current = fields.Nested(Amount)
    change24h = maybe_number()
    change7d = maybe_number()
    change30d = maybe_number()
    average_confidence = maybe_number()
    volatility = maybe_number()


class Candle(Shape):
    """All points of a stretch of time: first, highest, lowest, last price."""

    start = fields.DateTime()
    end = fields.DateTime()
    open = fields.Float()
    high = fields.Float()
    low = fields.Float()
    close = fields.Float()
    open_wei = wei()
    high_wei = wei()
    low_wei = wei()
    close_wei = wei()
    points = fields.Integer()
    confidence = maybe_number()
    sources = fields.Dict(keys=fields.String(), values=fields.Integer())


class PriceHistory(ListAnswer):
    price_history = fields.List(
        Either(PricePoint, Candle),
        metadata={"description": "Points, or candles if `interval` says so."},
    )
    interval = one_of(*INTERVALS)
    analytics = fields.Nested(Analytics)


class Activity(Row):
    type = one_of(*DEEDS, "price")
    seller = maybe_address()
    buyer = maybe_address()
    source = fields.Nested(PriceSource, allow_none=True)
    confidence_score = maybe_whole()
    status = one_of(*STATUS)


class ActivityList(ListAnswer):
    activity = fields.List(fields.Nested(Activity))


class DocumentedOwner(Shape):
    """As people wrote it."""

    owner = fields.Raw(allow_none=True)
    period = fields.Raw(allow_none=True)
    documentation = fields.Raw(allow_none=True)


class Certificate(Shape):
    """As people wrote it."""

    type = fields.Raw(allow_none=True)
    issuer = fields.Raw(allow_none=True)
    date = fields.Raw(allow_none=True)
    file_key = fields.Raw(allow_none=True)


class ProvenanceEntry(Shape):
    """Of `document` and `certificate`, people wrote one; the chain's entries have neither."""

    id = text()
    source = one_of("chain", "people")
    type = one_of("mint", "sale", "transfer", "documented-owner", "certificate")
    timestamp = maybe_time()
    from_ = fields.String(allow_none=True, data_key="from", metadata=ADDRESS)
    to = maybe_address()
    price = maybe_number()
    price_wei = maybe_wei()
    blockchain = fields.Nested(Blockchain, allow_none=True)
    status = maybe_one_of(*STATUS)
    document = fields.Nested(DocumentedOwner, allow_none=True)
    certificate = fields.Nested(Certificate, allow_none=True)


class ProvenanceList(ListAnswer):
    provenance = fields.List(fields.Nested(ProvenanceEntry))


class Trade(Shape):
    sales = fields.Integer()
    volume = fields.Float()
    volume_wei = wei_sum()
    fees = fields.Float()
    fees_wei = wei_sum()
    self_trades = fields.Integer()
    self_traded_wei = wei_sum()


class TradeByWindow(Shape):
    day = fields.Nested(Trade, data_key="24h")
    week = fields.Nested(Trade, data_key="7d")
    month = fields.Nested(Trade, data_key="30d")
    all = fields.Nested(Trade)


class Stats(Shape):
    assets = fields.Integer()
    holders = fields.Integer()
    listed = fields.Integer()
    purchasable = fields.Integer()
    listed_ratio = maybe_number()
    floor_price = fields.Nested(Amount, allow_none=True)
    purchasable_floor_price = fields.Nested(Amount, allow_none=True)
    trade = fields.Nested(TradeByWindow)
    fee_bps = maybe_whole()
    fee_collector = maybe_address()


class MarketStats(Answer):
    stats = fields.Nested(Stats)
    explanation = fields.Nested(StatsExplained, metadata={"always": False})


class Links(Shape):
    """Where the asset is, and the deed, if it is one."""

    asset = text()
    transaction = maybe_text()


class ToldDeed(Transaction):
    sentence = text()
    links = fields.Nested(Links)


class ToldPrice(PricePoint):
    sentence = text()
    links = fields.Nested(Links)


class ActLinks(Shape):
    asset = maybe_text()
    transaction = maybe_text()


class ToldAct(Shape):
    """What left no row. `value`: basis points, a score, or 1 for given and 0 for withdrawn."""

    type = text()
    token_id = maybe_whole()
    contract_address = maybe_text()
    account = maybe_text()
    value = maybe_whole()
    log_index = fields.Integer()
    sentence = text()
    links = fields.Nested(ActLinks)


class Effects(Shape):
    transactions = fields.List(fields.Nested(ToldDeed))
    price_history = fields.List(fields.Nested(ToldPrice))
    others = fields.List(
        fields.Nested(ToldAct),
        allow_none=True,
        metadata={"description": "What left no row; null while it cannot be read."},
    )


class TransactionBlock(Shape):
    number = fields.Integer()
    hash = maybe_text()


class ChainTransaction(Shape):
    hash = hash_text()
    status = one_of("unknown", "pending", "indexed", "finalized", "orphaned")
    block = fields.Nested(TransactionBlock, allow_none=True)
    effects = fields.Nested(Effects)


class OneChainTransaction(Answer):
    tx = fields.Nested(ChainTransaction)
