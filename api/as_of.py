"""`asOfBlock`: what to answer from when a caller names the block that the answer shall be true at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from flask import request

from api.fields import INT64_MAX, Hash, JsonNumber, Strict, WholeNumber
from api.freshness import indexed
from api.past_view import PastView
from api.problems import BadRequest, BeforeHistory, BlockReplaced, FieldError
from api.services import services
from store.chronicle import Header
from store.documents import CheckpointDocument
from store.reading import View

Query = Mapping[str, Any]

BLOCK = "Answer with what was true at this block."
HASH = "And only if that block still has this hash; 410 otherwise."
WITHOUT_HISTORY = "is what people say, and no history is kept of that: it cannot be combined with asOfBlock"
PEOPLES_ORDERS = ("updatedAt", "views")
PART_BYTES = 8


class AsOfQuery(Strict):
    """The block that an answer shall be true at: unless given, the tip."""

    as_of_block = WholeNumber(0, INT64_MAX, metadata={"description": BLOCK})
    as_of_hash = Hash(metadata={"description": HASH})


class AsOfBody(Strict):
    """The same in a JSON body."""

    as_of_block = JsonNumber(0, INT64_MAX, metadata={"description": BLOCK})
    as_of_hash = Hash(metadata={"description": HASH})


@dataclass(frozen=True, slots=True)
class Pin:
    """Binds the cursors of a list to one block of one branch."""

    number: int
    history: bytes
    """Of everything our contracts logged up to the block."""
    block: bytes
    """Of the block's hash; zeros while that is not known."""

    def write(self, position: bytes) -> bytes:
        """The position with what it is bound to."""
        return self.history + self.block + position

    def read(self, content: bytes) -> bytes:
        """The position. Raises BlockReplaced where the branch is another one by now."""
        history, block = content[:PART_BYTES], content[PART_BYTES : 2 * PART_BYTES]
        unknown = bytes(PART_BYTES)
        if history != self.history or (block != self.block and unknown not in (block, self.block)):
            raise replaced(self.number)
        return content[2 * PART_BYTES :]


def as_asked(view: View, query: Query) -> tuple[View, Query]:
    """The view and query to answer from; with `asOfBlock` a view of the past, and a `pin` for cursors."""
    number = query.get("as_of_block")
    if number is None:
        if "as_of_hash" in query:
            raise _refused("asOfHash", "needs asOfBlock beside it")
        return view, query
    _refuse_peoples_words(query)
    checkpoint = indexed(view)
    if number < checkpoint["startBlock"]:
        raise BeforeHistory(
            f"history begins with block {checkpoint['startBlock']}: nothing is known of block {number}"
        )
    header = header_at(view, checkpoint, number)
    _check_hash(query.get("as_of_hash"), header, number)
    past = PastView(view, services().history, number, header)
    rolling = past.mark.rolling if past.mark else bytes(PART_BYTES)
    pin = Pin(number, _short(rolling), _short(header.hash.encode()) if header.hash else bytes(PART_BYTES))
    return past, {**query, "pin": pin}


def header_at(view: View, checkpoint: CheckpointDocument, number: int) -> Header:
    """What we know of our block at a height that is not above the tip."""
    tip, final = checkpoint["tip"], checkpoint["finalized"]
    if tip and number == tip["number"]:
        return Header(tip["hash"], checkpoint["tipTimestamp"])
    kept = view.chronicle.header(number)
    if kept.hash is None and final and number == final["number"]:
        return Header(final["hash"], kept.timestamp)
    return kept


def replaced(number: int) -> BlockReplaced:
    """Tells where to begin anew."""
    kept = [
        (name, value) for name, value in request.args.items() if name not in ("cursor", "page", "asOfHash")
    ]
    link = request.path + (f"?{urlencode(kept)}" if kept else "")
    return BlockReplaced(
        f"block {number}, or what it rests on, was replaced by a reorg meanwhile; start again: {link}",
        link,
    )


def _check_hash(asked: str | None, header: Header, number: int) -> None:
    if asked is None or asked == header.hash:
        return
    if header.hash is None:
        raise _refused(
            "asOfHash", f"cannot be checked: block {number} is final and its hash is not kept; leave it out"
        )
    raise replaced(number)


def _refuse_peoples_words(query: Query) -> None:
    named = {
        "isVerified": "is_verified" in query,
        "sortBy": query.get("sort_by") in PEOPLES_ORDERS,
        "facets": "isVerified" in query.get("facets", ()),
    }
    refused = [name for name, is_so in named.items() if is_so]
    if refused:
        raise BadRequest([FieldError(name, _location(), WITHOUT_HISTORY) for name in refused])


def _refused(name: str, message: str) -> BadRequest:
    return BadRequest([FieldError(name, _location(), message)])


def _location() -> str:
    return "json" if request.method == "POST" else "query"


def _short(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=PART_BYTES).digest()


def pin_of(query: Query) -> Pin | None:
    """What cursors of this query are bound to; None where the list is that of the tip."""
    return cast("Pin | None", query.get("pin"))
