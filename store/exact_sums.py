"""Sums of amounts that the server adds up without rounding: in parts of few enough digits for Decimal128."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from bson.decimal128 import Decimal128

Expression = dict[str, Any]

PARTS = 3
PART_DIGITS = 26
"""Three parts hold any uint256; Decimal128 adds 10**8 parts of 26 digits without rounding."""
ZEROS = "0" * (PARTS * PART_DIGITS)


def sum_of(name: str, path: str) -> Expression:
    """The fields of a `$group` that together are the sum of a path of decimal strings; null counts as 0."""
    return {f"{name}{part}": {"$sum": _digits(path, part)} for part in range(PARTS)}


def summed(row: Mapping[str, Any], name: str) -> int:
    """The sum that `sum_of` made of a group."""
    parts = [cast("Decimal128", row[f"{name}{part}"]).to_decimal() for part in range(PARTS)]
    return sum(int(value) * 10 ** (PART_DIGITS * (PARTS - 1 - part)) for part, value in enumerate(parts))


def parts_of(wei: int) -> list[int]:
    """The digits of an amount in parts, the highest first."""
    return [wei // 10 ** (PART_DIGITS * (PARTS - 1 - part)) % 10**PART_DIGITS for part in range(PARTS)]


def _digits(path: str, part: int) -> Expression:
    """Digits of a decimal string, as a number: part 0 are the highest."""
    wei = {"$ifNull": [path, "0"]}
    start = {"$add": [{"$strLenBytes": wei}, part * PART_DIGITS]}
    return {"$toDecimal": {"$substrBytes": [{"$concat": [ZEROS, wei]}, start, PART_DIGITS]}}
