"""Tells now and then how the endpoints do, in a thread of its own: no node that hangs keeps us waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from store.errors import Interrupted, LeaseLost

logger = logging.getLogger(__name__)

REPORT_SECONDS = 10.0
LEAVE_SECONDS = 1.0


@contextmanager
def reporting(report: Callable[[], None] | None, pause_seconds: float = REPORT_SECONDS) -> Iterator[None]:
    """Inside, `report` is called at once and then after each pause; it may raise what the store raises."""
    if report is None:
        yield
        return
    leaving = Event()
    thread = Thread(target=_repeat, args=(report, pause_seconds, leaving), name="report", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join(LEAVE_SECONDS)


def _repeat(report: Callable[[], None], pause_seconds: float, leaving: Event) -> None:
    while not leaving.is_set():
        try:
            report()
        except LeaseLost:
            return
        except Interrupted as error:
            logger.warning("the endpoints' cards could not be kept", extra={"reason": str(error)})
        leaving.wait(pause_seconds)
