"""`GET /metrics`: everything that Prometheus may want to know, in its text format."""

from __future__ import annotations

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from api.http_metrics import HttpMetrics
from api.indexer_metrics import IndexerCollector
from api.services import Services


def expose_metrics(app: Flask, services: Services, folder: str | None) -> HttpMetrics:
    """Count requests from now on, and answer `/metrics`; workers with one `folder` are summed up."""
    http = HttpMetrics(folder)
    http.watch(app)
    indexer = CollectorRegistry()
    indexer.register(IndexerCollector(services.reading, services.clock))

    def show_metrics() -> Response:
        text = generate_latest(http.registry()) + generate_latest(indexer)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})

    app.add_url_rule("/metrics", "metrics", show_metrics)
    return http
