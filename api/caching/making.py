"""Making an answer once for all who want it at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

from api.caching.answers import Answer, Edition


class Making:
    """Answers that are being made. Safe between threads.

    With a new state whatever is popular is asked for by everybody at once: without this, each of them would
    make it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._begun: dict[tuple[str, str], Future[Answer]] = {}

    def once(self, edition: Edition, url: str, make: Callable[[], Answer]) -> Answer:
        """What `make` gives, called by the first who comes; the others wait. Raises what `make` raises."""
        key = (edition.name, url)
        with self._lock:
            begun = self._begun.get(key)
            if begun is None:
                mine = self._begun[key] = Future()
        if begun is not None:
            return begun.result()
        try:
            mine.set_result(make())
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._begun[key]
        return mine.result()
