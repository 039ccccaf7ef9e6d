"""The WSGI application: blueprints, errors and JSON put together; nothing is opened here."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider

from api import account_problems, browser_rules, keeping, media, problems
from api.auth import guard
from api.auth.key_mint import KeyMint
from api.auth.options import Auth
from api.auth.tokens import configure
from api.auth.usage import UsageCounts
from api.blueprints import (
    activity,
    admin,
    assets,
    auth,
    errors,
    events,
    favourites,
    keys,
    market,
    mfa,
    operations,
    profile,
    search,
    transactions,
    users,
)
from api.bodies import StrictRequest, strict_json
from api.caching.answers import Answers
from api.caching.front import Front, refuse_at_once
from api.caching.recipes import Recipes, encoded
from api.description.page import SCRIPT, STYLE, page
from api.description.specification import Specification
from api.endpoints import revalidated
from api.metrics import expose_metrics
from api.newest import Newest
from api.pagination import Cursors
from api.perimeter import Perimeter
from api.places import Places
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
from api.viewing import Viewing, Views
from store.reading import Reading

MAX_WAITERS, MAX_STREAMS = 8, 64
"""Half of the threads that the server is usually given for requests, and all those for streams."""
WAITERS_EACH, STREAMS_EACH = 2, 8
"""Of these, for one subscriber: nobody keeps the others out."""
BLUEPRINTS = (
    assets, profile, favourites, users, transactions, market, activity, search, events, auth, mfa, keys,
    admin, operations, errors,
)  # fmt: skip


class OrjsonProvider(JSONProvider):
    """JSON: ours by orjson, with times as RFC 3339 in UTC; that of others strictly."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return encoded(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return strict_json(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(encoded(self._prepare_response_obj(args, kwargs)), mimetype="application/json")


class Application(Flask):
    """Flask, where JSON is read strictly, and even the answer to OPTIONS is JSON."""

    request_class = StrictRequest

    def make_default_options_response(self) -> Response:
        response = super().make_default_options_response()
        response.data = orjson.dumps({"methods": sorted(response.allow)})
        response.mimetype = "application/json"
        return response


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
    answers: Answers | None = None,
    views: Views | None = None,
) -> Flask:
    """A WSGI application that serves what `reading` sees; cursors are signed with `secret_key`.

    `auth`: whom it lets sign in, and what it knows of people. `keep`: where their uploads and secrets are.
    `views`: counts who looks at assets; nobody does where it is None.
    `history`: what was true at earlier blocks.

    `answers`: what is kept of them while they are true; nothing where it is None.

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
    }
    app.url_map.strict_slashes = False
    clock, answers, perimeter = clock or SystemClock(), answers or Answers(0), perimeter or Perimeter()
    app.extensions[EXTENSION] = Services(
        reading,
        Cursors(secret_key),
        pending or NoNode(),
        clock,
        Places(max_waiters, WAITERS_EACH),
        auth,
        configure(app, auth.keys, auth.lifetimes),
        KeyMint(auth.peppers or auth.keys, auth.live_keys),
        UsageCounts(auth.accounts),
        Places(max_streams, STREAMS_EACH),
        Newest(reading, clock.monotonic),
        answers,
        Recipes(),
        history or NoHistory(),
    )
    keeping.install(app, keep)
    account_problems.install(app)
    perimeter.register(app)
    app.before_request(refuse_at_once)
    guard.install(app)
    _register(app)
    metrics = expose_metrics(app, app.extensions[EXTENSION], metrics_folder)
    front = Front(app, app.extensions[EXTENSION], perimeter, metrics)
    app.wsgi_app = front  # type: ignore[method-assign]
    if views is not None:
        app.wsgi_app = Viewing(app, views, perimeter.gate.proxies)  # type: ignore[method-assign]
    return app


def _register(app: Flask) -> None:
    specification = Specification(app)
    for module in BLUEPRINTS:
        specification.register_blueprint(module.blueprint)
    media.install(app)

    def docs() -> Response:
        return browser_rules.page(page(specification.document), STYLE, scripts=[SCRIPT])

    app.add_url_rule("/api/docs", "docs", docs)
    app.after_request(revalidated)
    app.after_request(_headers)


def _headers(response: Response) -> Response:
    response.headers["X-Request-Id"] = problems.request_id()
    return response
