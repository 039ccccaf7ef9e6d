"""A line that asks what an operation answers, to be pasted into a shell."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

import orjson

from api.description.operation import Operation

ORIGIN = '<span class="origin">http:&#47;&#47;127.0.0.1:8080</span>'
SHOWN = ("limit", "interval", "walletAddress")
"""Optional query parameters that an example is better with."""
TOKEN = "-H 'Authorization: Bearer eyJhbGciOi…'"


def curl_of(operation: Operation) -> str:
    """As HTML; the page puts in where it came from."""
    parts = ["curl", *_options(operation)]
    url = f"'{ORIGIN}{escape(_filled(operation))}'"
    return f"{' '.join(map(escape_text, parts))} {url}{_body(operation)}"


def escape_text(text: str) -> str:
    return escape(text, quote=False)


def _options(operation: Operation) -> list[str]:
    options = [] if operation.method == "GET" else [f"-X {operation.method}"]
    if operation.access.role is not None:
        options.append(TOKEN)
    elif operation.access.cookie:
        options.append("-b 'refresh_token=eyJhbGciOi…' -H 'Content-Type: application/json'")
    if operation.path == "/api/stream":
        options.insert(0, "-N")
    return options


def _filled(operation: Operation) -> str:
    path, query = operation.path, []
    for parameter in operation.parameters:
        text = quote(spelled(parameter["example"]), safe=":,")
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", text)
        elif parameter.get("required") or parameter["name"] in SHOWN:
            query.append(f"{parameter['name']}={text}")
    return path + (f"?{'&'.join(query)}" if query else "")


def _body(operation: Operation) -> str:
    content = operation.content.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        return " -F file=@picture.jpg"
    example = content.get("application/json", {}).get("example")
    if example is None:
        return ""
    text = orjson.dumps(example).decode().replace("'", "'\\''")
    return escape_text(f" \\\n  -H 'Content-Type: application/json' -d '{text}'")


def spelled(example: Any) -> str:
    """A value as a URL spells it."""
    if isinstance(example, list):
        return ",".join(map(str, example))
    return str(example).lower() if isinstance(example, bool) else str(example)
