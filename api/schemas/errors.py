"""What an error code means."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.shapes import Shape, text


class ErrorEntry(Shape):
    type = text()
    code = text()
    status = fields.Integer()
    title = text()
    meaning = text()
    cause = text()
    remedy = text()


class ErrorList(Shape):
    errors = fields.List(fields.Nested(ErrorEntry))


class OneError(Shape):
    error = fields.Nested(ErrorEntry)
