"""The name that somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MAX_CHARACTERS = 100
"""Comparing takes the square of the length."""


ALIKE = 0.68
"""Share of the characters of both that are the same: below it, a guess misleads."""


def nearest(given: str, known: Iterable[str], alike: float = ALIKE) -> str | None:
    """The known name most like the given one, whatever its letter case; None if none is like it."""
    by_folded = {_folded(name): name for name in known}
    near = get_close_matches(_folded(given[:MAX_CHARACTERS]), by_folded, 1, alike)
    return by_folded[near[0]] if near else None


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
