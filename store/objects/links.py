"""Signed URLs that lead back to our own API: what S3 does by itself, for objects in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from itsdangerous import BadData, URLSafeSerializer

from store.objects.errors import LinkRefused
from store.objects.port import SignedRequest

MEDIA_PATH = "/api/media"
"""Where our own API serves objects."""
SALT = "dvault.objects.link"
LONGEST_TOKEN = 2000


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link allows: one method on one key, and for writing, exactly that type and size."""

    method: str
    key: str
    content_type: str | None = None
    size: int | None = None


class Links:
    """Makes links and reads them back. `base_url` is where the API serves objects, such as `…/api/media`."""

    def __init__(self, secret: str, base_url: str, now: Callable[[], float] = time.time) -> None:
        self._serializer = URLSafeSerializer(secret, salt=SALT)
        self._base_url, self._now = base_url.rstrip("/"), now

    def make(self, grant: Grant, seconds: int) -> SignedRequest:
        """A request that may be sent for so many seconds from now."""
        expires = int(self._now()) + seconds
        token = self._serializer.dumps([grant.method, grant.key, grant.content_type, grant.size, expires])
        headers = {} if grant.content_type is None else {"Content-Type": grant.content_type}
        if grant.size is not None:
            headers["Content-Length"] = str(grant.size)
        url = f"{self._base_url}/{grant.key}?{urlencode({'signature': token})}"
        return SignedRequest(grant.method, url, headers, datetime.fromtimestamp(expires, UTC))

    def check(self, token: str, wanted: Grant) -> None:
        """Refuse unless the token allows exactly what is wanted, now. Raises LinkRefused."""
        method, key, content_type, size, expires = self._read(token)
        if (method, key) != (wanted.method, wanted.key):
            raise LinkRefused("it was made for something else")
        if (content_type, size) != (wanted.content_type, wanted.size):
            raise LinkRefused(f"it was made for {size} bytes of {content_type}")
        if self._now() >= expires:
            raise LinkRefused("it has expired")

    def _read(self, token: str) -> tuple[str, str, str | None, int | None, int]:
        try:
            method, key, content_type, size, expires = self._serializer.loads(token[:LONGEST_TOKEN])
        except BadData as error:
            raise LinkRefused("its signature is wrong") from error
        return method, key, content_type, size, expires
