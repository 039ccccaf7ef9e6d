"""Whether anything new was told, asked by many and answered for little."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from store.errors import StoreUnreachable
from store.reading import Reading

LOOK_SECONDS = 0.1


class Newest:
    """Place of the newest event; however many listen, the store is asked ten times a second at most."""

    def __init__(self, reading: Reading, monotonic: Callable[[], float]) -> None:
        self._reading, self._monotonic = reading, monotonic
        self._asking = Lock()
        self._answered_at: float | None = None
        self._seq = 0
        self._failure: StoreUnreachable | None = None

    def seq(self) -> int:
        """0 before the first event. Raises StoreUnreachable, also to those who waited while another asked."""
        came = self._monotonic()
        with self._asking:
            if self._answered_at is None or came - self._answered_at >= LOOK_SECONDS:
                self._ask()
            if self._failure is not None:
                raise self._failure
            return self._seq

    def _ask(self) -> None:
        try:
            self._seq, self._failure = self._reading.newest_seq(), None
        except StoreUnreachable as error:
            self._failure = error
        self._answered_at = self._monotonic()
