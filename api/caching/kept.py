"""An answer of the application: the one that is kept for its state, or a new one to be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, request

from api import access_log
from api.auth.principal import FOUND
from api.caching.answers import Answer, Edition
from api.freshness import edition_of, etag_of
from api.services import services
from api.urls import is_anonymous, url_of
from store.reading import View

REVALIDATE = "no-cache"


def kept(view: View, query: Mapping[str, Any], make: Callable[[bool], Response]) -> Response:
    """The answer to this GET as of the view; `make` makes it, or a 304 where it is told `False`."""
    url = url_of(request.environ)
    etag = etag_of(view.moment.state.name, url)
    if request.if_none_match.contains_weak(etag):
        return _tagged(make(False), etag)
    if not services().answers.is_on or not _may_be_shared(query):
        return _tagged(make(True), etag)
    edition = edition_of(view.moment, services().clock.now())
    found = services().answers.get(edition, url)
    if found is not None:
        return Response(found.body, headers=list(found.headers))
    response = _tagged(make(True), etag)
    if _is_of(edition, response):
        services().answers.put(edition, url, _answer(response))
    return response


def _may_be_shared(query: Mapping[str, Any]) -> bool:
    """Not what may be the caller's own, and not what a node was asked about as well."""
    return is_anonymous(request.environ) and query.get("after_tx") is None


def _is_of(edition: Edition, response: Response) -> bool:
    """Is the answer nobody's own, and was it made within the second that the edition is of?"""
    asked_who_calls = FOUND in request.environ
    return not asked_who_calls and response.headers.get("X-Lag-Seconds") == str(edition.lag_seconds)


def _tagged(response: Response, etag: str) -> Response:
    response.set_etag(etag, weak=True)
    response.headers["Cache-Control"] = REVALIDATE
    return response


def _answer(response: Response) -> Answer:
    body = response.get_data()
    rule = request.url_rule.rule if request.url_rule else ""
    return Answer(
        body,
        tuple((name, value) for name, value in response.headers),
        response.headers["ETag"],
        access_log.shown(request.path),
        rule,
        tuple(access_log.names(request.args)),
    )
