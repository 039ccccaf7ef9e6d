"""Endpoints that act, or tell of people: not true at a block, never kept by caches, guarded by the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, jsonify
from marshmallow import Schema

from api.endpoints import Blueprint, Payload, json_only
from api.paths import read_path
from api.permissions import PUBLIC, Access, access_of
from api.requests import NothingElse

Acting = Callable[..., Payload | Response]
REFUSALS = (400, 429, 503)
GUARDED = (401, 403)
WITH_BODY = (413, 415)


class ActingBlueprint(Blueprint):
    """A group of endpoints that act."""

    ANSWER_HEADERS: Mapping[str, Any] = {}

    def acts(
        self,
        method: str,
        rule: str,
        operation: str,
        answer: type[Schema],
        *,
        query: type[Schema] = NothingElse,
        body: type[Schema] | None = None,
        form: Mapping[str, Any] | None = None,
        statuses: tuple[int, ...] = (),
    ) -> Callable[[Acting], Acting]:
        """The function gets the query, then the body if there is a schema for it, and the path's arguments.

        It gives a payload or a whole response. Without a schema, a body is not looked at; `form` describes
        one that the function reads by itself.
        """
        access = access_of(method, f"{self.url_prefix or ''}{rule}") or PUBLIC

        def decorate(function: Acting) -> Acting:
            def respond(query: Mapping[str, Any], *body: Mapping[str, Any], **path: str) -> Response:
                return unkept(function(query, *body, **read_path(path)))

            respond.__name__, respond.__doc__ = function.__name__, function.__doc__
            told = {*REFUSALS, *statuses, *(WITH_BODY if body else ()), *_refused_by(access)}
            parsed = json_only(self.arguments(body, location="json")(respond)) if body else respond
            documented = parsed if form is None else self.doc(requestBody=form)(parsed)
            self._expose(documented, method, rule, operation, answer, query, tuple(sorted(told)))
            return function

        return decorate


def unkept(answer: Payload | Response) -> Response:
    """The answer, which nobody on the way may keep."""
    response = answer if isinstance(answer, Response) else jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


def _refused_by(access: Access) -> tuple[int, ...]:
    return () if access.is_public else GUARDED
