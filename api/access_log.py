"""One record for each request: who, what, how it went, how long. Never what it carried.

Of the query only the names of parameters are kept, of the path only what names no secret: values of queries,
headers, cookies and bodies may be credentials.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence

from flask import Flask, Response, g, request

from api.auth.by_key import seen_key
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
    rule, key = request.url_rule, seen_key()
    write(
        (request.method, rule.rule if rule else "(no such path)", response.status_code),
        shown(request.path),
        names(request.args),
        client=request.remote_addr,
        began=g.begun,
        length=response.content_length,
        request_id=request_id(),
        key=None if key is None else {"key_id": str(key["_id"]), "key_name": key["name"]},
    )
    return response


def write(
    outcome: tuple[str, str, int],
    path: str,
    parameters: Sequence[str],
    *,
    client: str | None,
    began: float,
    length: int | None,
    request_id: str,
    key: Mapping[str, str | None] | None = None,
) -> None:
    """One record: method, route and status; `began` by `time.perf_counter`, `length` in bytes.

    `key`: id and name of the API key that was used, never the key.
    """
    logger.info(
        "%s %s %s",
        *outcome,
        extra={
            "path": path,
            "parameters": parameters,
            "client": client,
            "milliseconds": round((time.perf_counter() - began) * 1000, 2),
            "bytes": length,
            "request_id": request_id,
            **(key or {}),
        },
    )


def names(parameters: Iterable[str]) -> list[str]:
    """Of a query, only what its parameters are called."""
    return sorted(map(shown, parameters))


def shown(text: str) -> str:
    """Fit for one line, whatever a stranger put in."""
    return text.encode("unicode_escape").decode()[:MAX_CHARACTERS]
