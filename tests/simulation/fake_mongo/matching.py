"""Does a document match a query? The operators that our store uses, and an error for every other."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

MISSING = object()
Document = Mapping[str, Any]


def value_at(document: Any, path: str) -> Any:
    """The value at a dotted path, or MISSING."""
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return MISSING
        document = document[name]
    return document


def matches(document: Document, query: Document, now: datetime) -> bool:
    return all(_holds(document, path, wanted, now) for path, wanted in query.items())


def _holds(document: Document, path: str, wanted: Any, now: datetime) -> bool:
    if path == "$expr":
        ((name, (left, right)),) = wanted.items()
        return bool(COMPARING[name](evaluated(left, document, now), evaluated(right, document, now)))
    if path == "$or":
        return any(matches(document, each, now) for each in wanted)
    if path.startswith("$"):
        raise NotImplementedError(f"query operator {path}")
    found = value_at(document, path)
    if isinstance(wanted, dict) and any(name.startswith("$") for name in wanted):
        return all(_satisfies(found, name, operand) for name, operand in wanted.items())
    return _equals(found, wanted)


def _satisfies(found: Any, name: str, operand: Any) -> bool:
    if name == "$exists":
        return (found is not MISSING) == bool(operand)
    if name == "$in":
        return any(_equals(found, each) for each in operand)
    if name == "$regex":
        return isinstance(found, str) and re.search(operand, found) is not None
    if name in COMPARING:
        # As in MongoDB, an order holds between values of one type only.
        return _comparable(found, operand) and bool(COMPARING[name](found, operand))
    raise NotImplementedError(f"query operator {name}")


def _equals(found: Any, wanted: Any) -> bool:
    if found is MISSING:
        return wanted is None
    if isinstance(found, list) and not isinstance(wanted, list):
        return wanted in found
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def _comparable(found: Any, operand: Any) -> bool:
    numbers = isinstance(found, int | float) and isinstance(operand, int | float)
    return numbers or (found is not None and type(found) is type(operand))


COMPARING: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def evaluated(expression: Any, document: Document, now: datetime) -> Any:
    """The value of an aggregation expression."""
    if isinstance(expression, str) and expression.startswith("$"):
        if expression == "$$NOW":
            return now
        found = value_at(document, expression[1:])
        return None if found is MISSING else found
    if not isinstance(expression, dict):
        return expression
    ((name, operand),) = expression.items()
    if name == "$literal":
        return operand
    if name == "$toLong":
        return _long(evaluated(operand, document, now))
    if name in COMBINING:
        return COMBINING[name]([evaluated(each, document, now) for each in operand])
    raise NotImplementedError(f"expression {name}")


def _added(values: list[Any]) -> Any:
    if isinstance(values[0], datetime):
        return values[0] + timedelta(milliseconds=sum(values[1:]))
    return sum(values)


def _long(value: Any) -> int:
    """Milliseconds of a time, the whole part of a number."""
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else int(value)


COMBINING: dict[str, Callable[[list[Any]], Any]] = {
    "$add": _added,
    "$divide": lambda values: values[0] / values[1],
    "$max": lambda values: max(value for value in values if value is not None),
}


def keys_in_question(query: Document, keys: Iterable[Any]) -> Iterable[Any]:
    """The `_id`s that fit what the query says of them, as the index would find them."""
    wanted = query.get("_id", MISSING)
    if wanted is MISSING:
        return keys
    if not isinstance(wanted, dict):
        return (wanted,)
    if "$in" in wanted:
        return sorted(set(wanted["$in"]))
    return [key for key in keys if all(_satisfies(key, name, operand) for name, operand in wanted.items())]
