"""Failures: always a problem in JSON, never a stack trace, and always saying what to do."""

from __future__ import annotations

import pytest
from builders import ALICE, asset, auth
from pymongo import MongoClient

from api import make_app
from api.permissions import PERMISSIONS, PUBLIC
from store.reading import Reading

PARTS = {"type", "title", "status", "detail", "instance", "code", "requestId", "errors", "error"}


@pytest.fixture
def indexed(seed):
    seed.checkpoint()
    seed.market()
    seed.assets(asset(1))


def assert_problem(response, status: int, code: str) -> dict:
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    problem = response.json
    assert set(problem) == PARTS
    assert (problem["status"], problem["code"]) == (status, code)
    assert isinstance(problem["error"], str)
    assert problem["error"] == problem["detail"]
    assert problem["requestId"] == response.headers["X-Request-Id"]
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("limit=10abc", "limit", "1 to 200"),
        ("limit=0", "limit", "1 to 200"),
        ("limit=201", "limit", "1 to 200"),
        ("limit=-1", "limit", "1 to 200"),
        ("limit=1e2", "limit", "whole number"),
        ("limit=%EF%BC%91", "limit", "whole number"),
        ("limit=", "limit", "whole number"),
        ("limit=1&limit=2", "limit", "more than once"),
        ("page=0", "page", "1 to 500"),
        ("page=501", "page", "1 to 500"),
        ("wait=21", "wait", "0 to 20"),
        ("minBlock=99999999999999999999", "minBlock", "whole number"),
        ("afterTx=0x12", "afterTx", "64 hexadecimal"),
        ("priceMin=NaN", "priceMin", "ether"),
        ("priceMin=1e400", "priceMin", "ether"),
        ("priceMin=-1", "priceMin", "ether"),
        ("priceMin=1.0000000000000000001", "priceMin", "18 decimals"),
        ("priceMin=1%0A", "priceMin", "ether"),
        ("minConfidence=101", "minConfidence", "0 to 100"),
        ("isListed=yes", "isListed", "true or false"),
        ("isListed=True", "isListed", "true or false"),
        ("sortBy=owner", "sortBy", "one of createdAt"),
        ("sortDirection=up", "sortDirection", "asc, desc"),
        ("facets=owner", "facets", "one of assetType"),
        ("assetType=", "assetType", "something"),
        ("assetType=a,,b", "assetType", "commas"),
        ("facets=", "facets", "something"),
        ("sort_by=price", "sort_by", "did you mean sortBy?"),
        ("assettype=Art", "assettype", "did you mean assetType?"),
        ("priceMin[$gt]=1", "priceMin[$gt]", "did you mean priceMin?"),
        ("owner[$ne]=x", "owner[$ne]", "not a parameter"),
        ("owner=0x12", "owner", "40 hexadecimal"),
        (f"owner=0x{ALICE[2:].swapcase()}", "owner", ALICE),
        ("q=" + "x" * 101, "q", "100"),
        ("cursor=abc", "cursor", "not one we gave out"),
        ("cursor=%00%ff", "cursor", "not one we gave out"),
    ],
)
def test_a_malformed_parameter_is_named(client, indexed, query, field, words):
    problem = assert_problem(client.get(f"/api/assets?{query}"), 400, "invalid-request")

    assert [error["field"] for error in problem["errors"]] == [field]
    assert words in problem["errors"][0]["message"]
    assert field in problem["detail"]


@pytest.mark.parametrize(
    "url",
    [
        "/api/assets/abc",
        "/api/assets/-1",
        "/api/assets/1.0",
        "/api/assets/%00",
        "/api/assets/batch",
        '/api/assets/{"$gt":0}',
        "/api/users/me/assets",
        f"/api/users/{ALICE[:-1]}/assets",
        "/api/tx/0x1",
        "/api/transactions?from=yesterday",
        "/api/transactions?from=2026-13-01T00:00:00Z",
        "/api/transactions?type=sell",
        "/api/transactions?tokenId=1e3",
        "/api/assets/1/price-history?interval=2h",
        "/api/tx/" + "0x" + "g" * 64,
    ],
)
def test_malformed_urls_are_refused(client, indexed, url):
    assert assert_problem(client.get(url), 400, "invalid-request")["errors"]


@pytest.mark.parametrize(
    "character", ["%00", "%F0%9F%98%80", "%ff", "$", "(?R)", "(z%2B)%2B", "%5C", "%0a", "]["]
)
def test_text_to_search_for_is_never_a_pattern(client, indexed, character):
    response = client.get(f"/api/assets?q={character}{character}{character}")

    assert response.json["assets"] == []


