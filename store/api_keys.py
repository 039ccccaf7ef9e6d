"""Keys of services: made, replaced with an overlap, revoked; found by their hash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import ReadPreference
from pymongo.client_session import ClientSession
from pymongo.database import Database

from store.answering import answering
from store.audit import Act, AuditLog
from store.connection import MAJORITY, SNAPSHOT, Document
from store.documents import ApiKeyDocument, KeyScope, UserDocument
from store.errors import KeyEnded, NotFound, Suspended, TooManyKeys

T = TypeVar("T")
KEYS_PER_USER = 20
"""In force at once; those that another one has replaced do not count."""
REMEMBERED_PER_USER = 200
"""Ended ones included: a bound on what one user can fill our database with, and on one answer."""
REMEMBERED = timedelta(days=30)
"""How long after its end a key is known, so that its end can be explained."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """What is kept of a key that was just made."""

    hashed: str
    beginning: str
    name: str
    permissions: Sequence[KeyScope]
    created_at: datetime
    expires_at: datetime

    def document(self, owner: UserDocument) -> ApiKeyDocument:
        return {
            "_id": ObjectId(),
            "userId": owner["_id"],
            "walletAddress": owner["walletAddress"],
            "key": self.hashed,
            "name": self.name,
            "beginning": self.beginning,
            "permissions": list(self.permissions),
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
            "lastUsed": None,
            "replacedBy": None,
            "revokedAt": None,
            "forgetAt": self.expires_at + REMEMBERED,
        }


class ApiKeys:
    """The collection apiKeys, read where it is written: a key revoked is refused with the next request."""

    def __init__(self, database: Database[Document]) -> None:
        self._database, self._audit = database, AuditLog(database)
        self._keys = database.get_collection("apiKeys", read_preference=ReadPreference.PRIMARY)

    def find(self, hashes: list[str]) -> ApiKeyDocument | None:
        """The key with one of these hashes, in force or not. Raises StoreUnreachable."""
        with answering(self._database):
            return cast("ApiKeyDocument | None", self._keys.find_one({"key": {"$in": hashes}}))

    def of_user(self, user_id: ObjectId) -> list[ApiKeyDocument]:
        """All keys of a user, newest first. Raises StoreUnreachable."""
        with answering(self._database):
            found = self._keys.find({"userId": user_id}).sort("_id", -1).limit(REMEMBERED_PER_USER).to_list()
        return cast("list[ApiKeyDocument]", found)

    def own(self, user_id: ObjectId, key_id: str) -> ApiKeyDocument:
        """A key of a user, in force or not. Raises NotFound, StoreUnreachable."""
        with answering(self._database):
            return self._own(user_id, key_id)

    def add(self, owner: UserDocument, new: NewKey, act: Act) -> ApiKeyDocument:
        """Keep a new key, and write it down. Raises TooManyKeys, Suspended, StoreUnreachable."""

        def write(session: ClientSession) -> ApiKeyDocument:
            key = new.document(owner)
            self._add(key, session)
            self._audit.add(replace(act, target=str(key["_id"])), {}, _told(key), session)
            return key

        return self._in_transaction(write)

    def replace(
        self, owner: UserDocument, key_id: str, new: NewKey, overlap: timedelta, act: Act
    ) -> tuple[ApiKeyDocument, ApiKeyDocument]:
        """The key as it ends, and its successor; both are good during the overlap.

        Of several at once one succeeds. Raises NotFound, KeyEnded, TooManyKeys, Suspended, StoreUnreachable.
        """

        def write(session: ClientSession) -> tuple[ApiKeyDocument, ApiKeyDocument]:
            before, now = self._own(owner["_id"], key_id, session), new.created_at
            _refuse_ended(before, now)
            key, ends = new.document(owner), min(before["expiresAt"], now + overlap)
            change = {"replacedBy": key["_id"], "expiresAt": ends, "forgetAt": ends + REMEMBERED}
            self._keys.update_one({"_id": before["_id"]}, {"$set": change}, session=session)
            self._add(key, session)
            after = {**_told(key), "replacedBy": str(key["_id"]), "overlapUntil": ends}
            self._audit.add(replace(act, target=key_id), _told(before), after, session)
            return cast("ApiKeyDocument", {**before, **change}), key

        return self._in_transaction(write)

    def revoke(self, user_id: ObjectId, key_id: str, now: datetime, act: Act) -> None:
        """End a key at once; harmless to repeat. Raises NotFound, StoreUnreachable."""

        def write(session: ClientSession) -> None:
            found = self._own(user_id, key_id, session)
            change = {"revokedAt": now, "forgetAt": now + REMEMBERED}
            living = {"_id": found["_id"], "revokedAt": None}
            if self._keys.update_one(living, {"$set": change}, session=session).modified_count:
                self._audit.add(act, {"name": found["name"]}, {"revokedAt": now}, session)

        self._in_transaction(write)

    def _own(self, user_id: ObjectId, key_id: str, session: ClientSession | None = None) -> ApiKeyDocument:
        try:
            wanted = {"_id": ObjectId(key_id), "userId": user_id}
        except InvalidId as error:
            raise NotFound("key", key_id) from error
        found = self._keys.find_one(wanted, session=session)
        if found is None:
            raise NotFound("key", key_id)
        return cast("ApiKeyDocument", found)

    def _add(self, key: ApiKeyDocument, session: ClientSession) -> None:
        owner = {"_id": key["userId"], "status": "active"}
        touched = self._database["users"].update_one(owner, {"$inc": {"keyRevision": 1}}, session=session)
        if not touched.matched_count:
            raise Suspended(key["walletAddress"])
        self._refuse_too_many(key["userId"], key["createdAt"], session)
        self._keys.insert_one(dict(key), session=session)

    def _refuse_too_many(self, user_id: ObjectId, now: datetime, session: ClientSession) -> None:
        known = self._keys.count_documents({"userId": user_id}, session=session)
        if known >= REMEMBERED_PER_USER:
            raise TooManyKeys(f"{known} keys, ended ones of the last {REMEMBERED.days} days included")
        living = {"userId": user_id, "revokedAt": None, "replacedBy": None, "expiresAt": {"$gt": now}}
        in_force = self._keys.count_documents(living, session=session)
        if in_force >= KEYS_PER_USER:
            raise TooManyKeys(f"{in_force} keys in force")

    def _in_transaction(self, write: Callable[[ClientSession], T]) -> T:
        with answering(self._database), self._database.client.start_session() as session:
            return session.with_transaction(write, read_concern=SNAPSHOT, write_concern=MAJORITY)


def _refuse_ended(key: ApiKeyDocument, now: datetime) -> None:
    if key["replacedBy"] is not None:
        raise KeyEnded(key["_id"], f"was replaced by the key {key['replacedBy']}: rotate that one")
    if key["revokedAt"] is not None:
        raise KeyEnded(key["_id"], "was revoked: make a new one")
    if key["expiresAt"] <= now:
        raise KeyEnded(key["_id"], "has expired: make a new one")


def _told(key: ApiKeyDocument) -> dict[str, Any]:
    return {name: key[name] for name in ("name", "permissions", "expiresAt")}
