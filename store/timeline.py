"""Reads that never go back in time, whichever server is the primary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from bson import Timestamp
from pymongo import MongoClient
from pymongo.client_session import ClientSession


class Timeline:
    """Sessions of which each sees what was read or written in those before it. Safe between threads.

    A majority read alone does not: for a moment after an election the new primary does not know yet how much
    of what it has a majority has too, and answers with an earlier state.
    """

    def __init__(self, client: MongoClient[Any]) -> None:
        self._client = client
        self._lock = Lock()
        self._reached: Timestamp | None = None

    @contextmanager
    def session(self) -> Iterator[ClientSession]:
        """A session that goes on where the others were; it may have one transaction."""
        with self._client.start_session(causal_consistency=True) as session:
            if self._reached is not None:
                session.advance_operation_time(self._reached)
            try:
                yield session
            finally:
                self._advance(session.operation_time)

    def _advance(self, time: Timestamp | None) -> None:
        with self._lock:
            if time is not None and (self._reached is None or time > self._reached):
                self._reached = time
