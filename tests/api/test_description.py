"""What the OpenAPI document says of every operation, held to the tables that decide, and to real answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from builders import ALICE, BOB, ETHER, Seed, asset, chain_events, deed, price, reorg
from jsonschema import Draft202012Validator

from api.catalogue import CATALOGUE
from api.description.links import LINKS
from api.limiting.quotas import PROBE, class_of
from api.permissions import PERMISSIONS
from api.schemas.shapes import SUM, WEI
from tests.api.operations_of import DOCUMENT, OPERATIONS, Operation, resolved

PROBLEM = "application/problem+json"
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
EXACT_ONLY = {"gasPriceWei", "initialPriceWei", "selfTradedWei"}
"""Amounts that nobody shows in ether."""
IN_TIME = re.compile(r"(At|Since|Login|timestamp|^start|^end)$")
NOT_TIMES = {("ProblemLinks", "start")}
IDS = {"ids": str}


def is_valid(schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(whole, format_checker=checker).validate(value)


def answers(operation: Operation) -> dict[str, dict[str, Any]]:
    """Status → response, references followed."""
    found = operation.described["responses"]
    return {status: DOCUMENT["components"]["responses"][one["$ref"].rpartition("/")[2]] if "$ref" in one
            else one for status, one in found.items()}  # fmt: skip


def content_of(operation: Operation) -> dict[str, Any]:
    (content,) = answers(operation)["200"]["content"].values()
    return dict(content)


def test_every_operation_has_a_name_of_its_own():
    names = [one.described["operationId"] for one in OPERATIONS]

    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z][A-Za-z]+", name) for name in names)


@pytest.mark.parametrize("operation", OPERATIONS, **IDS)
def test_an_operation_says_what_it_does_and_shows_each_parameter_its_body_and_its_answer(operation):
    described = operation.described
    assert described["summary"].endswith(".")
    assert DOCUMENT["tags"][[tag["name"] for tag in DOCUMENT["tags"]].index(described["tags"][0])][
        "description"
    ]

    for parameter in [
        *DOCUMENT["paths"][operation.path].get("parameters", []),
        *described.get("parameters", []),
    ]:
        is_valid(parameter["schema"], parameter["example"])
    for kind, content in described.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            assert "example" in content, "add a block ```json request to its section of docs/api.md"
            is_valid(content["schema"], content["example"])
    is_valid(content_of(operation)["schema"], content_of(operation)["example"])


@pytest.mark.parametrize("operation", OPERATIONS, **IDS)
def test_an_error_is_a_problem_with_the_codes_it_can_have(operation):
    failures = {status: one for status, one in answers(operation).items() if status[0] in "45"}
    assert {"400", "500"} <= set(failures)
    if class_of(operation.method, operation.path) is not PROBE:
        assert "429" in failures

    for status, failure in failures.items():
        content = failure["content"][PROBLEM]
        assert content["examples"], f"{status} has no code"
        for code, example in content["examples"].items():
            assert CATALOGUE[code].status == int(status)
            is_valid(content["schema"], example["value"])


def test_codes_that_belong_to_some_operations_name_operations_that_exist():
    known = {one.described["operationId"] for one in OPERATIONS} | {"showMedia"}

    assert {name for entry in CATALOGUE.values() for name in entry.only} <= known


def test_every_code_can_come_from_somewhere():
    said = {code for one in OPERATIONS for status, answer in answers(one).items() if status[0] in "45"
            for code in answer["content"][PROBLEM]["examples"]}  # fmt: skip

    assert set(CATALOGUE) - said == {"method-not-allowed", "sign-in-refused", "link-invalid"}


@pytest.mark.parametrize("operation", OPERATIONS, **IDS)
def test_who_may_is_what_the_table_of_permissions_says(operation):
    rule = re.sub("{(.*?)}", r"<\1>", operation.path)
    access = PERMISSIONS[f"{operation.method} {rule}"]
    schemes = [next(iter(one), None) for one in operation.described["security"]]

    if not operation.path.startswith("/api/"):
        assert schemes == []
        return
    assert [name for name in schemes if name] == list(access.credentials)
    assert (None in schemes) == access.is_public
    assert all(name in DOCUMENT["components"]["securitySchemes"] for name in schemes if name)
    assert "401" in answers(operation)


def test_links_lead_to_parameters_that_exist():
    by_id = {one.described["operationId"]: one for one in OPERATIONS}
    for source, links in LINKS.items():
        assert by_id[source].described["responses"]["200"]["links"] == links
        for link in links.values():
            target = by_id[link["operationId"]]
            assert set(link["parameters"]) <= {*target.query, *target.in_path}


def properties() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Schema, name and schema of every property."""
    for schema, content in SCHEMAS.items():
        for name, one in content.get("properties", {}).items():
            yield schema, name, one


