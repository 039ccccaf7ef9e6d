"""Time that passes only when somebody waits, and pools that work without threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from threading import Event
from typing import Any


class VirtualClock:
    """Seconds since the beginning; a wait costs nothing but them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, _: Event, seconds: float) -> None:
        self.seconds += max(0.0, seconds)

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


class Promise:
    """Work that is done when somebody asks for it, or when the pool feels like it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work: Callable[[], Any] | None = work
        self._answer: Any = None
        self._error: BaseException | None = None
        self._cancelled = False

    def cancel(self) -> bool:
        self._cancelled = self._work is not None
        return self._cancelled

    def do(self) -> None:
        work, self._work = self._work, None
        if work is None or self._cancelled:
            return
        try:
            self._answer = work()
        except BaseException as error:  # noqa: BLE001 - told to whoever asks for the result
            self._error = error

    def result(self) -> Any:
        if self._cancelled:
            raise CancelledError
        self.do()
        if self._error is not None:
            raise self._error
        return self._answer


class InlinePool:
    """Stands in for ThreadPoolExecutor: each piece of work is done at once, or only when its result is wanted.

    Both happen to threads; `at_once` decides, by the seed.
    """

    at_once: Callable[[], bool] = staticmethod(lambda: True)

    def __init__(self, *_: Any, **__: Any) -> None:
        self._promises: list[Promise] = []

    def __enter__(self) -> InlinePool:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Promise:
        promise = Promise(lambda: work(*arguments))
        self._promises.append(promise)
        if self.at_once():
            promise.do()
        return promise

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return iter([work(item) for item in items])

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        for promise in self._promises:
            if cancel_futures:
                promise.cancel()
            elif wait:
                promise.do()
