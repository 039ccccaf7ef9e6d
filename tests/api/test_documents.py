"""What is written about the API is true: the committed OpenAPI document, and every example of docs/api.md."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.description.examples import FILE, completed
from api.openapi import openapi_json
from api.problems import Problem
from tools import guide_examples

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "api.md").read_text()


def operations() -> dict[str, Any]:
    paths = json.loads(openapi_json())["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
        if method != "parameters"
    }


def sections() -> dict[str, str]:
    """Text under the heading of each operation."""
    parts = re.split(
        r"^### `(\w+ /\S*)`$", re.split(r"^## Assets$", GUIDE, flags=re.MULTILINE)[1], flags=re.MULTILINE
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_committed_openapi_document_is_the_one_that_is_served(client):
    committed = (DOCS / "openapi.json").read_bytes()

    assert committed == openapi_json(), "regenerate it: python -m api.openapi > docs/openapi.json"
    assert json.loads(committed) == client.get("/api/openapi.json").json


def test_the_examples_that_are_shipped_are_those_of_the_guide():
    assert FILE.read_text() == guide_examples.text(), "regenerate them: make openapi"


def test_the_page_for_readers_has_every_operation_and_loads_nothing_from_elsewhere(client):
    response = client.get("/api/docs")

    assert response.mimetype == "text/html"
    assert {f'<h2 id="{one["operationId"]}">' in response.text for one in operations().values()} == {True}
    assert re.findall(r"(?:src|href|action)=[\"']?(?:\w+:)?//|url\(|@import", response.text) == []
    assert response.text.count('<pre class="curl">curl ') == len(operations())


def test_the_page_may_run_its_own_search_and_nothing_else(client):
    policy = client.get("/api/docs").headers["Content-Security-Policy"]
    (script,) = re.findall("<script>(.*?)</script>", client.get("/api/docs").text, re.DOTALL)

    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy


def test_the_guide_has_a_section_for_each_operation_and_for_nothing_else():
    assert sections().keys() == operations().keys()


@pytest.mark.parametrize("operation", operations())
def test_the_example_of_an_operation_is_an_answer_it_can_give(operation):
    example = re.search(r"^```json\n(.*?)^```", sections()[operation], re.MULTILINE | re.DOTALL)
    assert example, "a section needs an example"
    document = json.loads(openapi_json())
    (answer,) = operations()[operation]["responses"]["200"]["content"].values()
    content = answer["schema"]
    shape = document["components"]["schemas"][content["$ref"].rpartition("/")[2]]

    told = completed(json.loads(example[1]), shape)

    Draft202012Validator({**content, "components": document["components"]}).validate(told)


@pytest.mark.parametrize("operation", operations())
def test_the_guide_names_the_parameters_of_each_operation(operation):
    named = {one["name"] for one in operations()[operation].get("parameters", []) if one["in"] == "query"}

    assert {name for name in named if not re.search(rf"`{name}(=[^`]*)?`", GUIDE)} == set()


def test_the_guide_names_every_code_of_a_problem():
    codes = {kind.code for kind in Problem.__subclasses__()}
    listed = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", GUIDE, re.MULTILINE)

    assert codes <= {code for _, code in listed}
    assert {(kind.status, kind.code) for kind in Problem.__subclasses__()} <= {
        (int(s), code) for s, code in listed
    }
