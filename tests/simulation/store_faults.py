"""What goes wrong between a process and its database, before or after an operation took effect; and kills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, NoReturn

from pymongo.errors import AutoReconnect, NotPrimaryError, OperationFailure, PyMongoError

from tests.simulation.fake_mongo.driver import Link
from tests.simulation.fake_mongo.server import TRANSIENT, UNKNOWN_RESULT, failure

NOT_PRIMARY, INTERRUPTED_AT_SHUTDOWN, DISK_FULL = 10107, 11600, 14031
READS = ("find", "currentOp")


class Killed(BaseException):
    """The process is gone; no `except Exception` notices."""


@dataclass(frozen=True)
class Weather:
    """How often an operation fails, how often its process dies at it, or sleeps while another takes over."""

    failing: float = 0.0
    killing: float = 0.0
    sleeping: float = 0.0
    looking: float = 0.0
    """How often somebody reads, or a person writes, at that very moment."""

    @property
    def in_all(self) -> float:
        return self.looking + self.sleeping + self.killing + self.failing


CALM = Weather()


class FaultyLink(Link):
    """One process's way to the database. Every operation has two boundaries: before it and after it."""

    def __init__(self, weather: Weather, rng: Random, events: Events) -> None:
        self.weather, self.dead = weather, False
        self.boundaries = 0
        self.kill_at: int | None = None
        self._rng, self._events = rng, events

    def before(self, operation: str, session: Any) -> None:
        self._boundary(f"before {operation}", session)

    def after(self, operation: str, session: Any) -> None:
        self._boundary(f"after {operation}", session)

    def _boundary(self, where: str, session: Any) -> None:
        if self.dead:
            raise Killed
        self._events.noted(where)
        self.boundaries += 1
        if self.boundaries == self.kill_at:
            self._die(where)
        weather, chance = self.weather, self._rng.random()
        if chance >= weather.in_all:
            return
        if chance < weather.looking:
            self._events.looked()
        elif chance < weather.looking + weather.sleeping:
            self._events.slept(where)
        elif chance < weather.looking + weather.sleeping + weather.killing:
            self._die(where)
        else:
            self._fail(where, session)

    def _die(self, where: str) -> NoReturn:
        self.dead = True
        self._events.struck("kill " + " ".join(where.split()[:2]))
        raise Killed

    def _fail(self, where: str, session: Any) -> None:
        kind = self._rng.choice(FAULTS)
        inside = session is not None and getattr(session, "in_transaction", False)
        operation = where.split()[1]
        if where.startswith("after") and operation in READS:
            return
        error = kind(operation, inside, self._events)
        if error is not None:
            self._events.struck(f"{kind.__name__} {where.split(maxsplit=1)[0]} {operation}")
            raise error


@dataclass
class Events:
    """What the world does when something happens on a link."""

    noted: Callable[[str], None]
    looked: Callable[[], None]
    slept: Callable[[str], None]
    wait: Callable[[float], None]
    step_down: Callable[[], None]
    injected: Counter[str]

    def struck(self, what: str) -> None:
        self.injected[what] += 1
        self.noted(what)


Fault = Callable[[str, bool, Events], PyMongoError | None]


def cut_off(operation: str, inside: bool, _: Events) -> PyMongoError:
    """The connection ends: nobody can tell whether it happened."""
    return _labelled(AutoReconnect("connection closed"), operation, inside)


def stepped_down(operation: str, inside: bool, events: Events) -> PyMongoError:
    """Another member is primary now; transactions that were open are gone."""
    events.step_down()
    told = {"ok": 0, "code": NOT_PRIMARY}
    return _labelled(NotPrimaryError("not primary", told), operation, inside)


def out_of_step(operation: str, inside: bool, _: Events) -> PyMongoError | None:
    """A transaction that has to be done again from its beginning."""
    return failure("WriteConflict", 112, TRANSIENT) if inside and operation != "commit" else None


def shutting_down(operation: str, inside: bool, _: Events) -> PyMongoError:
    error = failure("interrupted at shutdown", INTERRUPTED_AT_SHUTDOWN)
    return _labelled(error, operation, inside)


def disk_full(_: str, __: bool, ___: Events) -> PyMongoError:
    return OperationFailure("no space left on device", DISK_FULL)


def slow(_: str, __: bool, events: Events) -> PyMongoError | None:
    """Nothing fails, and time passes."""
    events.wait(4.0)
    return None


FAULTS: tuple[Fault, ...] = (cut_off, cut_off, stepped_down, out_of_step, shutting_down, disk_full, slow)


def _labelled(error: PyMongoError, operation: str, inside: bool) -> PyMongoError:
    """As the driver labels what befalls a transaction."""
    if operation == "commit":
        error._add_error_label(UNKNOWN_RESULT)
    elif inside:
        error._add_error_label(TRANSIENT)
    return error
