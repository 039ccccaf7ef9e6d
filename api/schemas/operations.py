"""Where the indexer stands, and what it took back."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.shapes import (
    AsOf,
    Block,
    ListAnswer,
    Shape,
    maybe_number,
    maybe_text,
    maybe_time,
    maybe_whole,
    one_of,
    text,
)


class Tip(Block):
    timestamp = fields.DateTime()


class Lease(Shape):
    holder = text()
    epoch = fields.Integer()


class Endpoint(Shape):
    name = text()
    state = text()
    reason = maybe_text()
    retry_in_seconds = fields.Float()
    head = maybe_whole()
    lag_blocks = maybe_whole()
    requests = fields.Integer()
    latency_ms = maybe_number()
    errors = fields.Dict(keys=fields.String(), values=fields.Integer())
    last_error = maybe_text()
    contradictions = fields.Integer()
    last_contradiction = maybe_text()
    learned_cap = maybe_whole()
    max_batch = fields.Integer()
    supports = fields.Dict(keys=fields.String(), values=fields.Boolean())


class Blooms(Shape):
    """The block that showed that the chain's bloom filters cannot be relied on."""

    block = fields.Integer()
    reason = text()


class Evidence(Shape):
    """Blocks from the start block to the tip by how they are vouched for, and shares of them, 0 to 1."""

    receipts = fields.Integer()
    bloom = fields.Integer()
    logs_only = fields.Integer()
    blocks = fields.Integer()
    proven_share = fields.Float()
    vouched_share = fields.Float()
    blooms = fields.Nested(Blooms, allow_none=True)


class Status(Shape):
    chain_id = maybe_whole()
    state = one_of("unindexed", "backfilling", "live", "halted")
    head = fields.Nested(Block, allow_none=True)
    tip = fields.Nested(Tip, allow_none=True)
    finalized = fields.Nested(Block, allow_none=True)
    lag_blocks = fields.Integer()
    lag_seconds = fields.Integer()
    events_per_second = fields.Float()
    events = fields.Integer()
    quarantined = fields.Integer()
    reorgs = fields.Integer()
    lease = fields.Nested(Lease, allow_none=True)
    digest = maybe_text()
    rolling_digest = maybe_text()
    evidence = fields.Nested(Evidence)
    last_error = maybe_text()
    updated_at = maybe_time()
    endpoints = fields.List(fields.Nested(Endpoint))
    endpoints_reported_at = maybe_time()
    as_of = fields.Nested(AsOf, allow_none=True)


class Reorg(Shape):
    id = text()
    detected_at = fields.DateTime()
    depth = fields.Integer()
    ancestor = fields.Nested(Block)
    old_tip = fields.Nested(Block)
    orphaned = fields.List(fields.Nested(Block))
    events_removed = fields.Integer()


class ReorgList(ListAnswer):
    reorgs = fields.List(fields.Nested(Reorg))


class Health(Shape):
    status = text()
