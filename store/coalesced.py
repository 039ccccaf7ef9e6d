"""One question for everybody who asks at the same time, and never an answer older than the asking."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from store.errors import StoreUnreachable

Found = TypeVar("Found")


class _Turnstile:
    """Closed until it is opened, then for good. Who passes lets the next one pass: one wakes at a time.

    An Event wakes all at once, to wait for the interpreter, and costs each of them more than that.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()

    def wait(self, timeout_seconds: float) -> bool:
        """True once it is open; False where that takes too long."""
        passed = self._lock.acquire(timeout=timeout_seconds)
        if passed:
            self._lock.release()
        return passed

    def set(self) -> None:
        """Open it, once."""
        self._lock.release()


class _Flight(Generic[Found]):
    """One question on its way: whoever boards before it begins shares what it finds."""

    __slots__ = ("before", "boarded", "error", "found", "landed")

    def __init__(self, before: _Flight[Found] | None) -> None:
        self.before = before
        self.landed = _Turnstile()
        self.boarded = 0
        self.found: Found | None = None
        self.error: Exception | None = None


class Coalesced(Generic[Found]):
    """Asks on behalf of many threads. Every caller gets an answer that was asked for after it called.

    While a question is on its way, those who come share the next one: it begins when the first has its
    answer, and the first of those who wait asks it. So at most one question is on its way, and nobody waits
    for more than two.
    """

    def __init__(self, ask: Callable[[], Found], timeout_seconds: float) -> None:
        """`ask` may raise: then everybody who shares the question gets that exception."""
        self._ask, self._patience = ask, 2 * timeout_seconds
        self._lock = Lock()
        self._flying: _Flight[Found] | None = None
        self._boarding: _Flight[Found] | None = None

    @property
    def waiting(self) -> int:
        """How many share the question that has not begun."""
        boarding = self._boarding
        return boarding.boarded if boarding else 0

    def newest(self) -> Found:
        """The answer to a question that began after this call. Raises StoreUnreachable, what `ask` raises."""
        with self._lock:
            flight = self._boarding
            leads = flight is None
            if flight is None:
                flight = self._boarding = _Flight(self._flying)
            flight.boarded += 1
        if leads:
            self._fly(flight)
        elif not flight.landed.wait(self._patience):
            raise StoreUnreachable("the newest state", "whoever asked for it got no answer")
        if flight.error is not None:
            raise flight.error
        found: Found = flight.found  # type: ignore[assignment]
        return found

    def _fly(self, flight: _Flight[Found]) -> None:
        if flight.before is not None:
            flight.before.landed.wait(self._patience)
            flight.before = None
        with self._lock:
            self._flying, self._boarding = flight, None
        try:
            flight.found = self._ask()
        except BaseException as error:
            flight.error = error if isinstance(error, Exception) else StoreUnreachable("the newest state", "")
            raise
        finally:
            with self._lock:
                if self._flying is flight:
                    self._flying = None
            flight.landed.set()
