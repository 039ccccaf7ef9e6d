"""One operation of the document, and the facts about it that decide what it can answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from api.auth.guard import COUNTED
from api.permissions import PUBLIC, Access, access_of

METHODS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path; `content` is its part of the document."""

    method: str
    path: str
    content: dict[str, Any]
    shared: list[dict[str, Any]]
    """Parameters of the path."""

    @property
    def id(self) -> str:
        return str(self.content["operationId"])

    @property
    def access(self) -> Access:
        """What it asks of its caller, from the one table."""
        return access_of(self.method, re.sub(r"{(\w+)}", r"<\1>", self.path)) or PUBLIC

    @property
    def looks_at_keys(self) -> bool:
        """A key is counted wherever it is used, but by probes."""
        return self.path.startswith(COUNTED)

    @property
    def parameters(self) -> list[dict[str, Any]]:
        return [*self.shared, *self.content.get("parameters", [])]

    def takes(self, name: str) -> bool:
        return any(one["name"] == name for one in self.parameters)

    def answer(self, document: dict[str, Any]) -> dict[str, Any]:
        """The schema of a 200."""
        (content,) = self.content["responses"]["200"]["content"].values()
        return resolved(content["schema"], document)


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(method.upper(), path, item[method], item.get("parameters", []))


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
