"""Every operation of the API with an example of each of its path parameters, read from what the API says of itself.

A new operation is among them as soon as it exists. One with a path parameter of a new kind needs an example here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from builders import ALICE, hash_of, object_id
from flask import Flask
from jsonschema import Draft202012Validator

from api.openapi import openapi_json

EXAMPLES = {
    "tokenId": "1",
    "walletAddress": ALICE,
    "hash": hash_of("nothing"),
    "id": str(object_id("nothing")),
    "code": "not-found",
}
DOCUMENT: dict[str, Any] = orjson.loads(openapi_json())


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as documented."""

    method: str
    path: str
    described: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def query(self) -> dict[str, dict[str, Any]]:
        """Query parameter → schema."""
        return {one["name"]: one["schema"] for one in self._parameters("query")}

    @property
    def needed(self) -> dict[str, Any]:
        """An example of each query parameter without which there is no answer."""
        return {one["name"]: one["example"] for one in self._parameters("query") if one.get("required")}

    @property
    def in_path(self) -> dict[str, dict[str, Any]]:
        """Path parameter → schema."""
        return {one["name"]: one["schema"] for one in self._parameters("path")}

    @property
    def body(self) -> dict[str, Any] | None:
        """The schema of a JSON body, None where there is none."""
        content = self.described.get("requestBody", {}).get("content", {}).get("application/json")
        return resolved(content["schema"]) if content else None

    def url(self, **given: str) -> str:
        """With examples, except for what is given."""
        values = {name: quote(given.get(name, EXAMPLES.get(name, "1")), safe="") for name in self.in_path}
        return self.path.format(**values)

    def _parameters(self, place: str) -> list[dict[str, Any]]:
        shared = DOCUMENT["paths"][self.path].get("parameters", [])
        return [one for one in [*shared, *self.described.get("parameters", [])] if one["in"] == place]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


OPERATIONS = [
    Operation(method.upper(), path, described)
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
    if method != "parameters"
]


def routes(app: Flask) -> list[tuple[str, set[str]]]:
    """URL with examples, and methods, of every route, documented or not."""
    return [
        (
            re.sub(r"<(?:\w+:)?(\w+)>", lambda found: EXAMPLES.get(found[1], "1"), rule.rule),
            set(rule.methods or ()),
        )
        for rule in app.url_map.iter_rules()
    ]


def may_accept(schema: dict[str, Any], text: str) -> bool:
    """Does the document say that a query parameter may have this text as its value?"""
    schema = resolved(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return any(validator.is_valid(value) for value in _readings(schema, text))


def _readings(schema: dict[str, Any], text: str) -> list[Any]:
    kinds = schema.get("type", "string")
    readings: list[Any] = []
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind == "integer" and re.fullmatch("-?[0-9]{1,30}", text):
            readings.append(int(text))
        if kind == "boolean" and text in ("true", "false"):
            readings.append(text == "true")
        if kind == "array":
            readings.append(text.split(","))
        if kind == "string":
            readings.append(text)
    return readings
