"""Which errors an operation can give, each with its code and an example."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from api.catalogue import CATALOGUE
from api.description.operation import Operation
from api.entries import Entry
from api.limiting.quotas import PROBE, class_of

PROBLEM = "application/problem+json"
REQUEST_ID = "b1b19b3e1c8a46e6b67665fbb82464e2"
NEVER_SAID = ("sign-in-refused", "method-not-allowed")
"""One stands for all reasons of a refusal; the other is what a path says of methods it does not have."""
FEW = 3

REPLACING_A_FACTOR = ("enrollSecondFactor", "confirmSecondFactor")
ASKED_IN_THE_BODY = "batchAssets"


def _takes_a_block(operation: Operation) -> bool:
    return operation.takes("asOfBlock") or operation.id == ASKED_IN_THE_BODY


CONDITIONS: dict[str, Callable[[Operation], bool]] = {
    "unauthenticated": lambda operation: operation.access.role is not None or operation.access.cookie,
    "credentials-ambiguous": lambda operation: operation.looks_at_keys,
    "forbidden": lambda operation: operation.access.role is not None and not operation.access.own_way,
    "mfa-required": lambda operation: operation.access.mfa or operation.id in REPLACING_A_FACTOR,
    "cross-site": lambda operation: operation.access.cookie,
    "not-yet-indexed": lambda operation: operation.takes("minBlock") or _takes_a_block(operation),
    "cursor-orphaned": lambda operation: operation.takes("cursor"),
    "block-replaced": _takes_a_block,
    "before-history": _takes_a_block,
    "history-unavailable": _takes_a_block,
}
"""Code → which of the operations that can have its status can give it; what is not here, all of them."""


class Failures:
    """Describes errors; equal sets of codes are described once, among the components."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._responses: dict[str, Any] = {}
        self._names: dict[tuple[str, ...], str] = {}
        self._not_modified = document["components"]["responses"].get("NOT_MODIFIED")
        document["components"]["responses"] = self._responses
        if self._not_modified:
            self._responses["NOT_MODIFIED"] = {"description": "What the caller has is still right."}

    def describe(self, operation: Operation) -> None:
        """Say of each status of an error which codes it can have here."""
        responses = operation.content["responses"]
        statuses = {int(status) for status in responses if status not in ("200", "304")}
        always = {500}
        always |= {401} if operation.looks_at_keys else set()
        always |= {429} if class_of(operation.method, operation.path) is not PROBE else set()
        for status in sorted(statuses | always):
            entries = codes_of(operation, status)
            responses[str(status)] = self._reference(status, entries, operation)
        operation.content["responses"] = dict(sorted(responses.items()))

    def _reference(self, status: int, entries: list[Entry], operation: Operation) -> dict[str, str]:
        codes = [entry.code for entry in entries]
        short = 0 < len(codes) <= FEW
        own = ".".join(codes) if short else f"{HTTPStatus(status).name}.{operation.id}"
        name = self._names.setdefault(tuple(codes) or (operation.id, str(status)), own)
        self._responses.setdefault(name, _response(status, entries))
        return {"$ref": f"#/components/responses/{name}"}


def codes_of(operation: Operation, status: int) -> list[Entry]:
    """The errors with this status that an operation can give."""
    return [entry for entry in CATALOGUE.values() if entry.status == status and _can(operation, entry)]


def _can(operation: Operation, entry: Entry) -> bool:
    if entry.code in NEVER_SAID or (entry.only and operation.id not in entry.only):
        return False
    condition = CONDITIONS.get(entry.code)
    return condition is None or condition(operation)


def _response(status: int, entries: list[Entry]) -> dict[str, Any]:
    problem: dict[str, Any] = {"$ref": "#/components/schemas/ProblemBody"}
    titles = dict.fromkeys(entry.title for entry in entries)
    codes = {"properties": {"code": {"enum": [entry.code for entry in entries]}, "status": {"const": status}}}
    response: dict[str, Any] = {
        "description": "; ".join([*titles][:FEW]) or HTTPStatus(status).phrase,
        "content": {
            PROBLEM: {
                "schema": {"allOf": [problem, codes]},
                "examples": {
                    entry.code: {"summary": entry.title, "value": _problem(entry)} for entry in entries
                },
            }
        },
    }
    return response


def _problem(entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": entry.url,
        "title": entry.title,
        "status": entry.status,
        "detail": entry.meaning,
        "instance": "/api/assets",
        "code": entry.code,
        "requestId": REQUEST_ID,
        "errors": [],
        "error": entry.meaning,
    }
    return shown | _MORE.get(entry.code, {})


_MORE: dict[str, dict[str, Any]] = {
    "invalid-request": {
        "detail": "limt: is not a parameter here; did you mean limit?",
        "error": "limt: is not a parameter here; did you mean limit?",
        "errors": [
            {"field": "limt", "location": "query", "message": "is not a parameter here; did you mean limit?"}
        ],
    },
    "cursor-orphaned": {"links": {"start": "/api/assets?limit=20"}},
    "block-replaced": {"links": {"start": "/api/assets?limit=20&asOfBlock=69"}},
    "events-gone": {"links": {"start": "/api/events?after=4711"}},
}
