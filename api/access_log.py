"""One record for each request: who, what, how it went, how long. Never what it carried.

Of the query only the names of parameters are kept, of the path only what names no secret: values of queries,
headers, cookies and bodies may be credentials.
"""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from api.auth.principal import known_principal
from api.problems import request_id

logger = logging.getLogger("api.access")

MAX_CHARACTERS = 200


def register(app: Flask, *, enabled: bool) -> None:
    """Write a record for every request where enabled; must be registered first, so that it sees the end."""
    if enabled:
        app.before_request(_begin)
        app.after_request(_write)


def _begin() -> None:
    g.begun = time.perf_counter()


def _write(response: Response) -> Response:
    rule, caller = request.url_rule, known_principal()
    key = {"key_id": caller.key_id, "key_name": caller.key_name} if caller and caller.key_id else {}
    logger.info(
        "%s %s %s",
        request.method,
        rule.rule if rule else "(no such path)",
        response.status_code,
        extra={
            "path": _shown(request.path),
            "parameters": sorted(map(_shown, request.args)),
            "client": request.remote_addr,
            "milliseconds": round((time.perf_counter() - g.begun) * 1000, 2),
            "bytes": response.content_length,
            "request_id": request_id(),
            **key,
        },
    )
    return response


def _shown(text: str) -> str:
    """Fit for one line, whatever a stranger put in."""
    return text.encode("unicode_escape").decode()[:MAX_CHARACTERS]
