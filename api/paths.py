"""Parameters in paths: how they are read, and what OpenAPI says of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow.exceptions import ValidationError

from api.fields import HASH, INT64_MAX, NOT_A_WALLET, WALLET, checksummed
from api.problems import BadRequest, FieldError, NotFound


def _token_id(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,78}", text):
        raise ValidationError("must be a whole number")
    if int(text) > INT64_MAX:
        raise NotFound(f"no asset {text}: token ids above {INT64_MAX} are not kept")
    return int(text)


def _wallet(text: str) -> str:
    if not re.fullmatch(WALLET, text):
        raise ValidationError(NOT_A_WALLET)
    return checksummed(text)


def _hash(text: str) -> str:
    if not re.fullmatch(HASH, text):
        raise ValidationError("must be a hash: 0x and 64 hexadecimal digits")
    return text.lower()


def _row_id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{24}", text):
        raise ValidationError("must be 24 hexadecimal digits")
    return text.lower()


def _code(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,64}", text):
        raise ValidationError("must be an error code: lower case letters, digits and hyphens")
    return text


PATH: dict[str, tuple[str, Callable[[str], Any], dict[str, Any]]] = {
    "tokenId": ("token_id", _token_id, {"type": "integer", "minimum": 0}),
    "walletAddress": ("wallet", _wallet, {"type": "string", "pattern": WALLET}),
    "hash": ("transaction_hash", _hash, {"type": "string", "pattern": HASH}),
    "id": ("row_id", _row_id, {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}),
    "code": ("code", _code, {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}),
}
"""Parameters in paths: the argument of the view, how to read it, how OpenAPI shows it."""


def read_path(found: Mapping[str, str]) -> dict[str, Any]:
    """The arguments that a path stands for."""
    return {PATH[name][0]: _read(name, text) for name, text in found.items()}


def _read(name: str, text: str) -> Any:
    try:
        return PATH[name][1](text)
    except ValidationError as error:
        raise BadRequest([FieldError(name, "path", str(error.messages[0]))]) from error
