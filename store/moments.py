"""The newest moment that can be read: where the chain stands, its name, and the time to read more of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from threading import Lock
from typing import Any, cast

from bson import ObjectId, Timestamp
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from store.answering import answering
from store.coalesced import Coalesced
from store.documents import CheckpointDocument, MarketDocument
from store.edition import EDITS
from store.pinned import Pinned, read_command
from store.snapshot import Document

PASSING = ("eventsPerSecond", "lastError", "digest", "rollingDigest")
"""What the checkpoint tells of the indexer's work: answers about the chain's state do not depend on it."""
DIGEST_BYTES = 12
MAJORITY = WriteConcern("majority")


@dataclass(frozen=True)
class State:
    """What every answer depends on. None where nothing has been written yet."""

    checkpoint: CheckpointDocument | None
    mark: ObjectId | None
    market: MarketDocument | None
    program: str = ""
    """Which program answers: another one may say another thing of the same."""

    @cached_property
    def name(self) -> str:
        """Differs between any two states in which an answer may differ; 24 hex digits.

        The checkpoint holds version, tip, finalized and head, and `updatedAt` tells apart two histories of
        one database.
        """
        checkpoint: Mapping[str, Any] = self.checkpoint or {}
        told = {name: value for name, value in checkpoint.items() if name not in PASSING}
        content = repr((sorted(told.items()), self.mark, self.program)).encode()
        return blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


@dataclass(frozen=True, slots=True)
class Moment:
    """A state, and the time of the cluster at which it can be read (None: nothing is there to read)."""

    state: State
    time: Timestamp


class Moments:
    """Finds the newest moment for many readers by few reads. Safe between threads.

    A new primary does not know yet how much of what it has a majority has too, and would answer with an
    earlier state: after each election we first wait until it does.
    """

    def __init__(self, database: Database[Document], timeout_seconds: float, program: str = "") -> None:
        self._database, self._timeout_seconds, self._program = database, timeout_seconds, program
        self._coalesced = Coalesced(self._ask, timeout_seconds)
        self._last = State(None, None, None, program)
        self._lock = Lock()
        self._reached: Timestamp | None = None
        self._elected: ObjectId | None = None

    def newest(self) -> Moment:
        """A moment not older than this call: it holds every write that a majority had acknowledged by now.

        Raises StoreUnreachable.
        """
        return self._coalesced.newest()

    def seq(self) -> int:
        """Place of the newest event, 0 before the first; one small read. Raises StoreUnreachable."""
        with answering(self._database, self._timeout_seconds):
            found, _ = self._read(NEWEST_EVENT)
        return int(found[0]["seq"]) if found else 0

    def _read(self, question: Document) -> tuple[list[Document], Timestamp]:
        """What is there now, and the time at which that is so."""
        cursor = self._cursor(question)
        elected = election(self._database)
        if elected != self._elected:
            self._catch_up()
            self._elected = elected
            cursor = self._cursor(question)
        self._reach(cursor["atClusterTime"])
        return cursor["firstBatch"], cursor["atClusterTime"]

    def _cursor(self, question: Document) -> dict[str, Any]:
        after = {} if self._reached is None else {"afterClusterTime": self._reached}
        reply = read_command(self._database, question, {"level": "snapshot", **after})
        found: dict[str, Any] = reply["cursor"]
        return found

    def _catch_up(self) -> None:
        """A write that changes nothing: it is acknowledged once a majority has everything before it."""
        edits = self._database["checkpoints"].with_options(write_concern=MAJORITY)
        with self._database.client.start_session() as session:
            edits.update_one({"_id": EDITS}, {"$unset": {"caughtUp": 1}}, session=session)
            self._reach(session.operation_time)

    def _reach(self, time: Timestamp | None) -> None:
        with self._lock:
            if time is not None and (self._reached is None or time > self._reached):
                self._reached = time

    def _ask(self) -> Moment:
        with answering(self._database, self._timeout_seconds):
            batch, time = self._read(QUESTION)
            found = {one["_id"]: one for one in batch}
            checkpoint, mark = found.get("indexer"), found.get(EDITS, {}).get("mark")
            last = self._last
            # The same object for the same state, so that its name is made once.
            if checkpoint != last.checkpoint or mark != last.mark:
                market = Pinned(self._database, time).one("market", {"_id": "market"})
                last = State(
                    cast("CheckpointDocument | None", checkpoint),
                    mark,
                    cast("MarketDocument | None", market),
                    self._program,
                )
                self._last = last
        return Moment(last, time)


def election(database: Database[Document]) -> ObjectId | None:
    """Which election made the primary that we know; None where there are none."""
    return database.client.topology_description.max_election_id


NEWEST_EVENT: Document = {
    "find": "checkpoints",
    "filter": {"_id": "indexer"},
    "projection": {"seq": 1},
    "limit": 1,
    "batchSize": 2,
}
QUESTION: Document = {
    "find": "checkpoints",
    "filter": {"_id": {"$in": ["indexer", EDITS]}},
    "limit": 2,
    "batchSize": 3,
}
"""What every change of the state moves, by one small read; the market's configuration changes with it."""
