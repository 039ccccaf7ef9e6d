"""Answers of the application to GETs: the one that is kept for its state, or a new one to be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, request

from api import access_log
from api.auth.principal import FOUND
from api.caching.answers import Answer
from api.caching.recipes import Recipe
from api.freshness import edition_of
from api.services import services
from api.urls import is_anonymous, url_of
from store.reading import View


def kept(
    function: Callable[[View, Mapping[str, Any]], dict[str, Any]], view: View, query: Mapping[str, Any]
) -> Response:
    """The function's answer to this request as of the view; 304 where the caller has it already."""
    recipe, now = _recipe(function, query), services().clock.now()
    if recipe.is_known_by(request.headers.get("If-None-Match"), view.moment):
        return _response(recipe.unchanged(view.moment, now))
    # Not what may be the caller's own, and not what a node was asked about as well.
    if not is_anonymous(request.environ) or "after_tx" in query:
        return _response(recipe.answer(view, now))
    edition, answers = edition_of(view.moment, now), services().answers
    found = answers.get(edition, recipe.url)
    answer = found or recipe.answer(view, now)
    if FOUND in request.environ:
        return _response(answer)  # somebody wanted to know who is calling
    if found is None:
        answers.put(edition, recipe.url, answer)
    services().recipes.remember(recipe)
    return _response(answer)


def _recipe(
    function: Callable[[View, Mapping[str, Any]], dict[str, Any]], query: Mapping[str, Any]
) -> Recipe:
    return Recipe(
        url_of(request.environ),
        function,
        query,
        access_log.shown(request.path),
        request.url_rule.rule if request.url_rule else "",
        tuple(access_log.names(request.args)),
    )


def _response(answer: Answer) -> Response:
    told = answer.for_whoever_has(request.headers.get("If-None-Match"))
    response = Response(told.body, 200 if told.body else 304)
    # Its own headers and no others: a 304 has no Content-Type.
    response.headers.clear()
    response.headers.extend(told.headers)
    return response
