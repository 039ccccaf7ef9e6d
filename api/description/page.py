"""The OpenAPI document as a page for people: to look something up, and to try it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from typing import Any

import orjson

from api.description.curl import curl_of, spelled
from api.description.operation import Operation, operations_of
from api.documentation import STYLE as PLAIN
from api.documentation import framed

STYLE = (
    PLAIN
    + """
body { max-width: none; margin: 0; padding: 0 2rem 4rem 21rem } main { max-width: 62rem }
nav { position: fixed; inset: 0 auto 0 0; width: 18rem; overflow: auto; padding: 1rem; box-sizing: border-box;
  border-right: 1px solid #8884; font-size: .85rem }
nav input { width: 100%; box-sizing: border-box; font: inherit; padding: .4rem; margin-bottom: .5rem }
nav h3 { margin: 1rem 0 .2rem; font-size: .8rem; text-transform: uppercase; opacity: .7 }
nav a { display: grid; grid-template-columns: 3.7rem 1fr; text-decoration: none; color: inherit;
  padding: .1rem 0; overflow-wrap: anywhere } nav a[hidden] { display: none }
nav a:hover { text-decoration: underline }
b { display: inline-block; min-width: 3.6rem; font: bold .75rem ui-monospace, monospace }
.GET { color: #2a7fbf } .POST { color: #2b8a3e } .PUT, .PATCH { color: #b5731d } .DELETE { color: #c92a2a }
h2 b { font-size: 1rem; min-width: 4.5rem }
pre { background: #8881; padding: .7rem 1rem; overflow: auto; border-radius: .3rem; font-size: .82rem;
  max-height: 26rem; margin: .5rem 0 } pre.curl { white-space: pre-wrap; overflow-wrap: anywhere }
table { margin: .7rem 0; width: 100% } td:last-child { width: 40% } td code { overflow-wrap: anywhere }
td:first-child code { overflow-wrap: normal }
th { text-align: left; padding: .1rem 1rem .1rem 0; font-weight: 600; opacity: .7 }
summary { cursor: pointer } .who { font-size: .9rem; opacity: .8 } [hidden] { display: none }
@media (max-width: 60rem) { body { padding: 0 1rem 4rem } nav { position: static; width: auto; border: 0;
  padding: 1rem 0; max-height: 18rem } }
"""
)
SCRIPT = """
const wanted = document.querySelector("nav input");
const matches = (element) => wanted.value.toLowerCase().split(" ")
  .every((word) => element.dataset.words.includes(word));
wanted.addEventListener("input", () => {
  for (const element of document.querySelectorAll("[data-words]")) element.hidden = !matches(element);
  for (const group of document.querySelectorAll("nav section"))
    group.hidden = !group.querySelector("a:not([hidden])");
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== wanted) { event.preventDefault(); wanted.focus(); }
});
for (const origin of document.querySelectorAll(".origin")) origin.textContent = location.origin;
"""
INTRODUCTION = """<p>For programs: <a href="openapi.json">openapi.json</a>. When something fails:
<a href="errors">errors</a>. Every answer that comes from the chain says in <code>asOf</code> at which block
it is true. Amounts are exact in <code>…Wei</code>; the numbers beside them are ether, for display.</p>"""
WORDS = {"session": "a sign-in", "key": "an API key", "refresh": "the refresh cookie"}


def page(document: Mapping[str, Any]) -> str:
    """A page of all operations: what each is for, how to ask, what it answers."""
    operations = list(operations_of(dict(document)))
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    content = "".join(_section(operation, document) for operation in operations)
    title = f"{document['info']['title']} API"
    body = f"{_navigation(operations, tags)}<main>{INTRODUCTION}{content}</main><script>{SCRIPT}</script>"
    return framed(title, body, STYLE)


def _navigation(operations: list[Operation], tags: Mapping[str, str]) -> str:
    by_tag = sorted(operations, key=lambda operation: str(operation.content["tags"][0]))
    groups = (
        f'<section><h3 title="{escape(tags[tag])}">{escape(tag)}</h3>{"".join(map(_entry, found))}</section>'
        for tag, found in groupby(by_tag, lambda operation: str(operation.content["tags"][0]))
    )
    search = '<input type="search" placeholder="Search ( / )" aria-label="Search" autocomplete="off">'
    return f"<nav>{search}{''.join(groups)}</nav>"


def _entry(operation: Operation) -> str:
    return f'<a href="#{operation.id}"{_searched(operation)}>{_method(operation)}{escape(operation.path)}</a>'


def _searched(operation: Operation) -> str:
    names = [str(one["name"]) for one in operation.parameters]
    told = [operation.method, operation.path, operation.id, operation.content["summary"], *names]
    return f' data-words="{escape(" ".join(told).lower())}"'


def _method(operation: Operation) -> str:
    return f'<b class="{operation.method}">{operation.method}</b>'


def _section(operation: Operation, document: Mapping[str, Any]) -> str:
    texts = [operation.content[name] for name in ("summary", "description") if name in operation.content]
    told = "".join(f"<p>{escape(text)}</p>" for text in texts)
    parts = (
        f'<h2 id="{operation.id}">{_method(operation)} {escape(operation.path)}</h2>{told}',
        f'<p class="who">{_who(operation)}</p>{_parameters(operation)}',
        f'<pre class="curl">{curl_of(operation)}</pre>{_answer(operation)}{_errors(operation, document)}',
    )
    return f"<section{_searched(operation)}>{''.join(parts)}</section>"


def _who(operation: Operation) -> str:
    access = operation.access
    if access.is_public and not access.cookie:
        return "Everybody may."
    able = " or ".join(WORDS[name] for name in access.credentials)
    role = f" with the role <code>{access.role}</code>" if access.role not in (None, "user") else ""
    factor = ", and a second factor proven lately" if access.mfa else ""
    return f"Needs {able}{role}{factor}."


def _parameters(operation: Operation) -> str:
    if not operation.parameters:
        return ""
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in _cells(parameter)) + "</tr>"
        for parameter in operation.parameters
    )
    return f"<table><tr><th>parameter<th>in<th>may be<th>example<th></tr>{rows}</table>"


def _cells(parameter: Mapping[str, Any]) -> Iterator[str]:
    schema = parameter["schema"]
    choice = schema.get("enum") or schema.get("items", {}).get("enum")
    yield f"<code>{escape(parameter['name'])}</code>"
    yield escape(parameter["in"]) + (", required" if parameter.get("required") else "")
    yield escape(", ".join(map(str, choice)) if choice else str(schema.get("type", "")))
    yield f"<code>{escape(spelled(parameter['example']))}</code>"
    yield escape(parameter.get("description", ""))


def _answer(operation: Operation) -> str:
    ((kind, content),) = operation.content["responses"]["200"]["content"].items()
    if "example" not in content:
        return ""
    shown = orjson.dumps(content["example"], option=orjson.OPT_INDENT_2).decode()
    return f"<details><summary>200 <code>{kind}</code></summary><pre>{escape(shown)}</pre></details>"


def _errors(operation: Operation, document: Mapping[str, Any]) -> str:
    codes = [
        f'<tr><td>{status}</td><td><a href="errors/{code}"><code>{code}</code></a></td>'
        f"<td>{escape(example['summary'])}</td></tr>"
        for status, found in sorted(operation.content["responses"].items())
        if status[0] in "45"
        for code, example in _examples(found, document).items()
    ]
    table = f"<table>{''.join(codes)}</table>"
    return f"<details><summary>{len(codes)} errors it can give</summary>{table}</details>"


def _examples(response: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    found = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    examples: dict[str, Any] = found["content"]["application/problem+json"]["examples"]
    return examples
