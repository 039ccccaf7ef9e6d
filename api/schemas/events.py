"""What listeners are told."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.shapes import Answer, Shape, maybe_text, maybe_time, text


class Event(Shape):
    seq = fields.Integer()
    type = text(metadata={"enum": ["transaction", "price", "block", "finalized", "retraction", "reorg"]})
    block_number = fields.Integer()
    block_hash = text()
    timestamp = maybe_time()
    retracts = maybe_text()
    data = fields.Dict(metadata={"description": "The row, or what the type says."})


class Events(Answer):
    events = fields.List(fields.Nested(Event))
    next = fields.Integer(metadata={"description": "Go on after this place."})
    newest = fields.Integer()
