"""What callers are told when an answer cannot be given: RFC 9457 problems, with `error` as a plain string.

Problem
├── BadRequest       400  the request is malformed; `errors` names the fields
├── Unauthenticated  401  not, or no longer, signed in
├── SignInRefused    401  the message signs nobody in; `code` says why (api.signin.refusals)
├── Forbidden        403  signed in, but not allowed
├── MfaRequired      403  allowed with a recent proof of a second factor
├── CrossSite        403  a page of another site tried to use our cookie
├── NotFound         404  the thing asked for does not exist
├── NotYetIndexed    409  the block or transaction asked for has not been applied yet; try again
├── VersionChanged   412  the thing was changed since the caller read it; read it again
├── EventsGone       410  the events asked for are no longer kept; read the state again
├── Unsupported      415  the body is not JSON
├── TooMuchHistory   422  more would have to be read than one answer is computed from
├── TooManyRequests  429  a limit is reached; nothing was done
├── NothingIndexed   503  no block has been applied at all
├── TooManyStreams   503  every place for streams is taken
├── NotReady         503  reads are possible but should not be trusted to advance
└── StoreDown        503  the store cannot be read at present
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from random import getrandbits
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, jsonify, request
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed
from werkzeug.exceptions import NotFound as UnknownPath

from api.catalogue import CATALOGUE
from api.nearest import nearest
from store.errors import Changed, StoreUnreachable, TooMuch
from store.errors import NotFound as NoDocument

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
RETRY_SECONDS = 1
PATHS_ALIKE = 0.85
"""Most of every path is the same: only nearly all of it makes a near miss."""
KEPT_HEADERS = ("Allow", "Retry-After", "Location")
HTTP_CODES = {
    404: "not-found",
    405: "method-not-allowed",
    413: "request-entity-too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong: the name of the field, where it stands (query, path, json), and a message."""

    field: str
    location: str
    message: str


class Problem(Exception):
    """Base of what views raise; `code` is for programs and never changes its meaning."""

    status = 500
    code = "internal-server-error"
    retry_after_seconds: int | None = None
    continued_by: tuple[str, ...] = ()
    """Parameters that went on from somewhere: the same question without them begins again."""

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), *, start: str | None = None) -> None:
        """`start`: where to begin again, for what cannot be continued."""
        super().__init__(detail)
        self.detail, self.errors, self.start = detail, tuple(errors), start


class BadRequest(Problem):
    status, code = 400, "invalid-request"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors), errors)


class Unauthenticated(Problem):
    status, code = 401, "unauthenticated"


class SignInRefused(Problem):
    status, code = 401, "sign-in-refused"

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        if code == "wallet-unreachable":
            # Not the caller's fault: the same message, with a new nonce, may do later.
            self.status, self.retry_after_seconds = 503, 5


class Forbidden(Problem):
    status, code = 403, "forbidden"


class MfaRequired(Problem):
    status, code = 403, "mfa-required"


class CrossSite(Problem):
    status, code = 403, "cross-site"


class NotFound(Problem):
    status, code = 404, "not-found"


class NotYetIndexed(Problem):
    status, code, retry_after_seconds = 409, "not-yet-indexed", RETRY_SECONDS


class VersionChanged(Problem):
    status, code = 412, "precondition-failed"


class EventsGone(Problem):
    status, code = 410, "events-gone"


class Unsupported(Problem):
    status, code = 415, "unsupported-media-type"


class TooMuchHistory(Problem):
    status, code = 422, "too-much-history"


class TooManyRequests(Problem):
    status, code = 429, "too-many-requests"

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class NothingIndexed(Problem):
    status, code, retry_after_seconds = 503, "nothing-indexed", 5


class TooManyStreams(Problem):
    status, code, retry_after_seconds = 503, "too-many-streams", 5


class NotReady(Problem):
    status, code, retry_after_seconds = 503, "not-ready", 5


class StoreDown(Problem):
    status, code, retry_after_seconds = 503, "store-unreachable", 5


def request_id() -> str:
    """The caller's id of this request where it is a sane one, else one of ours."""
    if "request_id" not in g:
        g.request_id = sane_id(request.headers.get("X-Request-Id", ""))
    return str(g.request_id)


def sane_id(given: str) -> str:
    """What the caller gave as id of a request, or else one of ours: unlike any other, but no secret."""
    return given if given and REQUEST_ID.fullmatch(given) else f"{getrandbits(128):032x}"


def register(app: Flask) -> None:
    """Answer every failure as a problem."""
    app.register_error_handler(Problem, _own)
    app.register_error_handler(StoreUnreachable, _unreachable)
    app.register_error_handler(Changed, lambda error: _own(VersionChanged(str(error))))
    app.register_error_handler(TooMuch, lambda error: _own(TooMuchHistory(str(error))))
    app.register_error_handler(NoDocument, lambda error: _own(NotFound(str(error))))
    app.register_error_handler(HTTPException, _http)


def _own(problem: Problem) -> Response:
    wait = problem.retry_after_seconds
    headers = {} if wait is None else {"Retry-After": str(wait)}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    start = _question_without(problem.continued_by) if problem.continued_by else problem.start
    links = {} if start is None else {"links": {"start": start}}
    return respond(problem.status, problem.code, problem.detail, problem.errors, headers, links)


def _question_without(names: tuple[str, ...]) -> str:
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in names]
    return request.path + (f"?{urlencode(kept)}" if kept else "")


def _unreachable(error: StoreUnreachable) -> Response:
    logger.warning("store unreachable", extra={"why": error.why})
    return _own(StoreDown("the store cannot be read at present; try again in a few seconds"))


def _http(error: HTTPException) -> Response:
    if isinstance(error, InternalServerError) and error.original_exception is not None:
        logger.error("request failed", exc_info=error.original_exception, extra={"request_id": request_id()})
    status = HTTPStatus(error.code or 500)
    headers = {name: value for name, value in error.get_headers() if name in KEPT_HEADERS}
    return respond(status, _code(status), _detail(error, status), (), headers)


def _code(status: int) -> str:
    """The code of a failure that the framework found; it must not depend on what Python calls the status."""
    if status in HTTP_CODES:
        return HTTP_CODES[status]
    return "bad-request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal-server-error"


def _detail(error: HTTPException, status: HTTPStatus) -> str:
    if isinstance(error, UnknownPath):
        return (
            f"there is nothing at {request.path}; {_nearest_path()}GET /api/docs shows what there is, and "
            "/api/openapi.json lists it"
        )
    if isinstance(error, MethodNotAllowed):
        return f"{request.method} is not allowed here, only {', '.join(sorted(error.valid_methods or ()))}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "something went wrong on our side; the requestId finds it in our logs"
    return error.description or status.phrase


def _nearest_path() -> str:
    paths = [rule.rule for rule in current_app.url_map.iter_rules()]
    near = nearest(request.path, paths, PATHS_ALIKE)
    return f"did you mean {near}? " if near else ""


def respond(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """A problem as an answer; `more` are further members of its body."""
    entry = CATALOGUE.get(code)
    body: dict[str, Any] = {
        "type": entry.url if entry else "about:blank",
        "title": entry.title if entry else HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "instance": request.path,
        "code": code,
        "requestId": request_id(),
        "errors": [asdict(error) for error in errors],
        "error": detail,
        **(more or {}),
    }
    response = jsonify(body)
    response.status_code, response.mimetype = int(status), PROBLEM_TYPE
    response.headers.update(headers or {})
    return response
