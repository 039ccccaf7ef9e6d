"""Cursors that only we can write, and the `pagination` part of an answer."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from itsdangerous import BadSignature, Signer

from api.problems import BadRequest, FieldError
from store.pages import Page, PageRequest

DIGEST_BYTES = 8
DEFAULT_LIMIT, MAX_LIMIT = 20, 200
MAX_PAGE = 500
"""Skipping costs one index step a row; whoever goes deeper takes the cursor."""


class Cursors:
    """Signs positions together with the list they belong to: a cursor of another list is refused."""

    def __init__(self, secret_key: str) -> None:
        derived = Signer(secret_key, salt="dynamicvault.cursor", digest_method=hashlib.sha256).derive_key()
        # Derived once, not for each cursor.
        self._signer = Signer(derived, key_derivation="none", digest_method=hashlib.sha256)

    def write(self, list_name: str, position: bytes) -> str:
        """The cursor of a position in that list."""
        return self._signer.sign(urlsafe_b64encode(_digest(list_name) + position)).decode()

    def read(self, list_name: str, cursor: str) -> bytes:
        """The position; BadRequest where the cursor is not one of ours, or of another list."""
        try:
            content = urlsafe_b64decode(self._signer.unsign(cursor.encode("utf-8", "replace")))
        except BadSignature:
            raise _refused("is not one we gave out; start again without it") from None
        if content[:DIGEST_BYTES] != _digest(list_name):
            raise _refused("belongs to another list: filters and order must stay the same between pages")
        return content[DIGEST_BYTES:]


def _digest(list_name: str) -> bytes:
    return hashlib.blake2b(list_name.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).digest()


def _refused(message: str) -> BadRequest:
    return BadRequest([FieldError("cursor", "query", message)])


def page_request(query: Mapping[str, Any], list_name: str, cursors: Cursors) -> PageRequest:
    """What limit, cursor and page ask for."""
    limit, cursor, page = query.get("limit", DEFAULT_LIMIT), query.get("cursor"), query.get("page")
    if cursor is not None and page is not None:
        raise BadRequest([FieldError("page", "query", "cannot be combined with cursor")])
    return PageRequest(limit, None if cursor is None else cursors.read(list_name, cursor), page)


def present_pagination(
    page: Page[Any], asked: PageRequest, list_name: str, cursors: Cursors
) -> dict[str, Any]:
    """limit, hasMore, nextCursor; with a page number also page and totals."""
    shown: dict[str, Any] = {
        "limit": asked.limit,
        "hasMore": page.next is not None,
        "nextCursor": None if page.next is None else cursors.write(list_name, page.next),
    }
    if asked.page is not None and page.total is not None:
        pages = -(-page.total // asked.limit)
        shown |= {"page": asked.page, "total": page.total, "totalPages": pages}
        shown["totalIsCapped"] = page.total_is_capped
    return shown
