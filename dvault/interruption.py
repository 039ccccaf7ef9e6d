"""How a command ends when it is told to: in order if it can, at once if it must.

Ending at once is always safe: what is not committed did not happen, the lease expires by itself, and the
embedded server is stopped by its keeper.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from types import FrameType
from typing import Protocol

from dvault.cli import INTERRUPTED
from dvault.console import FAILED, messages

ABANDON_SECONDS = 2.0
"""How long a question to a node may go on after we were told to stop."""
ORDERLY_SECONDS = 8.0
"""Less than the 10 s after which Docker kills."""
LOOK_SECONDS = 1.0


class Closable(Protocol):
    """What gives up its questions when it is closed."""

    def close(self) -> None: ...


@contextmanager
def until_interrupted() -> Iterator[Event]:
    """An event that Ctrl-C or SIGTERM sets. A second Ctrl-C, or too long an end, ends the process at once."""
    stopping = Event()

    def stop(number: int, _: FrameType | None) -> None:
        if stopping.is_set() and number == signal.SIGINT:
            _end_at_once(INTERRUPTED, "stopped at once")
        stopping.set()

    def hurry() -> None:
        _end_at_once(FAILED, f"no orderly end within {ORDERLY_SECONDS:.0f} s: ended at once")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _unless_left(stopping, ORDERLY_SECONDS, hurry):
            yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def abandoning(node: Closable, stopping: Event) -> Iterator[None]:
    """Inside, a node that does not answer cannot keep us from stopping."""
    with _unless_left(stopping, ABANDON_SECONDS, node.close):
        yield


@contextmanager
def _unless_left(stopping: Event, seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Act if the block is not left within so many seconds after `stopping`."""
    left = Event()

    def watch() -> None:
        while not stopping.wait(LOOK_SECONDS):
            if left.is_set():
                return
        if not left.wait(seconds):
            act()

    # From here, not from the signal handler: that may interrupt a thread's own start.
    Thread(target=watch, name="end", daemon=True).start()
    try:
        yield
    finally:
        left.set()


def _end_at_once(code: int, why: str) -> None:
    messages.show_cursor()
    messages.print(f"[yellow]{why}[/]; nothing is lost but what was not committed")
    os._exit(code)
