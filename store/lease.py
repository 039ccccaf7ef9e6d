"""Who may write: a lease that one indexer holds at a time, judged by the server's clock.

Holding it is a courtesy to others; what keeps the data safe is its epoch. Every takeover raises the epoch and
writes it into the checkpoint, and every commit asks for its own epoch there, so a holder that slept through a
takeover cannot write.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Self

import pymongo
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from store.connection import MAJORITY, SNAPSHOT, Document, translated
from store.errors import Interrupted, LeaseLost
from store.leftovers import SCRIBE, end_commits_of

logger = logging.getLogger(__name__)

LEASE, INDEXER = "lease", "indexer"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
RENEWALS_PER_TTL = 3
WRITE_CONFLICT = 112
PAUSE_MIN_SECONDS = 0.02


class Lease:
    """The indexer's lease, as one candidate sees it; `holder` must differ between processes."""

    def __init__(self, database: Database[Document], holder: str, ttl_seconds: float = 10.0) -> None:
        self._checkpoints = database["checkpoints"]
        self._client = database.client
        self.holder = holder
        self.ttl_seconds = ttl_seconds
        self.epoch: int | None = None
        self.confirmed_until = 0.0
        """By our monotonic clock: until then nobody else can have taken the lease."""

    def acquire(self) -> int | None:
        """Take the lease if it is free or expired; returns our epoch, or None while another has or takes it.

        Raises Interrupted when the database fails; asking again is safe.
        """
        asked_at = monotonic()
        with translated():
            self._create()
            with self._client.start_session() as session:
                epoch = session.with_transaction(self._attempt, read_concern=SNAPSHOT, write_concern=MAJORITY)
        self.epoch = epoch
        if epoch is not None:
            self.confirmed_until = asked_at + self.ttl_seconds
        return epoch

    def renew(self) -> bool:
        """Hold it for another `ttl_seconds`; False if it is no longer ours. Raises Interrupted."""
        asked_at = monotonic()
        with translated():
            renewed = self._checkpoints.update_one(self._ours(), [{"$set": {"expiresAt": self._expiry()}}])
        if renewed.matched_count == 0:
            return False
        self.confirmed_until = asked_at + self.ttl_seconds
        return True

    def release(self) -> None:
        """Let others have it at once; harmless if it is no longer ours. Raises Interrupted."""
        with translated():
            self._checkpoints.update_one(self._ours(), [{"$set": {"expiresAt": "$$NOW"}}])
        self.epoch, self.confirmed_until = None, 0.0

    def holder_now(self) -> str | None:
        """Who holds the lease at this moment, by the server's clock. Raises Interrupted."""
        with translated():
            held = self._checkpoints.find_one({"_id": LEASE, "$expr": {"$gt": ["$expiresAt", "$$NOW"]}})
        return held["holder"] if held else None

    def _create(self) -> None:
        free = {"holder": "", "epoch": 0, "expiresAt": LONG_AGO}
        # Two candidates may create it at the same moment: then it exists, which is all we want.
        with contextlib.suppress(DuplicateKeyError):
            self._checkpoints.update_one({"_id": LEASE}, {"$setOnInsert": free}, upsert=True)

    def _attempt(self, session: ClientSession) -> int | None:
        """Leave it to whoever is writing there; the driver would try again, without a pause, for minutes."""
        try:
            return self._take(session)
        except OperationFailure as error:
            if error.code != WRITE_CONFLICT:
                raise
            session.abort_transaction()
            return None

    def _take(self, session: ClientSession) -> int | None:
        """Inside a transaction: raise the epoch, and fence off whoever wrote before."""
        self._end_commits_of_the_dead()
        checkpoint = self._checkpoints.find_one({"_id": INDEXER}, {"epoch": 1}, session=session)
        written_under = checkpoint["epoch"] if checkpoint else 0
        taken = self._checkpoints.find_one_and_update(
            {"_id": LEASE, "$expr": {"$lte": ["$expiresAt", "$$NOW"]}},
            [{"$set": {**self._claim(), "epoch": {"$add": [{"$max": ["$epoch", written_under]}, 1]}}}],
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if taken is None:
            return None
        epoch: int = taken["epoch"]
        self._checkpoints.update_one({"_id": INDEXER}, {"$set": {"epoch": epoch}}, session=session)
        return epoch

    def _end_commits_of_the_dead(self) -> None:
        """A killed holder may have left something open, or the process that wrote for it.

        Whoever died while taking the lease is not its holder, and known by having been silent for too long.
        """
        free = self._checkpoints.find_one({"_id": LEASE, "$expr": {"$lte": ["$expiresAt", "$$NOW"]}})
        if free is not None:
            dead = [free["holder"], SCRIBE.format(free["holder"])] if free["holder"] else []
            end_commits_of(self._client, dead, silent_seconds=self.ttl_seconds)

    def _claim(self) -> Document:
        return {"holder": {"$literal": self.holder}, "expiresAt": self._expiry()}

    def _expiry(self) -> Document:
        return {"$add": ["$$NOW", int(self.ttl_seconds * 1000)]}

    def _ours(self) -> dict[str, Any]:
        return {"_id": LEASE, "holder": self.holder, "epoch": self.epoch}


class LeaseKeeper:
    """Renews an acquired lease from a thread of its own; `lost` is set once it may no longer be ours."""

    def __init__(self, lease: Lease) -> None:
        self.lost = threading.Event()
        self._lease = lease
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Renew no more; the lease itself stays until it is released or expires."""
        self._stopping.set()
        self._thread.join()

    def check(self) -> None:
        """Raise LeaseLost if the lease may no longer be ours."""
        if self.lost.is_set() or monotonic() >= self._lease.confirmed_until:
            raise LeaseLost(self._lease.epoch or 0, None)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _keep(self) -> None:
        while not self._stopping.wait(self._pause()):
            if not self._still_ours():
                self.lost.set()
                return

    def _pause(self) -> float:
        """Seconds until the next try; hurries while the last one is not confirmed."""
        left = self._lease.confirmed_until - monotonic()
        return max(PAUSE_MIN_SECONDS, min(self._lease.ttl_seconds, left) / RENEWALS_PER_TTL)

    def _still_ours(self) -> bool:
        left = self._lease.confirmed_until - monotonic()
        if left <= 0:
            return False
        try:
            with pymongo.timeout(left):
                return self._lease.renew()
        except Interrupted:
            # The database may be back before the lease expires.
            return monotonic() < self._lease.confirmed_until
