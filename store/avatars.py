"""Pictures of people: object and profile change one after the other, so that no link is ever dead.

The new object is there before the profile names it, and the old one goes after the profile has forgotten it.
A process that dies in between leaves an object that nobody refers to; `sweep` removes those, once they are
too old to belong to an upload that is under way.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from store.objects import Headers, Listed, Objects, ObjectsError
from store.profiles import Profiles

logger = logging.getLogger(__name__)

UPLOADS = "user-uploads/"
AVATAR_KEY = re.compile(r"user-uploads/(0x[0-9a-fA-F]{40})/profile/avatar_[0-9a-f]{32}\.jpg")
HEADERS = Headers("image/jpeg", "public, max-age=31536000, immutable")
"""A key is never used for another picture."""
UNDER_WAY = timedelta(hours=1)


class Avatars:
    """The avatars of all users. Every method raises ObjectsError, StoreUnreachable."""

    def __init__(self, profiles: Profiles, objects: Objects) -> None:
        self._profiles, self._objects = profiles, objects

    def put(self, wallet: str, jpeg: bytes) -> str:
        """Make this the wallet's picture; gives its key. Raises NotFound."""
        key = f"{_folder(wallet)}avatar_{secrets.token_hex(16)}.jpg"
        self._objects.put(key, jpeg, HEADERS, only_if_absent=True)
        self._remove(self._profiles.change_avatar(wallet, key))
        self._sweep_quietly(wallet)
        return key

    def delete(self, wallet: str) -> None:
        """Remove the wallet's picture; harmless to repeat. Raises NotFound."""
        self._remove(self._profiles.change_avatar(wallet, None))
        self._sweep_quietly(wallet)

    def sweep(self, prefix: str = UPLOADS, older_than: timedelta = UNDER_WAY) -> int:
        """Remove pictures that nobody refers to; how many."""
        limit, removed = datetime.now(UTC) - older_than, 0
        for listed in self._all(prefix):
            found = AVATAR_KEY.fullmatch(listed.key)
            if found and listed.modified_at <= limit and self._profiles.avatar(found[1]) != listed.key:
                self._objects.delete(listed.key)
                removed += 1
        return removed

    def _remove(self, key: str | None) -> None:
        """Remove what nobody refers to any more; where that fails, the next sweep does it."""
        if key is None:
            return
        try:
            self._objects.delete(key)
        except ObjectsError as error:
            logger.warning("an old avatar was left behind", extra={"key": key, "why": str(error)})

    def _sweep_quietly(self, wallet: str) -> None:
        try:
            self.sweep(_folder(wallet))
        except ObjectsError as error:
            logger.warning("old avatars could not be looked for", extra={"wallet": wallet, "why": str(error)})

    def _all(self, prefix: str) -> Iterator[Listed]:
        after: str | None = ""
        while after is not None:
            part = self._objects.list(prefix, after=after)
            yield from part.objects
            after = part.after


def is_avatar(key: str) -> bool:
    """Whether anybody may see the object."""
    return AVATAR_KEY.fullmatch(key) is not None


def _folder(wallet: str) -> str:
    return f"{UPLOADS}{wallet}/profile/"
