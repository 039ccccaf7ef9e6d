"""The OpenAPI document as a page for people: plain HTML, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

Part = Mapping[str, Any]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { font-size: 1.1rem; margin: 2.5rem 0 0; border-top: 1px solid #8884; padding-top: 1rem }
code, h2 { font-family: ui-monospace, monospace } table { border-collapse: collapse; font-size: .9rem }
td { padding: .1rem 1rem .1rem 0; vertical-align: top } :root { color-scheme: light dark }
"""
INTRODUCTION = """For programs: <a href="openapi.json">openapi.json</a>.
When something fails: <a href="errors">errors</a>.
Every answer that comes from the chain says in <code>asOf</code> at which block it is true."""


def page(document: Part) -> str:
    """A page of all operations: what each is for, its parameters, its answers."""
    operations = "".join(
        _operation(method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    )
    return framed(f"{document['info']['title']} API", f"<p>{INTRODUCTION}</p>{operations}")


def framed(title: str, content: str) -> str:
    """A whole page around some HTML."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en">{head}<h1>{escape(title)}</h1>{content}</html>'


def _operation(method: str, path: str, operation: Part) -> str:
    texts = [operation[name] for name in ("summary", "description") if name in operation]
    told = "".join(f"<p>{escape(text)}</p>" for text in texts)
    rows = "".join(_row(parameter) for parameter in _parameters(operation))
    statuses = ", ".join(sorted(operation["responses"]))
    heading = f'<h2 id="{escape(operation["operationId"])}">{method} {escape(path)}</h2>'
    return f"{heading}{told}<table>{rows}</table><p>Answers {statuses}.</p>"


def _row(parameter: Part) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in _cells(parameter)) + "</tr>"


def _parameters(operation: Part) -> Iterator[Part]:
    yield from operation.get("parameters", ())
    if "requestBody" in operation:
        yield {"name": "body", "in": "JSON", "schema": {}, "required": True}


def _cells(parameter: Part) -> Iterator[str]:
    yield f"<code>{escape(parameter['name'])}</code>"
    yield escape(parameter["in"]) + (", required" if parameter.get("required") else "")
    schema = parameter["schema"]
    choice = schema.get("enum") or schema.get("items", {}).get("enum")
    yield escape(", ".join(map(str, choice)) if choice else str(schema.get("type", "")))
    yield escape(parameter.get("description", ""))
