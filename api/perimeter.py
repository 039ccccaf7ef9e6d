"""What stands between the world and the views, put together: limits, rules for browsers, a line of log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask_cors import CORS
from flask_cors.core import get_cors_headers, get_cors_options
from werkzeug.datastructures import Headers

from api import access_log, browser_rules
from api.limiting.gate import Gate
from api.limiting.quotas import Quotas

EXPOSED = (
    "ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-As-Of-Block",
    "X-Lag-Seconds", "X-Request-Id",
)  # fmt: skip
ALLOWED = (
    "Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
    "Last-Event-ID", "X-API-Key", "X-CSRF-TOKEN", "X-Request-Id",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PREFLIGHT_SECONDS = 7200
"""The longest that any browser keeps such an answer."""
UNLIMITED = Quotas(auth=None, read=None, write=None)


@dataclass(frozen=True, slots=True)
class Perimeter:
    """What is between an application and the world; by default no limits, no foreign pages, no log."""

    gate: Gate = field(default_factory=lambda: Gate(UNLIMITED))
    origins: tuple[str, ...] = ()
    """Whose pages may call us from a browser, with cookies."""
    https_only: bool = False
    """Tell browsers never to come by plain http again."""
    logs_access: bool = False

    def register(self, app: Flask) -> None:
        """Must come before anything else that looks at requests."""
        access_log.register(app, enabled=self.logs_access)
        self.gate.register(app)
        browser_rules.register(app, https_only=self.https_only)
        if self.origins:
            CORS(app, **self._foreign_pages())

    def headers_for(self, app: Flask, origin: str | None) -> list[tuple[str, str]]:
        """What an answer to a plain GET from a page of that origin carries, beside its own headers."""
        rules = list(browser_rules.in_force(https_only=self.https_only).items())
        if not self.origins:
            return rules
        asking = Headers({"Origin": origin} if origin else {})
        allowed = get_cors_headers(get_cors_options(app, self._foreign_pages()), asking, "GET")
        return rules + [(name, str(value)) for name, value in allowed.items(multi=True)]

    def _foreign_pages(self) -> dict[str, Any]:
        return {
            "origins": list(self.origins),
            "supports_credentials": True,
            "expose_headers": list(EXPOSED),
            "allow_headers": list(ALLOWED),
            "methods": list(METHODS),
            "max_age": PREFLIGHT_SECONDS,
        }
