"""Sessions: where somebody is signed in, each with its family of refresh tokens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import ReadPreference
from pymongo.client_session import ClientSession
from pymongo.database import Database

from store.answering import answering
from store.connection import Document
from store.documents import SessionDocument

MAX_LISTED = 200
"""A bound on one answer; the newest are told."""


class Sessions:
    """The collection sessions, read where it is written: a session ended is over with the next request."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._sessions = database.get_collection("sessions", read_preference=ReadPreference.PRIMARY)

    def get(self, session_id: str) -> SessionDocument | None:
        """A session by its id (24 hex digits), alive or not. Raises StoreUnreachable."""
        try:
            key = ObjectId(session_id)
        except InvalidId:
            return None
        with answering(self._database):
            return cast("SessionDocument | None", self._sessions.find_one({"_id": key}))

    def alive(self, user_id: ObjectId, now: datetime) -> list[SessionDocument]:
        """Where a user is signed in, newest first. Raises StoreUnreachable."""
        wanted = {"userId": user_id, "isValid": True, "expiresAt": {"$gt": now}}
        with answering(self._database):
            found = self._sessions.find(wanted).sort("_id", -1).limit(MAX_LISTED).to_list()
        return cast("list[SessionDocument]", found)

    def rotate(self, session: SessionDocument, successor: Mapping[str, Any]) -> bool:
        """Replace the living token; False if it was not the living one any more. Raises StoreUnreachable."""
        current = {"_id": session["_id"], "isValid": True, "token": session["token"]}
        with answering(self._database):
            return self._sessions.update_one(current, {"$set": dict(successor)}).matched_count == 1

    def end(self, session_id: ObjectId, because: str) -> bool:
        """End one session; False if it was over already. Raises StoreUnreachable."""
        with answering(self._database):
            ended = self._sessions.update_one({"_id": session_id, "isValid": True}, _end(because))
        return ended.matched_count == 1

    def end_own(self, user_id: ObjectId, session_id: str, because: str) -> SessionDocument | None:
        """End one session of a user, alive or not; None if the user has no such session."""
        found = self.get(session_id)
        if found is None or found["userId"] != user_id:
            return None
        self.end(found["_id"], because)
        return found

    def end_all(self, user_id: ObjectId, because: str, session: ClientSession | None = None) -> int:
        """End every session of a user; returns how many were alive. Raises StoreUnreachable."""
        with answering(self._database, transaction=session):
            alive = {"userId": user_id, "isValid": True}
            return self._sessions.update_many(alive, _end(because), session=session).modified_count

    def add(self, document: Mapping[str, Any], session: ClientSession) -> None:
        """Inside a transaction of Accounts: begin a session."""
        self._sessions.insert_one(dict(document), session=session)


def _end(because: str) -> Document:
    return {"$set": {"isValid": False, "endedBecause": because}}
