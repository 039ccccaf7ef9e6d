"""The errors of this API, explained: where the `type` of every problem leads."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request

from api import browser_rules
from api.catalogue import CATALOGUE, html
from api.documentation import STYLE, framed
from api.endpoints import Blueprint
from api.entries import Entry
from api.nearest import nearest
from api.problems import NotFound
from api.requests import NothingElse
from api.schemas.errors import ErrorList, OneError

blueprint = Blueprint("errors", __name__, url_prefix="/api/errors")

SHOWN = ("code", "status", "title", "meaning", "cause", "remedy")


@blueprint.answers("", "listErrors", ErrorList, NothingElse)
def list_errors(_query: Any) -> Response:
    """List every error code with its meaning, cause and remedy; a browser gets a page."""
    return _answer({"errors": [_shown(entry) for entry in CATALOGUE.values()]}, *CATALOGUE.values())


@blueprint.answers("/<code>", "showError", OneError, NothingElse, 404)
def show_error(_query: Any, code: str) -> Response:
    """Explain one error code; this is where the `type` of a problem leads."""
    entry = CATALOGUE.get(code)
    if entry is None:
        near = nearest(code, CATALOGUE)
        raise NotFound(f"no error code {code}; " + (f"did you mean {near}?" if near else "see /api/errors"))
    return _answer({"error": _shown(entry)}, entry)


def _shown(entry: Entry) -> dict[str, Any]:
    return {"type": entry.url, **{name: getattr(entry, name) for name in SHOWN}}


def _answer(body: dict[str, Any], *entries: Entry) -> Response:
    response = browser_rules.page(framed("Errors", html(*entries)), STYLE) if _for_eyes() else jsonify(body)
    response.headers["Vary"] = "Accept"
    return response


def _for_eyes() -> bool:
    best = request.accept_mimetypes.best_match(["application/json", "text/html"], "application/json")
    return best == "text/html"
