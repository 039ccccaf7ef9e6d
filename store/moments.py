"""The newest moment that can be read: where the chain stands, its name, and the time to read more of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, cast

from bson import ObjectId, Timestamp
from pymongo.database import Database

from store.answering import answering
from store.coalesced import Coalesced
from store.documents import CheckpointDocument, MarketDocument
from store.edition import EDITS
from store.pinned import Pinned, read_command
from store.snapshot import Document

PASSING = ("eventsPerSecond", "lastError", "digest", "rollingDigest")
"""What the checkpoint tells of the indexer's work: answers about the chain's state do not depend on it."""
DIGEST_BYTES = 12


@dataclass(frozen=True)
class State:
    """What every answer depends on. None where nothing has been written yet."""

    checkpoint: CheckpointDocument | None
    mark: ObjectId | None
    market: MarketDocument | None

    @cached_property
    def name(self) -> str:
        """Differs between any two states in which an answer may differ; 24 hex digits.

        The checkpoint holds version, tip, finalized and head, and `updatedAt` tells apart two histories of
        one database.
        """
        checkpoint: Mapping[str, Any] = self.checkpoint or {}
        told = {name: value for name, value in checkpoint.items() if name not in PASSING}
        content = repr((sorted(told.items()), self.mark)).encode()
        return blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


@dataclass(frozen=True, slots=True)
class Moment:
    """A state, and the time of the cluster at which it can be read (None: nothing is there to read)."""

    state: State
    time: Timestamp


class Moments:
    """Finds the newest moment for many readers by few reads. Safe between threads."""

    def __init__(self, database: Database[Document], timeout_seconds: float) -> None:
        self._database, self._timeout_seconds = database, timeout_seconds
        self._coalesced = Coalesced(self._ask, timeout_seconds)
        self._last = State(None, None, None)

    def newest(self) -> Moment:
        """A moment not older than this call: it holds every write that a majority had acknowledged by now.

        Raises StoreUnreachable.
        """
        return self._coalesced.newest()

    def _ask(self) -> Moment:
        with answering(self._database, self._timeout_seconds):
            cursor = read_command(self._database, QUESTION, {"level": "snapshot"})["cursor"]
            found, time = {one["_id"]: one for one in cursor["firstBatch"]}, cursor["atClusterTime"]
            checkpoint, mark = found.get("indexer"), found.get(EDITS, {}).get("mark")
            last = self._last
            # The same object for the same state, so that its name is made once.
            if checkpoint != last.checkpoint or mark != last.mark:
                market = Pinned(self._database, time).one("market", {"_id": "market"})
                last = State(
                    cast("CheckpointDocument | None", checkpoint), mark, cast("MarketDocument | None", market)
                )
                self._last = last
        return Moment(last, time)


QUESTION: Document = {
    "find": "checkpoints",
    "filter": {"_id": {"$in": ["indexer", EDITS]}},
    "limit": 2,
    "batchSize": 3,
}
"""What every change of the state moves, by one small read; the market's configuration changes with it."""
