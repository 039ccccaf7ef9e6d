"""What browsers, proxies and logs are told: rules on every answer, foreign pages by name only, no secrets."""

from __future__ import annotations

import io
import json
import logging
import re
from base64 import b64encode
from hashlib import sha256

import builders
import pytest
from flask import request

from api import make_app
from api.browser_rules import RULES
from api.perimeter import Perimeter
from api.permissions import PERMISSIONS, PUBLIC
from config.logging import JsonLines
from store.reading import Reading
from tests.api.test_problems import assert_problem

FRIEND, FOE = "https://app.example", "https://evil.example"
ANSWERS = [
    "/api/status",
    "/api/nope",
    "/api/assets?limit=x",
    "/livez",
    "/api/docs",
    "/api/errors",
    "/api/openapi.json",
]


@pytest.fixture
def guarded(database, seed, clock):
    seed.checkpoint()
    seed.market()

    def build(**how):
        return make_app(
            Reading(database),
            secret_key="a test",
            auth=builders.auth(database),
            clock=clock,
            perimeter=Perimeter(**how),
        )

    return build


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_carries_the_rules(guarded, path):
    headers = guarded(https_only=True).test_client().get(path).headers

    for name, value in RULES.items():
        assert len(headers.getlist(name)) == 1
        if name != "Content-Security-Policy":
            assert headers[name] == value
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_browsers_are_sent_to_https_only_where_there_is_https(client):
    assert "Strict-Transport-Security" not in client.get("/livez").headers


@pytest.mark.parametrize("path", ["/api/docs", "/api/errors", "/api/errors/not-found"])
def test_pages_may_use_their_own_styles_and_nothing_else(client, path):
    response = client.get(path, headers={"Accept": "text/html"})
    policy = response.headers["Content-Security-Policy"]

    assert response.mimetype == "text/html"
    for kind in ("style", "script"):
        own = re.findall(f"<{kind}>(.*?)</{kind}>", response.text, re.DOTALL)
        allowed = [f"'sha256-{b64encode(sha256(one.encode()).digest()).decode()}'" for one in own]
        assert re.findall(f"{kind}-src ([^;]*)", policy) == allowed
        assert response.text.count(f"<{kind}") == len(own)
    assert not re.search(r"\s(style|on\w+)=", response.text)


# --- pages of other origins ---


def test_pages_of_friends_may_read_everything_with_cookies(guarded):
    client = guarded(origins=(FRIEND, "http://localhost:3000")).test_client()

    for path in ANSWERS:
        headers = client.get(path, headers={"Origin": FRIEND}).headers
        assert headers["Access-Control-Allow-Origin"] == FRIEND
        assert headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in headers.getlist("Vary")
        exposed = headers["Access-Control-Expose-Headers"]
        assert {"ETag", "X-As-Of-Block", "RateLimit", "RateLimit-Policy", "Retry-After"} <= set(
            exposed.split(", ")
        )


@pytest.mark.parametrize(
    "origin",
    [
        FOE,
        "null",
        "https://app.example.evil.example",
        "https://evil-app.example",
        "http://app.example",
        "https://app.example:8443",
        "https://app-example",
        "*",
        "",
    ],
)
def test_pages_of_others_may_not(guarded, origin):
    client = guarded(origins=(FRIEND, "http://localhost:3000")).test_client()

    for method in ("get", "options"):
        response = getattr(client, method)(
            "/api/status", headers={"Origin": origin, "Access-Control-Request-Method": "GET"}
        )
        assert response.headers.get("Access-Control-Allow-Origin") != "*"
        assert response.headers.get("Access-Control-Allow-Origin") not in (origin or "-", "*")


def test_without_friends_nothing_is_said_about_origins(client):
    names = {name for name, _ in client.get("/api/status", headers={"Origin": FRIEND}).headers}

    assert not {name for name in names if name.startswith("Access-Control")}


def test_a_preflight_is_answered_once_for_hours(guarded):
    client = guarded(origins=(FRIEND,)).test_client()
    response = client.options(
        "/api/assets/batch",
        headers={
            "Origin": FRIEND,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, authorization, x-evil",
        },
    )

    assert response.status_code == 200
    assert response.headers["Access-Control-Max-Age"] == "7200"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "evil" not in allowed


# --- bodies ---


@pytest.fixture
def opened(monkeypatch):
    """Routes of these tests' own, which anybody may use."""
    for path in ("/api/auth/x", "/api/x", "/api/mine", "/api/silent"):
        monkeypatch.setitem(PERMISSIONS, f"POST {path}", PUBLIC)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("path", "limit"), [("/api/auth/x", 16), ("/api/assets/batch", 64), ("/api/x", 256)])
