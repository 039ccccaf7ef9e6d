"""The WSGI application: blueprints, errors and JSON put together; nothing is opened here."""

from __future__ import annotations

from threading import Semaphore
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider
from flask_smorest import Api  # type: ignore[import-untyped]

from api import browser_rules, keeping, media, problems
from api.auth import guard
from api.auth.options import Auth
from api.auth.tokens import configure
from api.blueprints import (
    activity,
    admin,
    assets,
    auth,
    errors,
    events,
    market,
    operations,
    profile,
    transactions,
    users,
)
from api.bodies import StrictRequest, strict_json
from api.documentation import STYLE, page
from api.endpoints import revalidated
from api.metrics import expose_metrics
from api.newest import Newest
from api.pagination import Cursors
from api.perimeter import Perimeter
from api.schemas.shapes import ProblemBody
from api.services import (
    EXTENSION,
    Clock,
    History,
    NoHistory,
    NoNode,
    PendingTransactions,
    Services,
    SystemClock,
)
from store.reading import Reading

MAX_WAITERS, MAX_STREAMS = 8, 64
"""Half of the threads that the server is usually given for requests, and all those for streams."""
BLUEPRINTS = (assets, profile, users, transactions, market, activity, events, auth, admin, operations, errors)

SECURITY_SCHEMES = {
    "session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


class OrjsonProvider(JSONProvider):
    """JSON: ours by orjson, with times as RFC 3339 in UTC; that of others strictly."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return self._bytes(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return strict_json(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(self._bytes(self._prepare_response_obj(args, kwargs)), mimetype="application/json")

    @staticmethod
    def _bytes(obj: Any) -> bytes:
        return orjson.dumps(obj, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


class Application(Flask):
    """Flask, where JSON is read strictly, and even the answer to OPTIONS is JSON."""

    request_class = StrictRequest

    def make_default_options_response(self) -> Response:
        response = super().make_default_options_response()
        response.data = orjson.dumps({"methods": sorted(response.allow)})
        response.mimetype = "application/json"
        return response


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
    keep: keeping.Keeping | None = None,
    pending: PendingTransactions | None = None,
    clock: Clock | None = None,
    max_waiters: int = MAX_WAITERS,
    perimeter: Perimeter | None = None,
    metrics_folder: str | None = None,
    max_streams: int = MAX_STREAMS,
    history: History | None = None,
) -> Flask:
    """A WSGI application that serves what `reading` sees; cursors are signed with `secret_key`.

    `auth`: whom it lets sign in, and what it knows of people. `keep`: where their uploads and secrets are.
    `history`: what was true at earlier blocks.

    At most `max_waiters` requests wait for a block at once: give half of the server's threads. At most
    `max_streams` listeners have a stream each: give threads of their own.
    """
    app = Application("dynamicvault", static_folder=None)
    app.json = OrjsonProvider(app)
    app.config |= {
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
        history or NoHistory(),
    )
    keeping.install(app, keep)
    (perimeter or Perimeter()).register(app)
    guard.install(app)
    _register(app)
    expose_metrics(app, app.extensions[EXTENSION], metrics_folder)
    return app


def _register(app: Flask) -> None:
    specification = Specification(app)
    for module in BLUEPRINTS:
        specification.register_blueprint(module.blueprint)
    media.install(app)
    app.add_url_rule(
        "/api/docs", "docs", lambda: browser_rules.page(page(specification.spec.to_dict()), STYLE)
    )
    app.after_request(revalidated)
    app.after_request(_headers)


def _headers(response: Response) -> Response:
    response.headers["X-Request-Id"] = problems.request_id()
    return response
