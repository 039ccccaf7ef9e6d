"""What all answers are made of: strict shapes, `asOf`, `pagination`, problems."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from api.fields import camel_case


class Shape(Schema):
    """Every key is always there; snake_case here, camelCase in the answer."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.data_key = field_obj.data_key or camel_case(field_name)
        field_obj.required = field_obj.metadata.get("always", True)


def text(**kwargs: Any) -> fields.String:
    return fields.String(**kwargs)


def maybe_text() -> fields.String:
    return fields.String(allow_none=True)


def maybe_number() -> fields.Float:
    return fields.Float(allow_none=True)


def maybe_whole() -> fields.Integer:
    return fields.Integer(allow_none=True)


def maybe_time() -> fields.DateTime:
    return fields.DateTime(allow_none=True)


class AsOf(Shape):
    block_number = fields.Integer()
    block_hash = text()
    timestamp = fields.DateTime()
    finality = text()
    lag_blocks = fields.Integer()
    lag_seconds = fields.Integer()


class Pagination(Shape):
    limit = fields.Integer()
    has_more = fields.Boolean()
    next_cursor = maybe_text()
    page = fields.Integer(metadata={"always": False})
    total = fields.Integer(metadata={"always": False})
    total_pages = fields.Integer(metadata={"always": False})
    total_is_capped = fields.Boolean(
        metadata={"always": False, "description": "There are more; `total` is as far as was counted."}
    )


class Answer(Shape):
    as_of = fields.Nested(AsOf)


class ListAnswer(Answer):
    pagination = fields.Nested(Pagination)


class Amount(Shape):
    value = fields.Float()
    value_wei = text()


class FieldProblem(Shape):
    field = text()
    location = text()
    message = text()


class ProblemBody(Shape):
    """RFC 9457, and `error` for clients that read a plain string."""

    type = text()
    title = text()
    status = fields.Integer()
    detail = text()
    instance = text()
    code = text()
    request_id = text()
    errors = fields.List(fields.Nested(FieldProblem))
    error = text()


class Block(Shape):
    number = fields.Integer()
    hash = text()
