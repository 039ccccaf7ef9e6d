"""The WSGI application: blueprints, errors and JSON put together; nothing is opened here."""

from __future__ import annotations

from threading import Semaphore
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider
from flask_smorest import Api  # type: ignore[import-untyped]

from api import problems
from api.auth import guard
from api.auth.options import Auth
from api.auth.tokens import configure
from api.blueprints import activity, admin, assets, auth, events, market, operations, transactions, users
from api.documentation import page
from api.endpoints import revalidated
from api.newest import Newest
from api.pagination import Cursors
from api.schemas.shapes import ProblemBody
from api.services import EXTENSION, Clock, NoNode, PendingTransactions, Services, SystemClock
from store.reading import Reading

MAX_BODY_BYTES = 1_000_000
MAX_WAITERS, MAX_STREAMS = 8, 64
"""Half of the threads that the server is usually given for requests, and all those for streams."""
BLUEPRINTS = (assets, users, transactions, market, activity, events, auth, admin, operations)

SECURITY_SCHEMES = {
    "session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


class OrjsonProvider(JSONProvider):
    """JSON by orjson: times as RFC 3339 in UTC, bytes straight to the response."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return self._bytes(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(self._bytes(self._prepare_response_obj(args, kwargs)), mimetype="application/json")

    @staticmethod
    def _bytes(obj: Any) -> bytes:
        return orjson.dumps(obj, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


class Specification(Api):  # type: ignore[misc]
    """The OpenAPI document; errors are answered by `problems`, and shown as what they are."""

    ERROR_SCHEMA = ProblemBody
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        problems.register(self._app)

    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = problems.PROBLEM_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def make_app(
    reading: Reading,
    *,
    secret_key: str,
    auth: Auth,
    pending: PendingTransactions | None = None,
    clock: Clock | None = None,
    max_waiters: int = MAX_WAITERS,
    max_streams: int = MAX_STREAMS,
) -> Flask:
    """A WSGI application that serves what `reading` sees; cursors are signed with `secret_key`.

    `auth`: whom it lets sign in, and what it knows of people.

    At most `max_waiters` requests wait for a block at once: give half of the server's threads. At most
    `max_streams` listeners have a stream each: give threads of their own.
    """
    app = Flask("dynamicvault", static_folder=None)
    app.json = OrjsonProvider(app)
    app.config |= {
        "MAX_CONTENT_LENGTH": MAX_BODY_BYTES,
        "API_TITLE": "DynamicVault",
        "API_VERSION": "1",
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/api",
        "API_SPEC_OPTIONS": {"components": {"securitySchemes": SECURITY_SCHEMES}},
    }
    app.url_map.strict_slashes = False
    clock = clock or SystemClock()
    app.extensions[EXTENSION] = Services(
        reading,
        Cursors(secret_key),
        pending or NoNode(),
        clock,
        Semaphore(max_waiters),
        auth,
        configure(app, auth.keys, auth.lifetimes),
        Semaphore(max_streams),
        Newest(reading, clock.monotonic),
    )
    guard.install(app)
    _register(app)
    return app


def _register(app: Flask) -> None:
    specification = Specification(app)
    for module in BLUEPRINTS:
        specification.register_blueprint(module.blueprint)
    app.add_url_rule("/api/docs", "docs", lambda: page(specification.spec.to_dict()))
    app.after_request(revalidated)
    app.after_request(_headers)


def _headers(response: Response) -> Response:
    response.headers["X-Request-Id"] = problems.request_id()
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
