"""Reading the raw events block by block, as of one snapshot: what the past is folded from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from bson import ObjectId

from store.documents import MarketDocument
from store.orphans import PEOPLE
from store.snapshot import Document, Filter, Snapshot

TOPIC_BYTES = 32
CHUNK = 1 / 1024
"""A block too big for one document goes on under its number and this much more (store.documents.raw)."""


class Mark(NamedTuple):
    """A block with events: the state at every later height, up to the next one, is the one after it."""

    number: int
    hash: str
    timestamp: datetime
    rolling: bytes
    """The rolling digest after it: equal digests, equal history."""


class Header(NamedTuple):
    """What we know of one block of ours: None is not known (any more)."""

    hash: str | None
    timestamp: datetime | None


class Topics(NamedTuple):
    """Logs that begin with this topic0 and have `length` topics."""

    first: bytes
    length: int

    def condition(self) -> Filter:
        """Binaries of one length sort by their bytes."""
        rest = TOPIC_BYTES * (self.length - 1)
        return {"topics": {"$gte": self.first + bytes(rest), "$lte": self.first + b"\xff" * rest}}


class Chronicle:
    """`chainEvents`, `blocks`, and what the history of an asset cannot tell: the seed, and people's words."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def newest(self, up_to: int) -> Mark | None:
        """The newest block with events at or below a height; None before the first."""
        found = self._snapshot.find(
            "chainEvents",
            {"_id": {"$lt": up_to + 1}},
            sort=[("_id", -1)],
            limit=1,
            projection={"hash": 1, "timestamp": 1, "rollingDigest": 1},
        )
        if not found:
            return None
        document = found[0]
        return Mark(
            int(document["_id"]),
            "0x" + document["hash"].hex(),
            document["timestamp"],
            document["rollingDigest"],
        )

    def rolling_of(self, number: int) -> bytes | None:
        """The rolling digest of a block with events; None where our branch has no such block."""
        found = self._snapshot.find(
            "chainEvents", {"_id": number}, limit=1, projection={"rollingDigest": 1, "_id": 0}
        )
        return cast("bytes", found[0]["rollingDigest"]) if found else None

    def header(self, number: int) -> Header:
        """As much as is kept: of blocks with events, of those that may be taken back, of their parents."""
        for collection in ("chainEvents", "blocks"):
            kept = self._one(collection, number, {"hash": 1, "timestamp": 1})
            if kept:
                return Header(_hash(kept["hash"]), kept["timestamp"])
        for collection in ("chainEvents", "blocks"):
            child = self._one(collection, number + 1, {"parentHash": 1})
            if child:
                return Header(_hash(child["parentHash"]), None)
        return Header(None, None)

    def next_time(self, number: int) -> datetime | None:
        """Time of the lowest block above a height that has one kept; None where there is none."""
        times = [
            found[0]["timestamp"]
            for collection in ("chainEvents", "blocks")
            if (
                found := self._snapshot.find(
                    collection,
                    {"_id": {"$gte": number + 1}},
                    sort=[("_id", 1)],
                    limit=1,
                    projection={"timestamp": 1},
                )
            )
        ]
        return min(times, default=None)

    def blocks(self, above: int, up_to: int, at_most: int) -> list[Document]:
        """The lowest blocks with above < number ≤ up_to, in order: `at_most` documents, and then to the end
        of the last block."""
        found = self._snapshot.find(
            "chainEvents",
            {"_id": {"$gte": above + 1, "$lt": up_to + 1}},
            sort=[("_id", 1)],
            limit=at_most,
        )
        if len(found) < at_most:
            return found
        last = found[-1]["_id"]
        rest = {"_id": {"$gt": last, "$lt": int(last) + 1}}
        return [*found, *self._snapshot.find("chainEvents", rest, sort=[("_id", 1)])]

    def numbers_of_tokens(self, token_ids: Sequence[int], up_to: int, at_most: int) -> list[int]:
        """Numbers of the blocks that speak of any of the tokens, in order."""
        found = self._snapshot.find(
            "chainEvents",
            {"tokens": {"$in": list(token_ids)}, "_id": {"$lt": up_to + 1}},
            sort=[("_id", 1)],
            limit=at_most,
            projection={"_id": 1},
        )
        return [int(each["_id"]) for each in found]

    def number_after(self, count: int, above: int, up_to: int) -> int | None:
        """The block that follows `count` others, of those with above < number ≤ up_to; None if there are not
        so many."""
        between = {"_id": {"$gte": above + 1, "$lt": up_to + 1}}
        found = self._snapshot.find(
            "chainEvents", between, sort=[("_id", 1)], skip=count, limit=1, projection={"_id": 1}
        )
        return int(found[0]["_id"]) if found else None

    def these(self, numbers: Iterable[int]) -> list[Document]:
        """Blocks by number, whole, in order."""
        wanted = list(numbers)
        second = [number + CHUNK for number in wanted]
        found = self._snapshot.find("chainEvents", {"_id": {"$in": [*wanted, *second]}}, sort=[("_id", 1)])
        further = [each["_id"] for each in found if each["_id"] != int(each["_id"])]
        for chunk in further:
            more = {"_id": {"$gt": chunk, "$lt": int(chunk) + 1}}
            found += self._snapshot.find("chainEvents", more, sort=[("_id", 1)])
        return sorted(found, key=lambda each: float(each["_id"])) if further else found

    def speaking(self, topics: Sequence[Topics], above: int, up_to: int, at_most: int) -> list[int]:
        """Numbers of the lowest blocks in the range with such logs, or that adopt a contract's history; a
        block in chunks may be named more than once."""
        raw = [{"transactions": {"$elemMatch": {"logs": {"$elemMatch": t.condition()}}}} for t in topics]
        found = self._snapshot.find(
            "chainEvents",
            {
                "_id": {"$gte": above + 1, "$lt": up_to + 1},
                "$or": [*raw, {"facts.adopted": {"$exists": True}}],
            },
            sort=[("_id", 1)],
            limit=at_most,
            projection={"_id": 1},
        )
        return [int(each["_id"]) for each in found]

    def seed(self) -> MarketDocument | None:
        """The configuration before the first log; None before the contracts were first seen."""
        return cast("MarketDocument | None", self._snapshot.one("market", {"_id": "seed"}))

    def people(self, ids: Sequence[ObjectId]) -> dict[ObjectId, Document]:
        """What people say of assets today, by id: fields that no block decides."""
        projection = {"metadata": 1, **dict.fromkeys(PEOPLE, 1)}
        found = self._snapshot.find("assets", {"_id": {"$in": list(ids)}}, projection=projection)
        return {each.pop("_id"): each for each in found}

    def _one(self, collection: str, number: int, projection: dict[str, int]) -> Document | None:
        found = self._snapshot.find(collection, {"_id": number}, limit=1, projection=projection)
        return found[0] if found else None


def _hash(kept: Any) -> str:
    return kept if isinstance(kept, str) else "0x" + kept.hex()
