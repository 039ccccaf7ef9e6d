"""Stands before the application and answers what is kept: after the gate, and at the newest state.

What is asked again and again is answered without the framework. Everything else goes behind: what is not
kept, what has a body, and whoever says who they are, since their answer may be theirs alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.http import parse_etags

from api import access_log
from api.caching.answers import FROM_PROCESS, Answer, Answers
from api.freshness import edition_of
from api.http_metrics import HttpMetrics
from api.limiting.gate import COUNTED, Counted
from api.perimeter import Perimeter
from api.problems import sane_id
from api.services import Clock
from api.urls import is_anonymous, url_of
from store.errors import StoreUnreachable
from store.moments import Moments

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

OK, NOT_MODIFIED = (200, "200 OK"), (304, "304 NOT MODIFIED")
UNREACHABLE = "dynamicvault.unreachable"
"""In the environment of a request for which the state has been asked in vain."""
OF_BODIES = ("Content-Type", "Content-Length")
ORIGINS_REMEMBERED = 256


class Front:
    """WSGI, before an application that puts its answers into `answers`."""

    def __init__(
        self,
        app: Flask,
        answers: Answers,
        moments: Moments,
        clock: Clock,
        perimeter: Perimeter,
        metrics: HttpMetrics,
    ) -> None:
        self._behind: WSGIApplication = app.wsgi_app
        self._answers, self._moments, self._clock = answers, moments, clock
        self._gate, self._metrics, self._logs = perimeter.gate, metrics, perimeter.logs_access
        self._rules: Callable[[str | None], list[tuple[str, str]]] = lru_cache(ORIGINS_REMEMBERED)(
            lambda origin: perimeter.headers_for(app, origin)
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        answer, counted = self._kept(environ)
        if answer is None or counted is None:
            return self._behind(environ, start_response)
        status, body = OK, answer.body
        if _is_known(answer, environ.get("HTTP_IF_NONE_MATCH")):
            status, body = NOT_MODIFIED, b""
        request_id = sane_id(environ.get("HTTP_X_REQUEST_ID", ""))
        self._record(environ, answer, counted, status[0], began, request_id)
        own = answer.headers if status is OK else [one for one in answer.headers if one[0] not in OF_BODIES]
        rules = self._rules(environ.get("HTTP_ORIGIN"))
        start_response(status[1], [*own, *rules, *counted.headers(), ("X-Request-Id", request_id)])
        return [] if environ["REQUEST_METHOD"] == "HEAD" or not body else [body]

    def _kept(self, environ: WSGIEnvironment) -> tuple[Answer | None, Counted | None]:
        """The answer, if it is kept and may be given; what was found out meanwhile is in the environment."""
        url = url_of(environ)
        if not self._answers.knows(url) or not _is_plain(environ):
            return None, None
        counted = self._gate.counted(environ, environ["REQUEST_METHOD"], environ["PATH_INFO"], None)
        environ[COUNTED] = counted
        if counted.is_refused:
            return None, counted
        try:
            moment = self._moments.newest()
        except StoreUnreachable as error:
            environ[UNREACHABLE] = error
            return None, counted
        answer = self._answers.here(edition_of(moment, self._clock.now()), url)
        if answer is not None:
            FROM_PROCESS.inc()
        return answer, counted

    def _record(
        self,
        environ: WSGIEnvironment,
        answer: Answer,
        counted: Counted,
        status: int,
        began: float,
        request_id: str,
    ) -> None:
        method = environ["REQUEST_METHOD"]
        self._metrics.count(method, answer.rule, status, began)
        if self._logs:
            access_log.write(
                (method, answer.rule, status),
                answer.path,
                list(answer.parameters),
                client=counted.address,
                began=began,
                length=len(answer.body) if status == OK[0] else None,
                request_id=request_id,
            )


def _is_plain(environ: WSGIEnvironment) -> bool:
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and is_anonymous(environ)
        and environ.get("CONTENT_LENGTH") in (None, "", "0")
        and "HTTP_TRANSFER_ENCODING" not in environ
    )


def _is_known(answer: Answer, condition: str | None) -> bool:
    if condition is None:
        return False
    return condition == answer.etag or parse_etags(condition).contains_raw(answer.etag)


def refuse_at_once() -> None:
    """Raise what the front was told when it asked for the state, rather than ask and wait again."""
    error: Any = request.environ.get(UNREACHABLE)
    if error is not None:
        raise error
