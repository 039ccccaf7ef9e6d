"""Stands before the application and answers what was asked before: after the gate, at the newest state.

What is asked again and again is neither routed nor read again, and made again only when the state has
changed. Everything else goes behind: what is new, what fails, what has a body, and whoever says who they are,
since their answer may be theirs alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from threading import Semaphore
from typing import TYPE_CHECKING, Any

from flask import Flask, request

from api import access_log
from api.caching.answers import Answer, Edition
from api.caching.making import Making
from api.caching.recipes import Recipe
from api.freshness import edition_of
from api.http_metrics import HttpMetrics
from api.limiting.gate import COUNTED, Counted
from api.perimeter import Perimeter
from api.problems import Problem, sane_id
from api.services import Services
from api.urls import is_anonymous, url_of
from store.errors import StoreError, StoreUnreachable
from store.moments import Moment

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

OK, NOT_MODIFIED = (200, "200 OK"), (304, "304 NOT MODIFIED")
UNREACHABLE = "dynamicvault.unreachable"
"""In the environment of a request for which the state has been asked in vain."""
ORIGINS_REMEMBERED = 256
MAKERS = 8
"""Answers made at once by one process: more threads of Python only keep each other from working."""


class Front:
    """WSGI, before an application that remembers recipes."""

    def __init__(self, app: Flask, services: Services, perimeter: Perimeter, metrics: HttpMetrics) -> None:
        self._app, self._services = app, services
        self._makers, self._making = Semaphore(MAKERS), Making()
        self._behind: WSGIApplication = app.wsgi_app
        self._gate, self._metrics, self._logs = perimeter.gate, metrics, perimeter.logs_access
        self._rules: Callable[[str | None], list[tuple[str, str]]] = lru_cache(ORIGINS_REMEMBERED)(
            lambda origin: perimeter.headers_for(app, origin)
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        recipe = self._services.recipes.of(url_of(environ))
        if recipe is None or not _is_plain(environ):
            return self._behind(environ, start_response)
        counted = self._gate.counted(environ, environ["REQUEST_METHOD"], environ["PATH_INFO"], None)
        environ[COUNTED] = counted
        answer = None if counted.is_refused else self._answer(environ, recipe)
        if answer is None:
            return self._behind(environ, start_response)
        request_id = sane_id(environ.get("HTTP_X_REQUEST_ID", ""))
        status = OK if answer.body else NOT_MODIFIED
        self._record(environ, answer, counted, status[0], began, request_id)
        rules = self._rules(environ.get("HTTP_ORIGIN"))
        start_response(status[1], [*answer.headers, *rules, *counted.headers(), ("X-Request-Id", request_id)])
        return [] if environ["REQUEST_METHOD"] == "HEAD" or not answer.body else [answer.body]

    def _answer(self, environ: WSGIEnvironment, recipe: Recipe) -> Answer | None:
        """The answer, without body where the caller has it already; None where the application must speak."""
        services = self._services
        try:
            moment = services.reading.moments.newest()
        except StoreUnreachable as error:
            environ[UNREACHABLE] = error
            return None
        now = services.clock.now()
        edition, condition = edition_of(moment, now), environ.get("HTTP_IF_NONE_MATCH")
        found = services.answers.get(edition, recipe.url)
        if found is not None:
            return found.for_whoever_has(condition)
        with _LeftToTheApplication(recipe.rule):
            if recipe.is_known_by(condition, moment):
                return recipe.unchanged(moment, now)
            return self._new(recipe, moment, now, edition).for_whoever_has(condition)
        return None

    def _new(self, recipe: Recipe, moment: Moment, now: datetime, edition: Edition) -> Answer:
        if not self._services.answers.keeps:
            return self._made(recipe, moment, now, edition)
        return self._making.once(edition, recipe.url, lambda: self._made(recipe, moment, now, edition))

    def _made(self, recipe: Recipe, moment: Moment, now: datetime, edition: Edition) -> Answer:
        with self._makers, self._app.app_context(), self._services.reading.view_at(moment) as view:
            answer = recipe.answer(view, now)
        self._services.answers.put(edition, recipe.url, answer)
        return answer

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


@dataclass(frozen=True, slots=True)
class _LeftToTheApplication:
    """What goes wrong inside goes wrong again behind, as a problem; what nobody foresaw is logged here."""

    rule: str

    def __enter__(self) -> None:
        """There is nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if error is not None and not isinstance(error, Problem | StoreError):
            logger.error("an answer could not be made anew", exc_info=error, extra={"rule": self.rule})
        return isinstance(error, Exception)


def _is_plain(environ: WSGIEnvironment) -> bool:
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and is_anonymous(environ)
        and environ.get("CONTENT_LENGTH") in (None, "", "0")
        and "HTTP_TRANSFER_ENCODING" not in environ
    )


def refuse_at_once() -> None:
    """Raise what the front was told when it asked for the state, rather than ask and wait again."""
    error: Any = request.environ.get(UNREACHABLE)
    if error is not None:
        raise error
