"""How an answer is made from a view, once its request has been read; the same way wherever it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from werkzeug.http import parse_etags

from api.as_of import as_asked, placed
from api.caching.answers import Answer
from api.finality import as_settled, settled
from api.freshness import etag_of, indexed, present_as_of
from store.moments import Moment
from store.reading import View

TIMES = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC
REVALIDATE = "no-cache"
RECIPES_REMEMBERED, LONGEST_REMEMBERED = 10_000, 1000
"""How many, and of URLs of how many characters."""
FRESHNESS = frozenset({"wait", "min_block", "after_tx"})
"""Parameters by which an answer may have to be waited for."""


def encoded(body: Any) -> bytes:
    """JSON, with times as RFC 3339 in UTC, whether they say that they are or not."""
    return orjson.dumps(body, option=TIMES | orjson.OPT_NON_STR_KEYS)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a URL asks for, read and checked: the answer depends on that, the view and the time alone."""

    url: str
    function: Callable[[View, Mapping[str, Any]], dict[str, Any]]
    query: Mapping[str, Any]
    path: str
    """As the log shows it."""
    rule: str
    parameters: tuple[str, ...]
    """Names of the query's parameters, as the log shows them."""

    @property
    def is_immediate(self) -> bool:
        """Is there nothing to wait for?"""
        return FRESHNESS.isdisjoint(self.query)

    def tag(self, moment: Moment) -> str:
        """What the ETag of the answer says."""
        return etag_of(moment.state.name, self.url)

    def is_known_by(self, condition: str | None, moment: Moment) -> bool:
        """Does an If-None-Match name the answer? `*` names any that there is, which has to be seen first."""
        named = parse_etags(condition)
        return not named.star_tag and named.contains_weak(self.tag(moment))

    def answer(self, view: View, now: datetime) -> Answer:
        """Make the answer. Raises what the function raises, NothingIndexed."""
        then = as_settled(as_asked(view, self.query), self.query, self.rule)
        # What is settled lags behind by nature; what is told is how far we do.
        as_of = present_as_of(indexed(then), now, indexed(view) if self._is_of_the_settled else None)
        body = encoded({**self.function(then, self.query), "asOf": as_of})
        described = (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
        return self._of(self._tag_of(as_of, body, view.moment), as_of, body, *described)

    def unchanged(self, moment: Moment, now: datetime) -> Answer:
        """What is told to whoever has the present answer already."""
        standing = indexed(moment.state)
        checkpoint = settled(standing) if self._is_of_the_settled else standing
        as_of = present_as_of(checkpoint, now, standing)
        return self._of(self.tag(moment), as_of | placed(self.query), b"")

    @property
    def _is_of_the_settled(self) -> bool:
        return "finality" in self.query

    def _tag_of(self, as_of: Mapping[str, Any], body: bytes, moment: Moment) -> str:
        """Of a final block in the past, new blocks change nothing: such an answer names itself."""
        if "as_of_block" in self.query and as_of["finality"] == "finalized":
            return etag_of(hashlib.blake2b(body, digest_size=12).hexdigest(), self.url)
        return self.tag(moment)

    def _of(self, tag: str, as_of: Mapping[str, Any], body: bytes, *headers: tuple[str, str]) -> Answer:
        etag = f'W/"{tag}"'
        described = (
            *headers,
            ("X-As-Of-Block", str(as_of["blockNumber"])),
            ("X-Lag-Seconds", str(as_of["lagSeconds"])),
            ("ETag", etag),
            ("Cache-Control", REVALIDATE),
        )
        return Answer(body, described, etag, self.path, self.rule, self.parameters)


class Recipes:
    """Those of requests that were answered lately, by URL. Safe between threads."""

    def __init__(self) -> None:
        self._known: dict[str, Recipe] = {}

    def of(self, url: str) -> Recipe | None:
        """None: the request has to be read."""
        return self._known.get(url)

    def remember(self, recipe: Recipe) -> None:
        """For a request that was answered, to a stranger; those who wait have to be looked at each time."""
        if not recipe.is_immediate or len(recipe.url) > LONGEST_REMEMBERED:
            return
        if len(self._known) >= RECIPES_REMEMBERED:
            self._known.clear()
        self._known[recipe.url] = recipe