def test_a_body_beyond_its_class_is_refused_before_it_is_read_whole(app, opened, path, limit, chunked):
    @app.post("/api/auth/x")
    @app.post("/api/x")
    def swallow():
        return {"read": len(request.get_data())}

    body = CountingBody(10_000_000)
    length = {"wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": str(body.size)}
    response = app.test_client().post(
        path, content_type="application/json", environ_overrides={"wsgi.input": body, **length}
    )

    assert_problem(response, 413, "request-entity-too-large")
    assert body.taken <= limit * 1024 + 65536


class CountingBody(io.RawIOBase):
    """So many bytes, and how many of them were taken."""

    def __init__(self, size: int) -> None:
        self.size, self.taken = size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = min(len(buffer), self.size - self.taken)
        buffer[:count] = b"1" * count
        self.taken += count
        return count


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_a_body_that_does_not_say_it_is_plain_json_is_refused(client, headers):
    response = client.post("/api/assets/batch", data=b'{"tokenIds": [1]}', headers=headers)

    assert_problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; Charset=UTF-8", "application/json;charset=utf-8"]
)
def test_json_may_say_so_in_several_ways(client, seed, kind):
    seed.checkpoint()
    seed.market()

    assert client.post("/api/assets/batch", data=b'{"tokenIds": [1]}', content_type=kind).status_code == 200


def test_a_body_is_strict_json(client, seed):
    seed.checkpoint()
    response = client.post(
        "/api/assets/batch", data=b'{"tokenIds": [1], "tokenIds": [2]}', content_type="application/json"
    )

    problem = assert_problem(response, 400, "invalid-request")
    assert problem["errors"] == [
        {"field": "tokenIds", "location": "json", "message": "is given more than once"}
    ]


def test_whatever_reads_json_reads_it_strictly(app, opened):
    @app.post("/api/mine")
    def mine():
        return {"got": request.get_json()}

    client = app.test_client()
    refused = client.post("/api/mine", data=b'{"a": NaN}', content_type="application/json")

    assert_problem(refused, 400, "invalid-request")
    assert refused.json["errors"][0]["message"] == "has NaN, which is not a JSON number"
    assert client.post("/api/mine", json={"a": 1}).json == {"got": {"a": 1}}


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b"\xff"])
def test_whatever_reads_json_silently_gets_nothing(app, opened, body):
    @app.post("/api/silent")
    def silent():
        return {"got": request.get_json(silent=True)}

    answer = app.test_client().post("/api/silent", data=body, content_type="application/json")

    assert answer.json == {"got": None}


def test_an_empty_body_may_call_itself_json_where_none_is_needed(client, seed):
    seed.checkpoint()
    seed.market()

    assert client.get("/api/status", content_type="application/json", data=b"").status_code == 200
    assert client.get("/api/status", content_type="application/json", data=b"{").status_code == 200


# --- the log ---


def test_one_line_for_each_request_and_nothing_secret_in_it(guarded, caplog):
    app = guarded(logs_access=True)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.getLogger("api.access").addHandler(handler)
    caplog.set_level(logging.INFO, "api.access")
    try:
        client = app.test_client()
        client.set_cookie("refresh", "SECRET1")
        client.get(
            "/api/tx/0x1?wait=SECRET2&cursor=SECRET3",
            headers={"Authorization": "Bearer SECRET4", "X-API-Key": "SECRET5", "X-Request-Id": "trace-1"},
        )
        client.post("/api/assets/batch", json={"SECRET6": 1})
        client.get("/no/such%0Apath%1b[31m?a%0a=1")
        client.get("/api/status", headers={"X-Request-Id": "two\twords"})
    finally:
        logging.getLogger("api.access").removeHandler(handler)
    lines = stream.getvalue().splitlines()
    told = [json.loads(line) for line in lines]

    assert len(lines) == 4
    assert "SECRET" not in stream.getvalue()
    assert told[0] | {"time": "", "milliseconds": 0, "bytes": 0} == {
        "time": "", "level": "INFO", "logger": "api.access", "message": "GET /api/tx/<hash> 401",
        "path": "/api/tx/0x1", "parameters": ["cursor", "wait"], "client": "127.0.0.1",
        "milliseconds": 0, "bytes": 0, "request_id": "trace-1",
    }  # fmt: skip
    assert told[2]["message"] == "GET (no such path) 404"
    assert told[2]["path"] == "/no/such\\npath\\x1b[31m"
    assert told[2]["parameters"] == ["a\\n"]
    assert re.fullmatch("[0-9a-f]{32}", told[3]["request_id"])


def test_nothing_is_logged_where_nothing_is_wanted(client, caplog):
    caplog.set_level(logging.INFO)
    client.get("/livez")

    assert "api.access" not in {record.name for record in caplog.records}
