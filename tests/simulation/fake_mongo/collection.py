"""Collections and cursors of the fake, with the calls that our store makes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from tests.simulation.fake_mongo.changing import Update, changed
from tests.simulation.fake_mongo.matching import evaluated, keys_in_question, matches, value_at
from tests.simulation.fake_mongo.server import Collection, Server, Stored

DUPLICATE_KEY = 11000
Document = Mapping[str, Any]


class Link:
    """The way to the server; another one may break."""

    def before(self, operation: str, session: Any) -> None: ...
    def after(self, operation: str, session: Any) -> None: ...


class Written(NamedTuple):
    matched_count: int
    modified_count: int = 0
    deleted_count: int = 0
    upserted_id: Any = None


class FakeCollection:
    def __init__(self, server: Server, link: Link, name: str) -> None:
        self._server, self._link, self.name = server, link, name

    # --- reading ----------------------------------------------------------------------

    def find(
        self,
        query: Document | None = None,
        projection: Document | None = None,
        *,
        session: Any = None,
        sort: Any = None,
        limit: int = 0,
    ) -> FakeCursor:
        cursor = FakeCursor(lambda: self._found(query or {}, session), projection)
        return cursor.sort(*sort[0]).limit(limit) if sort else cursor.limit(limit)

    def find_one(
        self,
        query: Document,
        projection: Document | None = None,
        *,
        session: Any = None,
        sort: Any = None,
    ) -> dict[str, Any] | None:
        return next(iter(self.find(query, projection, session=session, sort=sort, limit=1)), None)

    def count_documents(self, query: Document, *, session: Any = None, **_: Any) -> int:
        return len(self._found(query, session))

    def aggregate(self, pipeline: Sequence[Document], *, session: Any = None) -> Iterator[dict[str, Any]]:
        """The distinct values of an expression: `$match`, then `$group` by nothing but `_id`."""
        match, group = pipeline
        if match.keys() != {"$match"} or group.get("$group", {}).keys() != {"_id"}:
            raise NotImplementedError(f"pipeline {pipeline}")
        found, now = self._found(match["$match"], session), self._server.now()
        values = (evaluated(group["$group"]["_id"], stored.seen, now) for stored in found)
        return iter([{"_id": value} for value in dict.fromkeys(values)])

    def _found(self, query: Document, session: Any) -> list[Stored]:
        self._link.before(f"find {self.name}", session)
        found = [stored for _, stored in self._matching(query, self._visible(session))]
        self._link.after(f"find {self.name}", session)
        return found

    def _visible(self, session: Any) -> Collection:
        if session is not None and session.moment is not None:
            found: Collection = session.moment.get(self.name, {})
            return found
        if session is not None and session.in_transaction:
            self._server.check(session.transaction)
            return session.transaction.read(self.name)
        return self._server.read(self.name)

    def _matching(self, query: Document, visible: Collection) -> Iterator[tuple[Any, Stored]]:
        now, rest = self._server.now(), {path: wanted for path, wanted in query.items() if path != "_id"}
        for key in list(keys_in_question(query, visible)):
            stored = visible.get(key)
            if stored is not None and (not rest or matches(stored.seen, rest, now)):
                yield key, stored

    # --- writing ----------------------------------------------------------------------

    def insert_one(self, document: Document, *, session: Any = None) -> None:
        _raise_first(self.inserted([document], session))

    def insert_many(self, documents: Sequence[Document], *, session: Any = None, **_: Any) -> None:
        _raise_first(self.inserted(documents, session))

    def update_one(
        self, query: Document, update: Update, *, upsert: bool = False, session: Any = None
    ) -> Written:
        return self._writing(
            "update", session, lambda: self._update(query, update, session, upsert, many=False)
        )

    def update_many(self, query: Document, update: Update, *, session: Any = None) -> Written:
        return self._writing(
            "update", session, lambda: self._update(query, update, session, False, many=True)
        )

    def replace_one(
        self, query: Document, document: Document, *, upsert: bool = False, session: Any = None
    ) -> Written:
        return self.update_one(query, document, upsert=upsert, session=session)

    def delete_many(self, query: Document, *, session: Any = None) -> Written:
        return self._writing("delete", session, lambda: self._delete(query, session))

    def delete_one(self, query: Document, *, session: Any = None) -> Written:
        return self._writing("delete", session, lambda: self._delete(query, session, most=1))

    def bulk_write(self, updates: Sequence[Any], *, session: Any = None, **_: Any) -> None:
        def all_of_them() -> None:
            for each in updates:
                self._update(each._filter, each._doc, session, bool(each._upsert), many=True)

        self._writing("update", session, all_of_them)

    def find_one_and_update(
        self, query: Document, update: Update, *, session: Any = None, **_: Any
    ) -> dict[str, Any] | None:
        """The document after the update."""
        before = next(iter(self._matching(query, self._visible(session))), None)
        if before is None:
            self._link.before(f"update {self.name}", session)
            return None
        self.update_one({"_id": before[0]}, update, session=session)
        return self._visible(session)[before[0]].copy()

    def inserted(self, documents: Iterable[Document], session: Any) -> dict[str, Any]:
        """The server's reply."""

        def all_of_them() -> dict[str, Any]:
            for at, told in enumerate(documents):
                document = told if "_id" in told else {"_id": ObjectId(), **told}
                if document["_id"] in self._visible(session):
                    if session is not None and session.in_transaction:
                        self._server.abort(session.transaction)
                    why = f"E11000 duplicate key error: {self.name} {document['_id']!r}"
                    return {"ok": 1, "writeErrors": [{"index": at, "code": DUPLICATE_KEY, "errmsg": why}]}
                self._put(document["_id"], document, session)
            return {"ok": 1}

        return self._writing("insert", session, all_of_them)

    def updated(self, updates: Iterable[Document], session: Any) -> dict[str, Any]:
        """The server's reply."""

        def all_of_them() -> dict[str, Any]:
            for each in updates:
                self._update(each["q"], each["u"], session, each["upsert"], many=False)
            return {"ok": 1}

        return self._writing("update", session, all_of_them)

    def _writing(self, kind: str, session: Any, write: Callable[[], Any]) -> Any:
        operation = f"{kind} {self.name}"
        self._link.before(operation, session)
        answer = write()
        self._link.after(operation, session)
        return answer

    def _update(self, query: Document, update: Update, session: Any, upsert: bool, *, many: bool) -> Written:
        now = self._server.now()
        found = self._matching(query, self._visible(session))
        chosen = list(found) if many else list(itertools.islice(found, 1))
        for key, stored in chosen:
            self._put(key, changed(stored.seen, update, now), session, before=stored)
        if not chosen and upsert:
            fresh = {path: value for path, value in query.items() if not isinstance(value, dict)}
            if fresh["_id"] in self._visible(session):
                raise DuplicateKeyError(f"E11000 duplicate key error: {self.name}", DUPLICATE_KEY)
            self._put(fresh["_id"], changed(fresh, update, now, inserting=True), session)
            return Written(0, upserted_id=fresh["_id"])
        return Written(len(chosen), modified_count=len(chosen))

    def _delete(self, query: Document, session: Any, most: int | None = None) -> Written:
        found = itertools.islice(self._matching(query, self._visible(session)), most)
        gone = [key for key, _ in found]
        for key in gone:
            self._put(key, None, session)
        return Written(len(gone), deleted_count=len(gone))

    def _put(self, key: Any, document: Any, session: Any, before: Stored | None = None) -> None:
        stored = None if document is None else Stored(document)
        if stored is not None and before is not None and stored.raw == before.raw:
            return  # the server writes nothing, so nobody can conflict with it
        if session is not None and session.in_transaction:
            self._server.check(session.transaction)
            self._server.write_inside(session.transaction, self.name, key, stored)
        else:
            self._server.write(self.name, key, stored)


