"""JSON that means one thing only: what two readers could take differently is refused, and said.

Refused are names given twice, NaN and Infinity, numbers beyond what a double or 78 digits hold, halves of
surrogate pairs, anything but UTF-8, and nesting deeper than anything of ours. The size is capped before.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from flask import Request

from api.problems import BadRequest, FieldError, Unsupported

MAX_DEPTH = 32
MAX_DIGITS = 78
"""Of 2**256 - 1, the longest number that means anything here."""
OPENERS = "[{"
JSON_CHARSETS = ("", "utf-8", "utf8")


class NotStrictJson(BadRequest, ValueError):
    """Also a ValueError: whoever parses silently gets nothing instead."""


class StrictRequest(Request):
    """A request whose `get_json` fails with the reason."""

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        if isinstance(e, NotStrictJson):
            raise e
        return super().on_json_loading_failed(e)


def require_json(request: Request) -> None:
    """Raise Unsupported unless the body says that it is JSON, in UTF-8 and not compressed."""
    if not request.is_json:
        raise Unsupported("the body must be JSON, with Content-Type: application/json")
    if request.mimetype_params.get("charset", "").lower() not in JSON_CHARSETS:
        raise Unsupported("the body must be JSON in UTF-8; leave the charset out, or say charset=utf-8")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unsupported("the body must not be compressed; leave Content-Encoding out")


def strict_json(data: bytes | str) -> Any:
    """The value; raises NotStrictJson, naming the body or the field, with what is wrong and where."""
    text = _text(data)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        _refuse("is empty, and must be JSON" if not text.strip() else f"is not valid JSON at {where}")
    except RecursionError:
        _refuse(f"is nested deeper than {MAX_DEPTH} levels")
    if sum(map(text.count, OPENERS)) > MAX_DEPTH and _is_deep(value):
        _refuse(f"is nested deeper than {MAX_DEPTH} levels")
    if "\\ud" in text or "\\uD" in text:
        _check_surrogates(value)
    return value


def _text(data: bytes | str) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        _refuse(f"is not valid UTF-8 at byte {error.start}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        _refuse("is given more than once", _printable(counted.most_common(1)[0][0]))
    return found


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        _refuse(f"has a number of more than {MAX_DIGITS} digits")
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        _refuse("has a number that is too large")
    return value


def _constant(word: str) -> NoReturn:
    _refuse(f"has {word}, which is not a JSON number")


def _is_deep(value: Any) -> bool:
    """Level by level, since a recursive walk is what deep nesting breaks."""
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return False
    return True


def _containers(container: list[Any] | dict[str, Any]) -> list[Any]:
    parts = container if isinstance(container, list) else container.values()
    return [part for part in parts if isinstance(part, list | dict)]


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _refuse("has half of a surrogate pair, which is not a character")


def _printable(name: str) -> str:
    return name.encode("utf-8", "replace").decode()


def _refuse(message: str, name: str = "body") -> NoReturn:
    raise NotStrictJson([FieldError(name, "json", message)])
