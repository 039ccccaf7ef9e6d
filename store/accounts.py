"""Accounts: users, sessions, keys, second factors, favourites, nonces, the audit log; and what joins them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.database import Database

from store.answering import answering
from store.api_keys import ApiKeys
from store.audit import Act, AuditLog
from store.connection import MAJORITY, SNAPSHOT, Document
from store.documents import Role, SessionDocument, UserDocument, UserStatus
from store.errors import LastAdmin, NotFound, Suspended
from store.favourites import Favourites
from store.key_usage import KeyUsage
from store.nonces import Nonces
from store.second_factors import SecondFactors
from store.sessions import Sessions
from store.users import Users

T = TypeVar("T")
ROLES: tuple[Role, ...] = ("user", "admin", "oracle")
"""In the order in which they are told."""


class Accounts:
    """Everything of people that signing in and its rules need. Safe to share between threads."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self.users, self.sessions = Users(database), Sessions(database)
        self.nonces, self.audit = Nonces(database), AuditLog(database)
        self.keys, self.key_usage = ApiKeys(database), KeyUsage(database)
        self.factors, self.favourites = SecondFactors(database), Favourites(database)

    def sign_in(
        self, wallet: str, now: datetime, begin: Callable[[UserDocument, ObjectId], Mapping[str, Any]]
    ) -> tuple[UserDocument, SessionDocument]:
        """Make the user if new, and the session that `begin` describes. Raises Suspended, StoreUnreachable.

        One transaction with the user's own document: a suspension comes either before and forbids it, or
        after and ends the session.
        """
        self.users.ensure(wallet, now)
        session_id = ObjectId()

        def write(session: ClientSession) -> tuple[UserDocument, SessionDocument]:
            user = self.users.signed_in(wallet, now, session)
            if user is None:
                raise Suspended(wallet)
            document: Any = {"_id": session_id, "userId": user["_id"], **begin(user, session_id)}
            self.sessions.add(document, session)
            return user, document

        return self._in_transaction(write)

    def identify(self, session_id: str) -> tuple[SessionDocument, UserDocument] | None:
        """A session and its user, as they are at this moment. Raises StoreUnreachable."""
        session = self.sessions.get(session_id)
        if session is None or not session["isValid"]:
            return None
        user = self.users.of_id(session["userId"])
        return None if user is None else (session, user)

    def change_user(
        self, wallet: str, act: Act, *, roles: Sequence[Role] | None = None, status: UserStatus | None = None
    ) -> UserDocument:
        """Set roles or status, and write it down. Who is suspended is signed out everywhere.

        Raises NotFound, LastAdmin, StoreUnreachable.
        """
        wanted: dict[str, Any] = {} if status is None else {"status": status}
        if roles is not None:
            wanted["roles"] = [role for role in ROLES if role == "user" or role in roles]

        def write(session: ClientSession) -> UserDocument:
            return self._change(wallet, wanted, act, session)

        return self._in_transaction(write)

    def _change(
        self, wallet: str, wanted: Mapping[str, Any], act: Act, session: ClientSession
    ) -> UserDocument:
        admins = self.users.active_admins(session)
        before = self._database["users"].find_one({"walletAddress": wallet}, session=session)
        if before is None:
            raise NotFound("user", wallet)
        changed = {path: value for path, value in wanted.items() if before[path] != value}
        user = self.users.changed(wallet, changed, session)
        assert user is not None
        if _administers(before) and not _administers(user) and admins == 1:
            raise LastAdmin(wallet)
        if changed:
            shown = {path: before[path] for path in changed}
            self.audit.add(replace(act, target=wallet), shown, changed, session)
        if user["status"] != "active" and "status" in changed:
            self.sessions.end_all(user["_id"], "suspended", session)
        return user

    def _in_transaction(self, write: Callable[[ClientSession], T]) -> T:
        with answering(self._database), self._database.client.start_session() as session:
            return session.with_transaction(write, read_concern=SNAPSHOT, write_concern=MAJORITY)


def _administers(user: Mapping[str, Any]) -> bool:
    return "admin" in user["roles"] and user["status"] == "active"