def test_a_cursor_belongs_to_its_list(client, indexed, seed):
    seed.assets(asset(2), asset(3))
    cursor = client.get("/api/assets?limit=1").json["pagination"]["nextCursor"]

    assert client.get(f"/api/assets?limit=2&cursor={cursor}").status_code == 200
    for other in ("/api/assets?isListed=false", "/api/assets?sortBy=price", "/api/transactions?limit=1"):
        problem = assert_problem(client.get(f"{other}&cursor={cursor}"), 400, "invalid-request")
        assert "another list" in problem["detail"]
    assert client.get(f"/api/assets?cursor=x{cursor}").status_code == 400


def test_cursor_and_page_exclude_each_other(client, indexed, seed):
    seed.assets(asset(2))
    cursor = client.get("/api/assets?limit=1").json["pagination"]["nextCursor"]

    assert_problem(client.get(f"/api/assets?page=1&cursor={cursor}"), 400, "invalid-request")


def test_an_unknown_path_says_where_to_look(client):
    assert "/api/openapi.json" in assert_problem(client.get("/api/nope"), 404, "not-found")["detail"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_wrong_method_is_told_the_right_ones(client, method):
    response = getattr(client, method)("/api/assets")

    assert_problem(response, 405, "method-not-allowed")
    assert "GET" in response.headers["Allow"]


def test_a_body_must_be_json(client, indexed):
    path = "/api/assets/batch"

    assert_problem(client.post(path, data="tokenIds=1"), 415, "unsupported-media-type")
    assert_problem(client.post(path, data="{", content_type="application/json"), 400, "invalid-request")
    assert_problem(client.post(path, data=b"\xff", content_type="application/json"), 400, "invalid-request")
    assert_problem(
        client.post(path, data="[" * 50_000, content_type="application/json"), 400, "invalid-request"
    )
    assert_problem(client.post(path, data="", content_type="application/json"), 400, "invalid-request")
    assert_problem(
        client.post(path, json={"tokenIds": [1], "x": "y" * 1_100_000}), 413, "request-entity-too-large"
    )
    assert_problem(client.post(f"{path}?x=1", json={"tokenIds": [1]}), 400, "invalid-request")


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "tokenIds", "is missing"),
        ([], "body", "must be a JSON object"),
        (7, "body", "must be a JSON object"),
        ({"tokenIds": None}, "tokenIds", "must not be null"),
        ({"tokenIds": 1}, "tokenIds", "must be a list"),
        ({"tokenIds": []}, "tokenIds", "must be 1 to 200 token ids"),
        ({"tokenIds": list(range(201))}, "tokenIds", "must be 1 to 200 token ids"),
        ({"tokenIds": [1, "2"]}, "tokenIds", "item 1: must be a whole number"),
        ({"tokenIds": [1], "contract": "x"}, "contract", "did you mean contractAddress?"),
    ],
)
def test_what_is_wrong_with_a_body_is_said_in_our_words(client, indexed, body, field, words):
    problem = assert_problem(client.post("/api/assets/batch", json=body), 400, "invalid-request")

    assert [error["field"] for error in problem["errors"]] == [field]
    assert words in problem["errors"][0]["message"]


def test_an_error_of_ours_shows_nothing_but_an_id(app, indexed, caplog, monkeypatch):
    monkeypatch.setitem(PERMISSIONS, "GET /broken", PUBLIC)

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret detail")

    response = app.test_client().get("/broken", headers={"X-Request-Id": "abc-1"})

    assert_problem(response, 500, "internal-server-error")
    assert "secret" not in response.text
    assert response.json["requestId"] == "abc-1"
    assert "request failed" in caplog.messages


def test_a_foreign_request_id_is_not_trusted(client):
    response = client.get("/api/nope", headers={"X-Request-Id": "a b<script>"})

    assert "script" not in response.text


@pytest.mark.parametrize(
    "url", ["/api/assets", "/api/status", "/readyz", "/api/market/stats", "/api/assets/1"]
)
def test_an_unreachable_store_is_503_to_retry(url, caplog):
    with MongoClient("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=50, tz_aware=True) as nowhere:
        down = make_app(
            Reading(nowhere["nothing"], timeout_seconds=0.1),
            secret_key="a test",
            auth=auth(nowhere["nothing"]),
        ).test_client()

        response = down.get(url)

        assert_problem(response, 503, "store-unreachable")
        assert int(response.headers["Retry-After"]) > 0
        assert "127.0.0.1" not in response.text
        assert down.get("/livez").status_code == 200


def test_head_and_options_answer_like_the_rest(client, indexed):
    assert client.head("/api/assets").headers["X-As-Of-Block"] == "100"
    assert "GET" in client.options("/api/assets").headers["Allow"]
