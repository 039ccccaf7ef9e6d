"""What listeners are told."""

from __future__ import annotations

from marshmallow import fields

from api.requests import EVENTS
from api.schemas.shapes import Answer, Shape, hash_text, maybe_one_of, maybe_time, one_of


class Event(Shape):
    seq = fields.Integer()
    type = one_of(*EVENTS)
    block_number = fields.Integer()
    block_hash = hash_text()
    timestamp = maybe_time()
    retracts = maybe_one_of("transaction", "price")
    data = fields.Dict(metadata={"description": "The row, or what the type says."})


class Events(Answer):
    events = fields.List(fields.Nested(Event))
    next = fields.Integer(metadata={"description": "Go on after this place."})
    newest = fields.Integer()
