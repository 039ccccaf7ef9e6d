"""What an error code stands for."""

from __future__ import annotations

from dataclasses import dataclass

PLACE = "/api/errors/"


@dataclass(frozen=True, slots=True)
class Entry:
    """One code. It never changes its meaning; the status belongs to it."""

    code: str
    status: int
    title: str
    meaning: str
    cause: str
    remedy: str
    only: tuple[str, ...] = ()
    """Operations (by operationId) that alone can give it; empty: every one that can have its status."""

    @property
    def url(self) -> str:
        """The `type` of a problem with this code."""
        return PLACE + self.code
