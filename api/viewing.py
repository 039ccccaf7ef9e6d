"""Counts views beside answering: reading stays reading, and what was seen is told to the store in batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from flask import Flask
from prometheus_client import Counter

from api.auth.principal import bearer_token
from api.auth.tokens import read_token
from api.limiting.addresses import TrustedProxies
from api.problems import Unauthenticated
from api.services import Clock
from api.viewers import may_count, names_of
from store.errors import StoreUnreachable
from store.view_counts import Seen

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

TELL_SECONDS = 30.0
"""Counters are part of answers that are kept while nothing changes: they should not change all the time."""
MAX_UNTOLD = 10_000
LOST = Counter("dvault_views_lost", "Views not counted: too many at once, or the store out of reach")


class Counts(Protocol):
    """Where views are counted."""

    def count(self, views: Sequence[Seen], now: datetime) -> int:
        """Count those that are the first of their day. Raises StoreUnreachable."""


class Views:
    """Views seen by this process and not told yet. Safe between threads."""

    def __init__(self, counts: Counts, clock: Clock, tell_seconds: float | None = TELL_SECONDS) -> None:
        """With `tell_seconds` None, nothing is told by itself."""
        self._counts, self._clock, self._tell_seconds = counts, clock, tell_seconds
        self._untold: dict[Seen, None] = {}
        self._lock = Lock()
        self._teller: Thread | None = None

    def saw(self, seen: Seen) -> None:
        """Remember a view; costs no more than that."""
        with self._lock:
            if len(self._untold) >= MAX_UNTOLD and seen not in self._untold:
                LOST.inc()
                return
            self._untold[seen] = None
            if self._tell_seconds is not None and (self._teller is None or not self._teller.is_alive()):
                # The first view, or the first after an error that nobody foresaw ended the thread.
                self._teller = Thread(target=self._tell_forever, name="views", daemon=True)
                self._teller.start()

    def tell(self) -> int:
        """Tell the store what was seen; returns how many views counted. What cannot be told is lost."""
        with self._lock:
            untold, self._untold = list(self._untold), {}
        if not untold:
            return 0
        try:
            return self._counts.count(untold, self._clock.now())
        except StoreUnreachable as error:
            LOST.inc(len(untold))
            logger.warning("views could not be counted", extra={"views": len(untold), "why": error.why})
            return 0

    def _tell_forever(self) -> None:
        assert self._tell_seconds is not None
        while True:
            time.sleep(self._tell_seconds)
            self.tell()


class Viewing:
    """WSGI, around everything that answers: an asset answered in full to somebody was seen."""

    def __init__(self, app: Flask, views: Views, proxies: TrustedProxies) -> None:
        self._app, self._behind = app, app.wsgi_app
        self._views, self._proxies = views, proxies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not may_count(environ):
            return self._behind(environ, start_response)
        statuses: list[str] = []

        def started(status: str, headers: Any, *more: Any) -> Any:
            statuses.append(status)
            return start_response(status, headers, *more)

        body = b"".join(_all_of(self._behind(environ, started)))
        if statuses[-1].startswith("200"):
            self._views.saw(self._seen(environ, body))
        return [body]

    def _seen(self, environ: WSGIEnvironment, body: bytes) -> Seen:
        asset = orjson.loads(body)["asset"]
        address, agent = self._proxies.client(environ), environ["HTTP_USER_AGENT"]
        names = names_of(address, agent, self._wallet(environ))
        return Seen(asset["id"], asset["chain"]["mintTransactionHash"], names)

    def _wallet(self, environ: WSGIEnvironment) -> str | None:
        """Whose token it is, by its signature alone; None for strangers and bad tokens."""
        header = environ.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        try:
            with self._app.app_context():
                return read_token(bearer_token(header), "access").wallet
        except Unauthenticated:
            return None


def _all_of(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts of a WSGI answer, which must be closed when they are read."""
    try:
        yield from parts
    finally:
        getattr(parts, "close", lambda: None)()
