"""How many requests, and how long they took, by route and status; summed over all workers of a server.

With a folder, each worker process writes its figures there (prometheus_client's multiprocess mode) and
whichever is asked adds them up. Without one, a process speaks for itself.
"""

from __future__ import annotations

import time
from functools import cache

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Seconds; the last one is the longest that a request may wait for a block."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
"""Stands for every path that is none of ours: labels must not grow with what strangers ask."""


class HttpMetrics:
    """Counts the requests of one application."""

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "dvault_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "dvault_http_request_duration_seconds",
            "From the first byte of a request to the answer.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._of = cache(self._labelled)

    def watch(self, app: Flask) -> None:
        """Count every request of the application from now on."""
        # First of all: what a guard refuses is counted too.
        app.before_request_funcs.setdefault(None, []).insert(0, _begin)
        app.after_request(self._count)

    def registry(self) -> CollectorRegistry:
        """Figures as of now."""
        if self._folder is None:
            return self._registry
        summed = CollectorRegistry()
        MultiProcessCollector(summed, path=self._folder)  # type: ignore[no-untyped-call]
        return summed

    def count(self, method: str, route: str, status: int, began: float) -> None:
        """Count a request that began at that time of `time.perf_counter`."""
        requests, seconds = self._of(method, route, status)
        requests.inc()
        seconds.observe(time.perf_counter() - began)

    def _labelled(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)

    def _count(self, response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else UNMATCHED
        method = request.method if request.method in METHODS else "other"
        self.count(method, route, response.status_code, g.began)
        return response


def _begin() -> None:
    g.began = time.perf_counter()
