"""How an endpoint is made: parse strictly, read one view, answer with `asOf`; and the same in OpenAPI."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from http import HTTPStatus
from typing import Any, NoReturn

from flask import Response, jsonify, request
from flask_smorest import Blueprint as SmorestBlueprint  # type: ignore[import-untyped]
from marshmallow import RAISE, Schema
from marshmallow.exceptions import ValidationError
from webargs.flaskparser import FlaskParser

from api.as_of import AsOfQuery, as_asked
from api.bodies import require_json, strict_json
from api.caching.kept import kept
from api.caching.recipes import REVALIDATE
from api.freshness import indexed, present_as_of, when_fresh
from api.nearest import nearest
from api.paths import PATH, read_path
from api.problems import BadRequest, FieldError
from api.requests import BranchPageQuery, FreshnessQuery, NothingElse
from api.services import services
from api.widths import not_too_wide
from store.documents import CheckpointDocument
from store.reading import View

Payload = dict[str, Any]
ChainView = Callable[..., Payload]
Responder = Callable[..., Response]

QUERIES_REMEMBERED, LONGEST_REMEMBERED = 500, 1000
"""Of each schema; bytes."""
HEADERS = {
    "X-As-Of-Block": {"schema": {"type": "integer"}, "description": "asOf.blockNumber"},
    "X-Lag-Seconds": {"schema": {"type": "integer"}, "description": "asOf.lagSeconds"},
    "RateLimit": {"schema": {"type": "string"}, "description": "Requests left, and seconds until more."},
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "Requests in a window of seconds."},
    "ETag": {"schema": {"type": "string"}, "description": "Changes when the state or the URL does."},
}


class Arguments(FlaskParser):
    """webargs, strict: what is not known is an error, and errors name the field."""

    DEFAULT_VALIDATION_STATUS = 400

    def parse(self, argmap: Any, req: Any = None, *, location: str | None = None, **options: Any) -> Any:
        """What the request carries, checked; of queries, those seen lately are not checked again."""
        schema = schema_of(argmap) if isinstance(argmap, type) else argmap
        req = req or self.get_default_request()
        if location != "query":
            return super().parse(schema, req, location=location, **options)
        seen, text = queries_of(schema), req.query_string
        found = seen.get(text)
        if found is None:
            found = super().parse(schema, req, location=location, **options)
            if len(seen) >= QUERIES_REMEMBERED:
                seen.clear()
            if len(text) <= LONGEST_REMEMBERED:
                seen[text] = found
        return dict(found)

    def handle_error(self, error: ValidationError, req: Any, schema: Schema, **_: Any) -> NoReturn:  # noqa: ARG002
        raise BadRequest(list(_field_errors(error.messages_dict, schema))) from error

    def load_json(self, req: Any, schema: Schema) -> Any:  # noqa: ARG002
        return not_too_wide(strict_json(req.get_data()))


@cache
def schema_of(schema: type[Schema]) -> Schema:
    """One instance for all requests: making one takes longer than most answers."""
    return schema()


@cache
def queries_of(schema: Schema) -> dict[bytes, Any]:  # noqa: ARG001 - one for each
    """Queries that this schema let pass, by their text: what they mean depends on nothing else."""
    return {}


def _field_errors(messages: Mapping[str, Any], schema: Schema) -> list[FieldError]:
    known = [str(field.data_key) for field in schema.fields.values()]
    return [
        FieldError("body" if name == "_schema" else str(name), location, _message(str(name), told, known))
        for location, fields in messages.items()
        for name, told in (fields.items() if isinstance(fields, Mapping) else [("body", fields)])
    ]


def _message(name: str, told: Any, known: list[str]) -> str:
    if told == ["Unknown field."]:
        if not known:
            return "is not a parameter here: this path takes none"
        near = nearest(name, known)
        guess = f"did you mean {near}? " if near else ""
        return f"is not a parameter here; {guess}known are {', '.join(sorted(known))}"
    if isinstance(told, Mapping):
        return "; ".join(f"item {index}: {_message(name, one, known)}" for index, one in told.items())
    return "; ".join(str(one) for one in told)


class Blueprint(SmorestBlueprint):  # type: ignore[misc]
    """A group of endpoints."""

    ARGUMENTS_PARSER = Arguments(unknown=RAISE)
    ANSWER_HEADERS: Mapping[str, Any] = HEADERS

    def reads(
        self,
        rule: str,
        operation: str,
        answer: type[Schema],
        query: type[Schema] = FreshnessQuery,
        *also: int,
    ) -> Callable[[ChainView], ChainView]:
        """A GET that is true at a block: the function gets a View, the query, and the path's arguments.

        `also` are statuses that it can have beyond those that every such operation can have.
        """

        def decorate(function: ChainView) -> ChainView:
            def respond(query: Mapping[str, Any], **path: str) -> Response:
                bound = partial(function, **read_path(path))
                return when_fresh(services(), query, lambda view: chain_answer(bound, view, query))

            respond.__name__, respond.__doc__ = function.__name__, function.__doc__
            gone = issubclass(query, BranchPageQuery | AsOfQuery)
            missing = ((404,) if "<" in rule else ()) + ((410,) if gone else ())
            statuses = (400, 409, 429, 503, *missing, *also)
            self._expose(respond, "GET", rule, operation, answer, query, statuses)
            return function

        return decorate

    def asks(
        self, rule: str, operation: str, answer: type[Schema], body: type[Schema]
    ) -> Callable[[ChainView], ChainView]:
        """A POST that only reads, for questions too long for a URL: the function gets a View and the body."""

        def decorate(function: ChainView) -> ChainView:
            def respond(_: Mapping[str, Any], body: Mapping[str, Any]) -> Response:
                return when_fresh(services(), body, lambda view: chain_answer(function, view, body))

            respond.__name__, respond.__doc__ = function.__name__, function.__doc__
            parsed = self.arguments(body, location="json")(respond)
            statuses = (400, 409, 410, 413, 415, 429, 503)
            self._expose(json_only(parsed), "POST", rule, operation, answer, NothingElse, statuses)
            return function

        return decorate

    def tells(
        self, rule: str, operation: str, answer: type[Schema], query: type[Schema] = NothingElse
    ) -> Callable[[Callable[..., Payload]], Callable[..., Payload]]:
        """A GET that is not bound to a block: the function gets the query and the path's arguments."""

        def decorate(function: Callable[..., Payload]) -> Callable[..., Payload]:
            def respond(query: Mapping[str, Any], **path: str) -> Response:
                return jsonify(function(query, **read_path(path)))

            respond.__name__, respond.__doc__ = function.__name__, function.__doc__
            self._expose(respond, "GET", rule, operation, answer, query, (400, 503))
            return function

        return decorate

    def answers(
        self,
        rule: str,
        operation: str,
        answer: type[Schema],
        query: type[Schema],
        *also: int,
        content_type: str | None = None,
    ) -> Callable[[Responder], Responder]:
        """A GET that makes its whole response by itself, from the query and the path's arguments.

        `also` are statuses that it can have beyond those that every such operation can have.
        """

        def decorate(function: Responder) -> Responder:
            def respond(query: Mapping[str, Any], **path: str) -> Response:
                return function(query, **read_path(path))

            respond.__name__, respond.__doc__ = function.__name__, function.__doc__
            statuses = (400, 429, 503, *also)
            self._expose(respond, "GET", rule, operation, answer, query, statuses, content_type)
            return function

        return decorate

    def _expose(
        self,
        respond: Responder,
        method: str,
        rule: str,
        operation: str,
        answer: type[Schema],
        query: type[Schema],
        statuses: tuple[int, ...],
        content_type: str | None = None,
    ) -> None:
        documented = self.response(200, answer, headers=self.ANSWER_HEADERS, content_type=content_type)(
            respond
        )
        for status in statuses:
            documented = self.alt_response(status, HTTPStatus(status).name)(documented)
        if method == "GET":
            documented = self.alt_response(304, "NOT_MODIFIED")(documented)
        documented = once_each(self.arguments(query, location="query")(documented))
        documented = self.doc(operationId=operation)(documented)
        names = [name for name in PATH if f"<{name}>" in rule]
        shown = [{"in": "path", "name": name, "required": True, "schema": PATH[name][2]} for name in names]
        self.route(rule, methods=[method], parameters=shown)(documented)


