"""What the indexer reads back of its books."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from bson import ObjectId
from pymongo.client_session import ClientSession

from store import spans
from store.commit import Document
from store.connection import Connection, translated
from store.errors import NotFound
from store.spans import Span
from store.timeline import Timeline

INDEXER = "indexer"
DOCUMENTS_AT_ONCE = 500
"""The driver would take 16 MB at a time, five times that as Python objects."""


class EventfulBlock(NamedTuple):
    """A block we keep raw events of."""

    number: int
    hash: str
    rolling: bytes
    """The rolling digest after it."""


class LedgerReads:
    """The store, as the indexer reads it: never older than what it read or wrote before."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._database = connection.database
        self._timeline = Timeline(connection.client)

    @contextmanager
    def session(self) -> Iterator[ClientSession]:
        """What is read in it is not older than what we read or wrote before. Raises Interrupted."""
        with translated(), self._timeline.session() as session:
            yield session

    def checkpoint(self) -> dict[str, Any] | None:
        return self._one("checkpoints", INDEXER)

    def market(self, which: str) -> dict[str, Any]:
        """The configuration now ("market"), at finality ("base") or at the start ("seed")."""
        found = self._one("market", which)
        if found is None:
            raise NotFound("market document", which)
        return found

    def assets(self, ids: Iterable[ObjectId]) -> Iterator[dict[str, Any]]:
        return self._find("assets", {"_id": {"$in": list(ids)}})

    def assets_listed_by(self, sellers: Iterable[str]) -> Iterator[dict[str, Any]]:
        return self._find("assets", {"chain.listing.seller": {"$in": list(sellers)}})

    def assets_with_base(self) -> Iterator[dict[str, Any]]:
        return self._find("assets", {"chain.base": {"$exists": True}})

    def all_assets(self) -> Iterator[dict[str, Any]]:
        return self._find("assets", {})

    def operators(self, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
        return self._find("operatorApprovals", {"_id": {"$in": list(ids)}})

    def operators_with_base(self) -> Iterator[dict[str, Any]]:
        return self._find("operatorApprovals", {"base": {"$exists": True}})

    def asset_ids(self) -> Iterator[ObjectId]:
        with self.session() as session:
            found = self._database["assets"].find({}, {"_id": 1}, session=session)
            yield from (document["_id"] for document in found)

    def all_operators(self) -> Iterator[dict[str, Any]]:
        return self._find("operatorApprovals", {})

    def blocks(self, above: int, up_to: int) -> Iterator[dict[str, Any]]:
        """Eventful blocks with above < number ≤ up_to, in order; chunks follow their block."""
        return self._find("chainEvents", {"_id": {"$gte": above + 1, "$lt": up_to + 1}}, sort="_id")

    def newest_block(self, up_to: int) -> EventfulBlock | None:
        """Our newest eventful block at or below a height."""
        with self.session() as session:
            found = self._database["chainEvents"].find_one(
                {"_id": {"$lt": up_to + 1}},
                {"hash": 1, "rollingDigest": 1},
                sort=[("_id", -1)],
                session=session,
            )
        if found is None:
            return None
        return EventfulBlock(int(found["_id"]), "0x" + found["hash"].hex(), found["rollingDigest"])

    def rolling_at(self, number: int) -> bytes | None:
        """The rolling digest at a height; None before the first block with events."""
        newest = self.newest_block(number)
        return newest.rolling if newest else None

    def spans(self, first: int, last: int) -> list[Span]:
        """Evidence of the final blocks without events that reach into a range, both ends inclusive."""
        with self.session() as session:
            return spans.read(self._database, first, last, session)

    def rows_above(self, name: str, number: int) -> Iterator[dict[str, Any]]:
        """Rows of `transactions` or `priceHistory` that come from blocks above a height."""
        return self._find(name, {"blockchain.blockNumber": {"$gt": number}})

    def headers(self) -> Iterator[dict[str, Any]]:
        """The unfinalized window, oldest first."""
        return self._find("blocks", {}, sort="_id")

    def _one(self, name: str, key: str) -> dict[str, Any] | None:
        with self.session() as session:
            found: dict[str, Any] | None = self._database[name].find_one({"_id": key}, session=session)
        return found

    def _find(self, name: str, query: Document, sort: str | None = None) -> Iterator[dict[str, Any]]:
        with self.session() as session:
            cursor = self._database[name].find(query, session=session).batch_size(DOCUMENTS_AT_ONCE)
            yield from cursor.sort(sort, 1) if sort else cursor
