"""The time that waiting takes; handed in, so that a simulation can bring a clock of its own."""

from __future__ import annotations

import time
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """Seconds that only ever grow, and a wait that an event cuts short."""

    def monotonic(self) -> float: ...
    def wait(self, event: Event, seconds: float) -> None: ...


class WallClock:
    """The clock of the machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: Event, seconds: float) -> None:
        event.wait(seconds)