def once_each(function: Responder) -> Responder:
    """Refuse a parameter that is given twice: whichever we took, half of the callers would mean the other."""

    def checked(*args: Any, **kwargs: Any) -> Response:
        twice = [name for name, values in request.args.lists() if len(values) > 1]
        if twice:
            raise BadRequest([FieldError(name, "query", "is given more than once") for name in twice])
        return function(*args, **kwargs)

    return _as_documented(checked, function)


def json_only(function: Responder) -> Responder:
    """Refuse a body that does not say it is JSON."""

    def checked(*args: Any, **kwargs: Any) -> Response:
        require_json(request)
        return function(*args, **kwargs)

    return _as_documented(checked, function)


def _as_documented(wrapper: Responder, function: Responder) -> Responder:
    wrapper.__name__, wrapper.__doc__ = function.__name__, function.__doc__
    wrapper._apidoc = getattr(function, "_apidoc", {})  # type: ignore[attr-defined]
    return wrapper


def chain_answer(function: ChainView, view: View, query: Mapping[str, Any]) -> Response:
    """The function's payload as of the view; 304 where the caller has it already."""
    indexed(view)
    if request.method == "POST":
        then = as_asked(view, query)
        return chain_response(function(then, query), indexed(then))
    return kept(function, view, query)


def chain_response(payload: Payload | None, checkpoint: CheckpointDocument | None) -> Response:
    """A payload with `asOf` and its headers; without payload, 304; `asOf` is null while there is no tip."""
    as_of = None
    if checkpoint is not None and checkpoint["tip"] is not None:
        as_of = present_as_of(checkpoint, services().clock.now())
    response = Response(status=304) if payload is None else jsonify({**payload, "asOf": as_of})
    if as_of is not None:
        response.headers["X-As-Of-Block"] = str(as_of["blockNumber"])
        response.headers["X-Lag-Seconds"] = str(as_of["lagSeconds"])
    return response


def revalidated(response: Response) -> Response:
    """Every GET can be asked again for free: where no ETag was set, the body names itself."""
    if request.method not in ("GET", "HEAD") or response.status_code != HTTPStatus.OK:
        return response
    if response.is_streamed:
        return response
    response.headers.setdefault("Cache-Control", REVALIDATE)
    if "ETag" not in response.headers:
        response.set_etag(hashlib.blake2b(response.get_data(), digest_size=12).hexdigest(), weak=True)
        response.make_conditional(request)
    return response