def kinds(schema: dict[str, Any]) -> set[str]:
    found = schema.get("type", [])
    return {found} if isinstance(found, str) else set(found)


def test_money_has_one_shape():
    """Exact wei as a decimal string, and beside it the same in ether as a number."""
    amounts = [(schema, name, one) for schema, name, one in properties() if name.endswith("Wei")]
    assert len(amounts) > 15
    for schema, name, one in amounts:
        assert kinds(one) - {"null"} == {"string"}, (schema, name)
        assert one["pattern"] in (WEI["pattern"], SUM["pattern"])
        if name not in EXACT_ONLY:
            shown = SCHEMAS[schema]["properties"][name.removesuffix("Wei")]
            assert kinds(shown) - {"null"} == {"number"}, (schema, name)
            assert ("null" in kinds(shown)) == ("null" in kinds(one))


def test_times_are_date_times():
    times = [one for one in properties() if IN_TIME.search(one[1]) and one[:2] not in NOT_TIMES]
    assert len(times) > 20
    for schema, name, one in times:
        assert one.get("format") == "date-time" or "boolean" in kinds(one), (schema, name)


def test_pages_have_one_shape():
    for operation in OPERATIONS:
        shape = resolved(content_of(operation)["schema"])
        paged = "pagination" in shape["properties"]
        assert paged == ("cursor" in operation.query), operation
        if paged:
            assert shape["properties"]["pagination"] == {"$ref": "#/components/schemas/Pagination"}
            assert {"limit", "page"} <= set(operation.query)
            lists = [one for one in shape["properties"].values() if one.get("type") == "array"]
            assert len(lists) == 1


# --- held to real answers -------------------------------------------------------------------


@pytest.fixture
def market(seed: Seed) -> Seed:
    seed.checkpoint(100)
    seed.market()
    seed.assets(*[asset(n, listing_wei=n * ETHER, confidence=n) for n in range(1, 4)])
    seed.deeds(deed("mint", 1, 1, buyer=ALICE), deed("buy", 1, 95, seller=ALICE, buyer=BOB, price_wei=ETHER))
    seed.prices(price(1, 20, ETHER), price(1, 90, 2 * ETHER))
    seed.add("reorgs", reorg(1))
    seed.add("chainEvents", chain_events(60, "approval"))
    return seed


READS = [one for one in OPERATIONS if one.method == "GET" and one.path != "/api/stream"
         and (not one.described["security"] or {} in one.described["security"])]  # fmt: skip


def url_of(operation: Operation, seed: Seed) -> str:
    row = seed.database["transactions"].find_one({"type": "buy"})
    assert row is not None
    url = operation.url(id=str(row["_id"]), hash=row["blockchain"]["transactionHash"])
    needed = {"/nonce": f"walletAddress={ALICE}", "/search": "q=asset"}
    query = next((text for path, text in needed.items() if url.endswith(path)), None)
    return f"{url}?{query}" if query else url


@pytest.mark.parametrize("operation", READS, **IDS)
def test_an_answer_is_as_described_and_its_times_have_an_offset(client, market, operation):
    response = client.get(url_of(operation, market))

    assert response.status_code == 200, response.text
    is_valid(content_of(operation)["schema"], response.json)
    for text in texts(response.json):
        if re.match(r"\d{4}-\d\d-\d\d[T ]", text):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text), text


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


@pytest.mark.parametrize("operation", [one for one in READS if not one.path.endswith("/nonce")], **IDS)
def test_an_answer_can_be_asked_for_again_for_free_and_head_says_the_same(client, market, operation):
    url = url_of(operation, market)
    first, head = client.get(url), client.head(url)
    tag = first.headers["ETag"]

    assert tag.startswith('W/"'), "a tag of ours is weak: lagSeconds may differ"
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", tag)
    assert head.headers["Content-Type"] == first.headers["Content-Type"]
    for method in (client.get, client.head):
        for asked in (tag, tag.removeprefix("W/"), f'"another", {tag}', "*"):
            again = method(url, headers={"If-None-Match": asked})
            assert (again.status_code, again.data) == (304, b""), asked
            assert again.headers["ETag"] == tag
    assert client.get(url, headers={"If-None-Match": '"another"'}).status_code == 200


def test_looking_at_an_asset_changes_nothing(client, market):
    before = client.get("/api/assets/1")
    for _ in range(3):
        client.get("/api/assets/1")
        client.head("/api/assets/1")

    assert client.get("/api/assets/1").json == before.json
