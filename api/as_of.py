"""`asOfBlock`: what to answer from when a caller names the block that the answer shall be true at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from api.fields import INT64_MAX, Hash, JsonNumber, OneOf, Strict, WholeNumber
from api.freshness import indexed, tip_number
from api.past_problems import BeforeHistory, BlockReplaced
from api.past_view import PastView
from api.problems import BadRequest, FieldError, NotYetIndexed
from api.services import services
from store.chronicle import Header
from store.documents import CheckpointDocument
from store.reading import View

Query = Mapping[str, Any]

BLOCK = "Answer with what was true at this block."
SETTLED = "Answer with what cannot be taken back any more; not together with asOfBlock or facets."
HASH = "And only if that block still has this hash; 410 otherwise."
WITHOUT_HISTORY = "is what people say, and no history is kept of that: it cannot be combined with asOfBlock"
PEOPLES_ORDERS = ("updatedAt", "views")


class AsOfQuery(Strict):
    """The block that an answer shall be true at, by number or as the finalized one: unless given, the tip."""

    as_of_block = WholeNumber(0, INT64_MAX, metadata={"description": BLOCK})
    as_of_hash = Hash(metadata={"description": HASH})
    finality = OneOf("finalized", metadata={"description": SETTLED})


class AsOfBody(Strict):
    """The same in a JSON body."""

    as_of_block = JsonNumber(0, INT64_MAX, metadata={"description": BLOCK})
    as_of_hash = Hash(metadata={"description": HASH})


def as_asked(view: View, query: Query) -> View:
    """The view to answer from: with `asOfBlock`, one of the past."""
    number = query.get("as_of_block")
    if number is None:
        if "as_of_hash" in query:
            raise _refused("asOfHash", "needs asOfBlock beside it")
        return view
    _refuse_peoples_words(query)
    checkpoint = indexed(view)
    if number < checkpoint["startBlock"]:
        raise BeforeHistory(
            f"history begins with block {checkpoint['startBlock']}: nothing is known of block {number}"
        )
    if number > tip_number(checkpoint):
        raise NotYetIndexed(f"block {number} is not indexed yet, the tip is {tip_number(checkpoint)}")
    header = header_at(view, checkpoint, number)
    _check_hash(query.get("as_of_hash"), header, number)
    return PastView(view, services().history, number, header)


def placed(query: Query) -> dict[str, Any]:
    """What of `asOf` is known from the query alone."""
    return {"blockNumber": query["as_of_block"], "lagSeconds": 0} if "as_of_block" in query else {}


def header_at(view: View, checkpoint: CheckpointDocument, number: int) -> Header:
    """What we know of our block at a height that is not above the tip."""
    tip, final = checkpoint["tip"], checkpoint["finalized"]
    if tip and number == tip["number"]:
        return Header(tip["hash"], checkpoint["tipTimestamp"])
    kept = view.chronicle.header(number)
    if kept.hash is None and final and number == final["number"]:
        return Header(final["hash"], kept.timestamp)
    return kept


def _replaced(number: int, told: str) -> BlockReplaced:
    return BlockReplaced(f"block {number} has the hash {told} by now; begin again at links.start")


def _check_hash(asked: str | None, header: Header, number: int) -> None:
    if asked is None or asked == header.hash:
        return
    if header.hash is None:
        raise _refused(
            "asOfHash", f"cannot be checked: block {number} is final and its hash is not kept; leave it out"
        )
    raise _replaced(number, header.hash)


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
    # Outside of a request of the application there are GETs only.
    return "json" if request and request.method == "POST" else "query"
