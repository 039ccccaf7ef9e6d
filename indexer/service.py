"""The indexer as a service: takes the lease, steps, waits, and outlives what can be outlived."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event
from time import monotonic
from typing import Protocol

from chain.errors import Fatal, RpcError
from indexer.branch import DeepReorg
from indexer.reporter import reporting
from indexer.session import Session
from store.errors import Interrupted, LeaseLost
from store.ledger import Ledger

logger = logging.getLogger(__name__)

STANDBY_SECONDS = 0.5
RATE_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_ERROR = 1000


class HeldLease(Protocol):
    """Our right to write, while it lasts."""

    @property
    def epoch(self) -> int: ...
    @property
    def lost(self) -> Event: ...
    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is made of. `take_lease` returns None while another indexer holds it.

    `report`, called now and then with our epoch while a session is open, keeps what is known of the node.
    """

    take_lease: Callable[[], HeldLease | None]
    open_ledger: Callable[[int], Ledger]
    open_session: Callable[[Ledger], Session]
    report: Callable[[int], None] | None = None


class Indexer:
    """Runs until told to stop. Raises DeepReorg (after saying so in the checkpoint) and Fatal."""

    def __init__(self, parts: Parts, poll_seconds: float, stopping: Event) -> None:
        self._parts = parts
        self._poll_seconds = poll_seconds
        self._stopping = stopping
        self._faults = 0

    def run(self) -> None:
        """Hold the lease and follow; stand by while another indexer holds it."""
        waiting = False
        while not self._stopping.is_set():
            try:
                lease = self._parts.take_lease()
            except Interrupted as error:
                self._pause(error)
                continue
            if lease is None:
                if not waiting:
                    logger.info("another indexer holds the lease, standing by")
                waiting = True
                self._stopping.wait(STANDBY_SECONDS)
                continue
            waiting = False
            try:
                self._work(lease)
            finally:
                lease.release()

    def _work(self, lease: HeldLease) -> None:
        """Sessions under one lease, a new one after each error of the store."""
        ledger = self._parts.open_ledger(lease.epoch)
        while not self._stopping.is_set() and not lease.lost.is_set():
            try:
                ledger.catch_up()
                session = self._parts.open_session(ledger)
                with reporting(self._report_under(lease)):
                    self._follow(session, ledger, lease)
            except LeaseLost as error:
                logger.warning("lease lost", extra={"reason": str(error)})
                return
            except Interrupted as error:
                self._pause(error)
            except DeepReorg as error:
                self._note(ledger, lastError=str(error), state="halted")
                raise
            except Fatal as error:
                self._note(ledger, lastError=str(error))
                raise
            except RpcError as error:
                self._outlive(ledger, error)
        if lease.lost.is_set():
            logger.warning("lease lost", extra={"reason": "it was not renewed in time: another may hold it"})

    def _report_under(self, lease: HeldLease) -> Callable[[], None] | None:
        report = self._parts.report
        return None if report is None else partial(report, lease.epoch)

    def _follow(self, session: Session, ledger: Ledger, lease: HeldLease) -> None:
        rate, beat = _Rate(session.standing.events), _Beat(self._poll_seconds)
        troubled = True
        while not self._stopping.is_set() and not lease.lost.is_set():
            try:
                session.step()
            except Fatal:
                raise
            except RpcError as error:
                troubled = True
                self._outlive(ledger, error)
                continue
            self._faults = 0
            if troubled:
                # A step that changes nothing commits nothing, and what was noted would stay.
                ledger.note(lastError=None)
                troubled = False
            rate.note(session.standing.events, ledger)
            self._stopping.wait(beat.rest())

    def _outlive(self, ledger: Ledger, error: RpcError) -> None:
        """Say what the node did, and wait; once told to stop, whatever the node did was our doing."""
        if not self._stopping.is_set():
            self._note(ledger, lastError=str(error))
            self._pause(error)

    def _note(self, ledger: Ledger, lastError: str, **fields: str) -> None:  # noqa: N803
        """Say it if the database lets us; a note is not worth a failure of its own."""
        try:
            ledger.note(lastError=lastError[:LONGEST_ERROR], **fields)
        except Interrupted as error:
            logger.warning("could not be noted", extra={"reason": str(error), "what": lastError})

    def _pause(self, error: Exception) -> None:
        self._faults += 1
        seconds = min(FIRST_PAUSE_SECONDS * 2 ** min(self._faults - 1, 16), LONGEST_PAUSE_SECONDS)
        logger.warning("waiting after a fault", extra={"reason": str(error), "seconds": seconds})
        self._stopping.wait(seconds)


class _Beat:
    """A steady beat of looking at the node, however long a step takes."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._due = seconds, monotonic()

    def rest(self) -> float:
        """Seconds until the next step is due; a missed beat is not made up for."""
        now = monotonic()
        self._due = max(self._due + self._seconds, now)
        return self._due - now


class _Rate:
    """Events per second over the last few seconds, told to the checkpoint now and then."""

    def __init__(self, events: int) -> None:
        self._events, self._since = events, monotonic()

    def note(self, events: int, ledger: Ledger) -> None:
        seconds = monotonic() - self._since
        if seconds >= RATE_SECONDS:
            ledger.note(eventsPerSecond=round((events - self._events) / seconds, 2))
            self._events, self._since = events, monotonic()
