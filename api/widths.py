"""Bodies no wider than anything of ours: explaining each of 100,000 wrong fields would take seconds."""

from __future__ import annotations

from typing import Any

from api.problems import BadRequest, FieldError

MAX_FIELDS = 100
MAX_ITEMS = 1000


def not_too_wide(body: Any) -> Any:
    """The same body; raises BadRequest where it, or a list in it, has more parts than anybody needs."""
    if isinstance(body, dict):
        if len(body) > MAX_FIELDS:
            raise _refused("body", f"has {len(body)} fields; at most {MAX_FIELDS} are read")
        for name, value in body.items():
            _check_list(name, value)
    _check_list("body", body)
    return body


def _check_list(name: str, value: Any) -> None:
    if isinstance(value, list) and len(value) > MAX_ITEMS:
        raise _refused(name, f"has {len(value)} items; at most {MAX_ITEMS} are read")


def _refused(name: str, message: str) -> BadRequest:
    return BadRequest([FieldError(name[:100], "json", message)])
