"""Reads at one known time of the cluster, by one round trip each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bson import Timestamp
from bson.codec_options import CodecOptions
from pymongo.database import Database
from pymongo.errors import ConnectionFailure

from store.snapshot import NAIVE, Document, Filter, Keys, Snapshot


class Pinned(Snapshot):
    """Reads as of a time that an earlier read was of: who knows it need not ask for it again.

    Commands instead of the driver's cursors: a page is one batch, and a cursor costs a reader as much
    processor time as the page itself.
    """

    def __init__(self, database: Database[Document], time: Timestamp) -> None:
        self._database = database
        self._concern = {"level": "snapshot", "atClusterTime": time}

    def find(
        self,
        collection: str,
        condition: Filter,
        *,
        sort: Keys | None = None,
        limit: int = 0,
        skip: int = 0,
        projection: Mapping[str, int] | None = None,
        naive_times: bool = False,
    ) -> list[Document]:
        """All matches; `limit` 0 means no limit. `naive_times`: in UTC, but not saying so."""
        command: Document = {"find": collection, "filter": condition}
        if sort:
            command["sort"] = dict(sort)
        if projection:
            command["projection"] = projection
        if skip:
            command["skip"] = skip
        if limit:
            # One more than can come: the server then knows that it is done, and keeps no cursor.
            command |= {"limit": limit, "batchSize": limit + 1}
        return self._all(command, bounded=bool(limit), options=NAIVE if naive_times else None)

    def one(self, collection: str, condition: Filter, *, sort: Keys | None = None) -> Document | None:
        """The first match, or None."""
        found = self.find(collection, condition, sort=sort, limit=1)
        return found[0] if found else None

    def count(self, collection: str, condition: Filter, *, limit: int = 0) -> int:
        """How many documents match, exactly; above 0, `limit` ends the count."""
        stages: list[Document] = [{"$match": condition}, *([{"$limit": limit}] if limit else [])]
        pipeline = [*stages, {"$count": "matches"}]
        hint: Document = {} if condition else {"hint": "_id_"}
        found = self._all({"aggregate": collection, "pipeline": pipeline, "cursor": {}, **hint}, bounded=True)
        return int(found[0]["matches"]) if found else 0

    def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """The result of a pipeline, whole."""
        return self._all({"aggregate": collection, "pipeline": list(pipeline), "cursor": {}}, bounded=False)

    def _all(
        self, command: Document, *, bounded: bool, options: CodecOptions[Document] | None = None
    ) -> list[Document]:
        """By one command where the result surely fits; else by a cursor, batch after batch."""
        decoding = options or self._database.codec_options
        if bounded:
            reply = read_command(self._database, command, self._concern, decoding)
            cursor = reply["cursor"]
            if not cursor["id"]:
                found: list[Document] = cursor["firstBatch"]
                return found
            # 16 MB do not hold it. The server forgets the cursor by itself.
        asked = {**command, "readConcern": self._concern}
        with self._database.cursor_command(asked, codec_options=decoding) as whole:
            return whole.to_list()


def read_command(
    database: Database[Document],
    command: Document,
    concern: Document,
    options: CodecOptions[Document] | None = None,
) -> dict[str, Any]:
    """The server's reply; once more where the connection failed, as the driver does with its own reads."""
    asked, decoding = {**command, "readConcern": concern}, options or database.codec_options
    try:
        return database.command(asked, codec_options=decoding)
    except ConnectionFailure:
        return database.command(asked, codec_options=decoding)
