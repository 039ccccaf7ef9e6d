"""Whether anything new was told, asked by many and answered for little."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from store.reading import Reading

LOOK_SECONDS = 0.1


class Newest:
    """Place of the newest event; however many listen, the store is asked ten times a second at most."""

    def __init__(self, reading: Reading, monotonic: Callable[[], float]) -> None:
        self._reading, self._monotonic = reading, monotonic
        self._asking = Lock()
        self._asked_at: float | None = None
        self._seq = 0

    def seq(self) -> int:
        """0 before the first event. Raises StoreUnreachable."""
        with self._asking:
            now = self._monotonic()
            if self._asked_at is None or now - self._asked_at >= LOOK_SECONDS:
                self._seq = self._reading.newest_seq()
                self._asked_at = now
            return self._seq
