"""One moment of the database: every read through it sees the same commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bson.codec_options import CodecOptions
from pymongo.client_session import ClientSession
from pymongo.database import Database

Document = dict[str, Any]
Filter = Mapping[str, Any]
Keys = Sequence[tuple[str, int]]


NAIVE: CodecOptions[Document] = CodecOptions(tz_aware=False)
"""Times of UTC that do not say so: decoded in a tenth of the time, for what is only shown."""


class Snapshot:
    """Reads inside one snapshot session. The client must be timezone-aware."""

    def __init__(self, database: Database[Document], session: ClientSession) -> None:
        self._database, self._session = database, session

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
        return (
            self._database.get_collection(collection, codec_options=NAIVE if naive_times else None)
            .find(condition, projection, skip=skip, limit=limit, sort=sort, session=self._session)
            .to_list()
        )

    def one(self, collection: str, condition: Filter, *, sort: Keys | None = None) -> Document | None:
        """The first match, or None."""
        return self._database[collection].find_one(condition, sort=sort, session=self._session)

    def count(self, collection: str, condition: Filter, *, limit: int = 0) -> int:
        """How many documents match, exactly; above 0, `limit` ends the count."""
        # Counting everything would read the documents; the smallest index knows as well.
        hint: dict[str, Any] = {} if condition else {"hint": "_id_"}
        if limit:
            hint["limit"] = limit
        return self._database[collection].count_documents(condition, session=self._session, **hint)

    def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """The result of a pipeline, whole."""
        return self._database[collection].aggregate(pipeline, session=self._session).to_list()
