"""The OpenAPI document made whole: what the schemas that validate cannot say, the tables that decide do.

Who may ask is from `api.permissions`, which errors can come from the catalogue, examples from the guide.
"""

from __future__ import annotations

from typing import Any

from api.description.errors import Failures
from api.description.examples import add_examples
from api.description.links import LINKS
from api.description.operation import Operation, operations_of
from api.description.words import INFORMATION, SECURITY_SCHEMES, TAGS

__all__ = ["described"]

LIMITS = {"ProofBody": {"minProperties": 1, "maxProperties": 1}, "UserChange": {"minProperties": 1}}
"""Schema → what is checked of it as a whole, which its fields cannot say."""


def described(document: dict[str, Any]) -> dict[str, Any]:
    """The document with security, errors, examples and links; changes what it is given."""
    document["info"] |= INFORMATION
    document["servers"] = [{"url": "/", "description": "The server that this document came from."}]
    document["components"]["securitySchemes"] = dict(SECURITY_SCHEMES)
    for name, limits in LIMITS.items():
        document["components"]["schemas"][name] |= limits
    failures = Failures(document)
    for operation in operations_of(document):
        operation.content["security"] = _security(operation)
        failures.describe(operation)
        add_examples(operation, document)
        _link(operation)
    used = {tag for operation in operations_of(document) for tag in operation.content["tags"]}
    document["tags"] = [{"name": name, "description": TAGS.get(name, "")} for name in sorted(used)]
    return document


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if not operation.looks_at_keys:
        return []
    credentials: list[dict[str, list[str]]] = [{name: []} for name in operation.access.credentials]
    return [{}, *credentials] if operation.access.is_public else credentials


def _link(operation: Operation) -> None:
    links = LINKS.get(operation.id)
    if links:
        operation.content["responses"]["200"]["links"] = links
