"""The ordinary `dvault`, in a process that ends itself at a named place of a write: what a power cut would do.

No part of the program knows of it. The driver tells of every command it is about to send and of every answer
(so a new statement is a new place by itself), and a few functions are wrapped to say what a statement is for:
`block: before insert chainEvents`, `rewind: after commitTransaction`, `finality: done` …
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import monitoring

import dvault.commands.indexing
import dvault.commands.proving  # imported here for those who are forked from here
import dvault.composition
import dvault.database
import indexer.backfill
import indexer.rebuild
import indexer.replay
import indexer.session
from dvault.cli import main
from indexer.live import Follower
from store.commit import Commit
from store.lease import Lease
from store.ledger import Ledger

WRITES = frozenset(
    ("insert", "update", "delete", "findAndModify", "create", "createIndexes", "collMod", "commitTransaction")
)
ALIKE = frozenset(("create", "createIndexes", "collMod"))
"""Commands whose collection is not part of the name: there are dozens, and each is like the next."""
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class End:
    """How a process ends (or with SIGSTOP: stops) itself, the `nth` time it reaches a place."""

    place: str | None = None
    nth: int = 1
    number: int = signal.SIGKILL
    armed: Path | None = None
    """Places count from when this file exists; None: from the start."""
    small_commits: bool = False
    """Of a backfill or a rebuild: many commits of a short history."""
    seen: Path | None = None
    """Every place that was reached is written here, once for each process."""


def run(
    command: Sequence[str], environ: dict[str, str], folder: Path, said: tuple[Path, Path], end: End
) -> None:
    """Be `dvault command` in this process, a fresh child; standard output and error go to two files."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for standard, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), standard)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    if end.small_commits:
        indexer.backfill.EVENTS_PER_COMMIT = 1
        indexer.replay.BLOCKS_PER_BATCH = indexer.rebuild.ASSETS_PER_COMMIT = 5
    _watch(_Places(end))
    main(list(command), prog_name="dvault")


class _Places(monitoring.CommandListener):
    """Counts the places, and ends the process at the one that was named."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._reached = 0
        self._doing = threading.local()
        self._under_way: dict[int, str] = {}
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Inside, in this thread, statements are for this; the outermost name holds."""
        outer = getattr(self._doing, "what", None)
        self._doing.what = outer or what
        try:
            yield
        finally:
            self._doing.what = outer

    def reached(self, where: str) -> None:
        """We are there: end, if this is the place and the time."""
        end, place = self._end, f"{getattr(self._doing, 'what', None) or 'other'}: {where}"
        with self._lock:
            if end.seen is not None and place not in self._seen:
                self._seen.add(place)
                with end.seen.open("a") as seen:
                    seen.write(f"{place}\n")
            if place != end.place or (end.armed is not None and not end.armed.exists()):
                return
            self._reached += 1
            if self._reached == end.nth:
                os.kill(os.getpid(), end.number)

    # --- what the driver tells ------------------------------------------------------------

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        name = event.command_name
        if name not in WRITES:
            return
        what = name if name in ALIKE or name == "commitTransaction" else f"{name} {event.command[name]}"
        self._under_way[event.request_id] = what
        self.reached(f"before {what}")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        what = self._under_way.pop(event.request_id, None)
        if what is not None:
            self.reached(f"after {what}")

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._under_way.pop(event.request_id, None)


def _watch(places: _Places) -> None:
    monitoring.register(places)
    for owner, name, what in (
        (dvault.commands.indexing, "prepare", "prepare"),
        (dvault.composition, "ensure_late", "late indexes"),
        (dvault.composition, "keep_cards", "cards"),
        (indexer.session, "recount", "counting"),
        (indexer.rebuild, "recount", "counting"),
        (indexer.session, "scan_digest", "completion"),
        (Lease, "acquire", "taking the lease"),
        (Lease, "renew", "renewing"),
        (Lease, "release", "releasing"),
        (Ledger, "begin", "begin"),
        (Ledger, "catch_up", "catching up"),
    ):
        _name(places, owner, name, lambda *_, what=what: what)
    _name(places, Ledger, "commit", lambda _, commit: _kind(commit))
    _name(places, Ledger, "note", lambda _, **fields: f"note of {min(fields)}")
    _tell(places, Follower, "apply", "block in memory")
    _tell(places, Follower, "rewind", "rewind in memory")


def _name(places: _Places, owner: Any, name: str, what: Callable[..., str]) -> None:
    """Say, while a function is at work, what it is for; once it is through, we are at `done`."""
    plain = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with places.doing(what(*args, **kwargs)):
            found = plain(*args, **kwargs)
            places.reached("done")
        return found

    setattr(owner, name, wrapped)


def _tell(places: _Places, owner: Any, name: str, what: str) -> None:
    """Once a function is through, we are at `done`; its statements keep their own names."""
    plain = getattr(owner, name)

    def wrapped(*args: Any) -> Any:
        found = plain(*args)
        with places.doing(what):
            places.reached("done")
        return found

    setattr(owner, name, wrapped)


def _kind(commit: Commit) -> str:
    if commit.rewind_above is not None:
        return "rebuilding" if "unfinished" in commit.checkpoint else "rewind"
    if commit.forget_headers_up_to is not None:
        return "finality"
    if commit.trusted:
        return "batch"
    return "block" if commit.headers else "rebuilding"
