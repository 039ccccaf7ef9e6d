"""Users: one wallet is one user."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from bson import ObjectId
from pymongo import ReadPreference, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from store.answering import answering
from store.connection import Document
from store.documents import Role, UserDocument, UserStatus
from store.pages import By, Page, PageRequest, Source, read_page
from store.snapshot import Snapshot

ORDER = (By("_id", -1),)


class Users:
    """The collection users, read where it is written: a role taken away is gone with the next request."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._users = database.get_collection("users", read_preference=ReadPreference.PRIMARY)

    def get(self, wallet: str) -> UserDocument | None:
        """The user of a wallet (EIP-55), or None. Raises StoreUnreachable."""
        with answering(self._database):
            return cast("UserDocument | None", self._users.find_one({"walletAddress": wallet}))

    def of_id(self, user_id: ObjectId) -> UserDocument | None:
        """A user by id. Raises StoreUnreachable."""
        with answering(self._database):
            return cast("UserDocument | None", self._users.find_one({"_id": user_id}))

    def ensure(self, wallet: str, now: datetime) -> None:
        """Make the user of a wallet unless it is there. Raises StoreUnreachable."""
        # Two first sign-ins at once: then it exists, which is all we want.
        with answering(self._database), contextlib.suppress(DuplicateKeyError):
            self._users.update_one(
                {"walletAddress": wallet}, {"$setOnInsert": _newcomer(wallet, now)}, upsert=True
            )

    def page(
        self, request: PageRequest, *, role: Role | None = None, status: UserStatus | None = None
    ) -> Page[UserDocument]:
        """Users, newest first. Raises StoreUnreachable."""
        wanted = {"roles": role, "status": status}
        source = Source("users", [{path: value for path, value in wanted.items() if value is not None}])
        with answering(self._database), self._database.client.start_session(snapshot=True) as session:
            found = read_page(Snapshot(self._database, session), source, ORDER, request)
        return cast("Page[UserDocument]", found)

    # --- inside a transaction of Accounts ------------------------------------------------

    def signed_in(self, wallet: str, now: datetime, session: ClientSession) -> UserDocument | None:
        """Note a sign-in; None where the user is suspended."""
        found = self._users.find_one_and_update(
            {"walletAddress": wallet, "status": "active"},
            {"$set": {"lastLogin": now}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return cast("UserDocument | None", found)

    def changed(self, wallet: str, change: Mapping[str, Any], session: ClientSession) -> UserDocument | None:
        """Set what changes of a user; None where there is no such user."""
        found = self._users.find_one_and_update(
            {"walletAddress": wallet},
            {"$set": dict(change), "$inc": {"revision": 1}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return cast("UserDocument | None", found)

    def active_admins(self, session: ClientSession) -> int:
        """How many there are; whoever else counts and changes them at the same time must start again."""
        active = {"roles": "admin", "status": "active"}
        return self._users.update_many(active, {"$inc": {"revision": 1}}, session=session).matched_count


def _newcomer(wallet: str, now: datetime) -> Document:
    return {
        "walletAddress": wallet,
        "createdAt": now,
        "lastLogin": None,
        "roles": ["user"],
        "profileInfo": {},
        "apiKeys": [],
        "status": "active",
        "revision": 0,
    }
