"""Schemas derived from the shapes of documents."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from store.validators import VALIDATORS, schema_of


class Inner(TypedDict):
    size: int


class Shape(TypedDict):
    name: str
    price: float | None
    kind: Literal["a", "b"] | None
    inner: Inner | None
    many: list[Inner]
    flags: dict[str, bool]
    free: dict[str, Any]
    later: NotRequired[int]


def test_a_shape_becomes_a_schema() -> None:
    inner = {
        "bsonType": "object",
        "required": ["size"],
        "properties": {"size": {"bsonType": ["int", "long"]}},
    }

    assert schema_of(Shape) == {
        "bsonType": "object",
        "required": ["flags", "free", "inner", "kind", "many", "name", "price"],
        "properties": {
            "name": {"bsonType": "string"},
            "price": {"bsonType": ["double", "null"]},
            "kind": {"bsonType": ["string", "null"], "enum": ["a", "b", None]},
            "inner": {**inner, "bsonType": ["object", "null"]},
            "many": {"bsonType": "array", "items": inner},
            "flags": {"bsonType": "object", "additionalProperties": {"bsonType": "bool"}},
            "free": {"bsonType": "object"},
            "later": {"bsonType": ["int", "long"]},
        },
    }


def test_what_people_write_is_not_required_of_an_asset() -> None:
    asset = VALIDATORS["assets"]

    assert not {"media", "verification", "stats", "updatedAt"} & set(asset["required"])
    assert "base" not in asset["properties"]["chain"]["required"]
