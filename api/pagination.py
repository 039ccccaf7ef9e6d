"""Cursors that only we can write, and the `pagination` part of an answer.

A cursor says after which row to go on, in which list, and at which block its page was true. Where a reorg
took that block back, the rows before the cursor may be others by now: going on would repeat or leave out.
"""

from __future__ import annotations

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadSignature, Signer

from api.problems import BadRequest, FieldError, Problem
from store.documents import BlockRefDocument
from store.long_positions import shortened, whole
from store.pages import Page, PageRequest
from store.reading import View

DIGEST_BYTES = 8
HEAD = struct.Struct(f">{DIGEST_BYTES}sq32s")
"""Digest of the list's name; number and hash of the tip."""
NO_BLOCK = -1
DEFAULT_LIMIT, MAX_LIMIT = 20, 200
MAX_PAGE = 500
"""Skipping costs one index step a row; whoever goes deeper takes the cursor."""


class CursorOrphaned(Problem):
    status, code = 410, "cursor-orphaned"
    continued_by = ("cursor",)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a list, and the tip that its page was read at; None where no reorg can touch the list."""

    position: bytes
    tip: BlockRefDocument | None = None


class Cursors:
    """Signs positions together with the list they belong to: a cursor of another list is refused."""

    def __init__(self, secret_key: str) -> None:
        derived = Signer(secret_key, salt="dynamicvault.cursor.2", digest_method=hashlib.sha256).derive_key()
        # Derived once, not for each cursor.
        self._signer = Signer(derived, key_derivation="none", digest_method=hashlib.sha256)

    def write(self, list_name: str, cursor: Cursor) -> str:
        """A cursor of that list as callers get it."""
        tip = cursor.tip or {"number": NO_BLOCK, "hash": ""}
        head = HEAD.pack(_digest(list_name), tip["number"], bytes.fromhex(tip["hash"][2:]))
        return self._signer.sign(urlsafe_b64encode(head + cursor.position)).decode()

    def read(self, list_name: str, text: str) -> Cursor:
        """BadRequest where the cursor is not one of ours, or of another list."""
        try:
            content = urlsafe_b64decode(self._signer.unsign(text.encode("utf-8", "replace")))
        except BadSignature:
            raise _refused("is not one we gave out; start again without it") from None
        digest, number, block_hash = HEAD.unpack_from(content)
        if digest != _digest(list_name):
            raise _refused("belongs to another list: filters and order must stay the same between pages")
        tip: BlockRefDocument = {"number": number, "hash": "0x" + block_hash.hex()}
        return Cursor(content[HEAD.size :], None if number == NO_BLOCK else tip)


def _digest(list_name: str) -> bytes:
    return hashlib.blake2b(list_name.encode(), digest_size=DIGEST_BYTES).digest()


def _refused(message: str) -> BadRequest:
    return BadRequest([FieldError("cursor", "query", message)])


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of one list. `view`: whose state they show; None for lists that no reorg can touch."""

    list_name: str
    cursors: Cursors
    view: View | None = None

    def asked(self, query: Mapping[str, Any]) -> PageRequest:
        """What limit, cursor and page ask for. Raises BadRequest, CursorOrphaned."""
        limit, cursor, page = query.get("limit", DEFAULT_LIMIT), query.get("cursor"), query.get("page")
        if cursor is not None and page is not None:
            raise BadRequest([FieldError("page", "query", "cannot be combined with cursor")])
        return PageRequest(limit, None if cursor is None else self._position(cursor), page)

    def _position(self, text: str) -> bytes:
        cursor = self.cursors.read(self.list_name, text)
        if cursor.tip is None or self.view is None:
            return cursor.position
        position = whole(self.view.snapshot, cursor.position) if self.view.has_block(cursor.tip) else None
        if position is None:
            raise CursorOrphaned(
                f"block {cursor.tip['number']}, at which the page of this cursor was true, was taken back by "
                "a reorg; begin again at links.start"
            )
        return position

    def present(self, page: Page[Any], asked: PageRequest) -> dict[str, Any]:
        """limit, hasMore, nextCursor; with a page number also page, total, totalPages."""
        shown: dict[str, Any] = {
            "limit": asked.limit,
            "hasMore": page.next is not None,
            "nextCursor": None if page.next is None else self._next(page.next),
        }
        if asked.page is not None and page.total is not None:
            shown |= {"page": asked.page, "total": page.total, "totalPages": -(-page.total // asked.limit)}
            shown["totalIsCapped"] = page.total_is_capped
        return shown

    def _next(self, position: bytes) -> str:
        block = self.view.read_at if self.view else None
        return self.cursors.write(self.list_name, Cursor(shortened(position), block))
