"""What may be asked about series, wallets and searches."""

from __future__ import annotations

from marshmallow import fields, validate

from api.fields import Moment, OneOf, Strict, Wallet
from api.requests import BranchPageQuery, FreshnessQuery


class SeriesQuery(FreshnessQuery):
    """Which stretch of block time, in buckets of which length."""

    RANGES = (("from_time", "to_time"),)

    interval = OneOf("1h", "1d", "1w", metadata={"description": "Length of a bucket, 1d unless given."})
    from_time = Moment(data_key="from", metadata={"description": "The first bucket is the one of this time."})
    to_time = Moment(data_key="to", metadata={"description": "The last bucket is the one of this time."})


class SearchQuery(BranchPageQuery):
    """What to look for."""

    q = fields.String(
        required=True,
        validate=validate.Length(1, 200, error="must be 1 to 200 characters"),
        metadata={"description": "Words, a token id, an address or a transaction hash."},
    )


class WhichContract(Strict):
    """Which asset contract a tokenId belongs to: unless given, the one the marketplace speaks of."""

    contract_address = Wallet()
