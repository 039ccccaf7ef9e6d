"""Amounts and times as documents keep them."""

from __future__ import annotations

from typing import Any


def wei_text(amount: int | None) -> str | None:
    """Wei as the decimal string that is kept."""
    return None if amount is None else str(amount)


def seconds_of(time: Any) -> int:
    """Unix seconds of a kept time."""
    return int(time.timestamp())
