"""What an update makes of a document: new dictionaries along the changed paths, the old ones untouched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import localcontext
from typing import Any

from bson.decimal128 import Decimal128, create_decimal128_context

from tests.simulation.fake_mongo.matching import MISSING, evaluated, value_at

Document = dict[str, Any]
Update = Mapping[str, Any] | Sequence[Mapping[str, Any]]


def changed(document: Document, update: Update, now: datetime, *, inserting: bool = False) -> Document:
    """The document after update operators, an aggregation pipeline, or a replacement."""
    if not isinstance(update, Mapping):
        return _piped(document, update, now)
    if not any(name.startswith("$") for name in update):
        return {"_id": document["_id"], **update}
    after = dict(document)
    for name, fields in update.items():
        if name == "$setOnInsert" and not inserting:
            continue
        if name not in OPERATORS:
            raise NotImplementedError(f"update operator {name}")
        for path, operand in fields.items():
            OPERATORS[name](after, path, operand)
    return after


def _piped(document: Document, stages: Sequence[Mapping[str, Any]], now: datetime) -> Document:
    after = dict(document)
    for stage in stages:
        ((name, fields),) = stage.items()
        if name != "$set":
            raise NotImplementedError(f"pipeline stage {name}")
        found = {path: evaluated(expression, after, now) for path, expression in fields.items()}
        for path, value in found.items():
            _set(after, path, value)
    return after


def _owner(document: Document, path: str) -> tuple[Document, str]:
    """The dictionary that holds the last name of a path, copied all the way down."""
    *above, last = path.split(".")
    for name in above:
        inner = document.get(name)
        document[name] = dict(inner) if isinstance(inner, dict) else {}
        document = document[name]
    return document, last


def _set(document: Document, path: str, value: Any) -> None:
    owner, name = _owner(document, path)
    owner[name] = value


def _unset(document: Document, path: str, _: Any) -> None:
    if value_at(document, path) is not MISSING:
        owner, name = _owner(document, path)
        del owner[name]


def _increase(document: Document, path: str, by: Any) -> None:
    before = value_at(document, path)
    _set(document, path, by if before is MISSING else _sum(before, by))


def _sum(before: Any, by: Any) -> Any:
    if not isinstance(before, Decimal128):
        return before + by
    with localcontext(create_decimal128_context()):
        return Decimal128(before.to_decimal() + by.to_decimal())


OPERATORS: dict[str, Callable[[Document, str, Any], None]] = {
    "$set": _set,
    "$setOnInsert": _set,
    "$unset": _unset,
    "$inc": _increase,
}
