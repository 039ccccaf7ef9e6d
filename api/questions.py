"""What may be asked about series, wallets and searches."""

from __future__ import annotations

from api.fields import Moment, OneOf
from api.requests import FreshnessQuery


class SeriesQuery(FreshnessQuery):
    """Which stretch of block time, in buckets of which length."""

    interval = OneOf("1h", "1d", "1w", metadata={"description": "Length of a bucket, 1d unless given."})
    from_time = Moment(data_key="from", metadata={"description": "The first bucket is the one of this time."})
    to_time = Moment(data_key="to", metadata={"description": "The last bucket is the one of this time."})