class FakeCursor:
    """Finds when it is first looked into."""

    def __init__(self, find: Callable[[], list[Stored]], projection: Document | None) -> None:
        self._find, self._projection = find, projection
        self._sort: tuple[str, int] | None = None
        self._limit = 0

    def batch_size(self, _: int) -> Self:
        return self

    def sort(self, path: str, direction: int = 1) -> Self:
        self._sort = (path, direction)
        return self

    def limit(self, count: int) -> Self:
        self._limit = count
        return self

    def __iter__(self) -> Iterator[dict[str, Any]]:
        found = self._find()
        if self._sort is not None:
            path, direction = self._sort
            found = sorted(found, key=lambda stored: value_at(stored.seen, path), reverse=direction < 0)
        for stored in found[: self._limit or None]:
            yield _projected(stored.copy(), self._projection)

    def to_list(self) -> list[dict[str, Any]]:
        return list(self)


def _projected(document: dict[str, Any], projection: Document | None) -> dict[str, Any]:
    if not projection:
        return document
    tops = [path.partition(".")[0] for path in projection]
    if not all(projection.values()) or len(set(tops)) < len(tops):
        raise NotImplementedError(f"projection {projection}")
    return {name: value for path in ("_id", *projection) for name, value in _part(document, path).items()}


def _part(document: dict[str, Any], path: str) -> dict[str, Any]:
    """What a path leaves of a document."""
    name, _, rest = path.partition(".")
    if name not in document:
        return {}
    value = document[name]
    if not rest:
        return {name: value}
    return {name: _part(value, rest)} if isinstance(value, dict) else {}


def _raise_first(reply: Mapping[str, Any]) -> None:
    if reply.get("writeErrors"):
        raise DuplicateKeyError(reply["writeErrors"][0]["errmsg"], DUPLICATE_KEY)
