"""What all answers are made of: strict shapes, `asOf`, `pagination`, problems."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from api.fields import camel_case

WEI = {"pattern": "^[0-9]{1,78}$", "description": "Exact, in wei, as a decimal string."}
SUM = {"pattern": "^-?[0-9]{1,100}$", "description": "Exact, in wei, as a decimal string; may be negative."}
ADDRESS = {"pattern": "^0x[0-9a-fA-F]{40}$", "description": "In EIP-55."}
HASH = {"pattern": "^0x[0-9a-f]{64}$"}
FINALITY = ("finalized", "unfinalized")


class Shape(Schema):
    """Every key is always there; snake_case here, camelCase in the answer."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.data_key = field_obj.data_key or camel_case(field_name)
        field_obj.required = field_obj.metadata.get("always", True)


def text(**kwargs: Any) -> fields.String:
    return fields.String(**kwargs)


def maybe_text() -> fields.String:
    return fields.String(allow_none=True)


def one_of(*words: str) -> fields.String:
    return fields.String(metadata={"enum": list(words)})


def maybe_one_of(*words: str) -> fields.String:
    return fields.String(allow_none=True, metadata={"enum": [*words, None]})


def wei() -> fields.String:
    """An exact amount; what is shown beside it without `Wei` is the same in ether, rounded."""
    return fields.String(metadata=WEI)


def maybe_wei() -> fields.String:
    return fields.String(allow_none=True, metadata=WEI)


def wei_sum(description: str | None = None) -> fields.String:
    """A sum or difference of exact amounts, which may be longer than one amount."""
    told = {} if description is None else {"description": description}
    return fields.String(metadata=SUM | told)


def address() -> fields.String:
    return fields.String(metadata=ADDRESS)


def maybe_address() -> fields.String:
    return fields.String(allow_none=True, metadata=ADDRESS)


def hash_text(**kwargs: Any) -> fields.String:
    return fields.String(metadata=HASH, **kwargs)


def maybe_number() -> fields.Float:
    return fields.Float(allow_none=True)


def maybe_whole() -> fields.Integer:
    return fields.Integer(allow_none=True)


def maybe_time() -> fields.DateTime:
    return fields.DateTime(allow_none=True)


class Block(Shape):
    number = fields.Integer()
    hash = hash_text()


class Either(fields.Field[Any]):
    """Of one of several shapes."""

    def __init__(self, *shapes: type[Schema], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shapes = shapes


class AsOf(Shape):
    """The block at which the answer is true."""

    block_number = fields.Integer()
    block_hash = hash_text(allow_none=True)
    timestamp = maybe_time()
    finality = one_of(*FINALITY)
    lag_blocks = fields.Integer()
    lag_seconds = fields.Integer()
    state_of = fields.Nested(Block, allow_none=True, metadata={"always": False})


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
    value_wei = wei()


class FieldProblem(Shape):
    field = text()
    location = text()
    message = text()


class ProblemLinks(Shape):
    start = text(metadata={"description": "Where to begin again."})


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
    links = fields.Nested(ProblemLinks, metadata={"always": False})
