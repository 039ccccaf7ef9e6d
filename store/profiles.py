"""What people say of themselves. Each change names its fields, so that none is lost by changing another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pymongo import ReadPreference, ReturnDocument
from pymongo.database import Database

from store.answering import answering
from store.connection import Document
from store.documents import UserDocument
from store.errors import Changed, NotFound

AVATAR = "profileInfo.avatarUrl"


class Profiles:
    """The field profileInfo of the collection users."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._users = database.get_collection("users", read_preference=ReadPreference.PRIMARY)

    def change(self, wallet: str, fields: Mapping[str, Any], revision: int | None = None) -> UserDocument:
        """Set fields of the profile (dotted names; None removes), and give the user as it is then.

        With a revision, only if the profile still has it. Raises Changed, NotFound, StoreUnreachable.
        """
        with answering(self._database):
            found = self._users.find_one_and_update(
                {"walletAddress": wallet, **_at(revision)},
                _update(fields),
                return_document=ReturnDocument.AFTER,
            )
            if found is None and self._users.find_one({"walletAddress": wallet}, {"_id": 1}) is None:
                raise NotFound("user", wallet)
        if found is None:
            raise Changed("profile")
        return cast("UserDocument", found)

    def change_avatar(self, wallet: str, key: str | None) -> str | None:
        """Set or remove the avatar's key; gives the one before. Raises NotFound, StoreUnreachable."""
        with answering(self._database):
            before = self._users.find_one_and_update(
                {"walletAddress": wallet}, _update({"avatarUrl": key}), {AVATAR: 1}
            )
        if before is None:
            raise NotFound("user", wallet)
        return cast("str | None", before.get("profileInfo", {}).get("avatarUrl"))

    def avatar(self, wallet: str) -> str | None:
        """The key of the avatar; None also where there is no such user. Raises StoreUnreachable."""
        with answering(self._database):
            found = self._users.find_one({"walletAddress": wallet}, {AVATAR: 1})
        return cast("str | None", (found or {}).get("profileInfo", {}).get("avatarUrl"))


def _at(revision: int | None) -> Document:
    """None matches a missing field too, which is what a profile nobody has changed yet has."""
    if revision is None:
        return {}
    return {"profileRevision": revision if revision else {"$in": [0, None]}}


def _update(fields: Mapping[str, Any]) -> Document:
    update: Document = {"$inc": {"profileRevision": 1}}
    for name, value in fields.items():
        kind = "$unset" if value is None else "$set"
        update.setdefault(kind, {})[f"profileInfo.{name}"] = value
    return update
