"""Rate limits as callers meet them: told before they are reached, cheap when they are, nobody locked out."""

from __future__ import annotations

import re

import builders
import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import make_app
from api.limiting.addresses import TrustedProxies
from api.limiting.gate import Caller, Gate
from api.limiting.quotas import AUTH, PROBE, READ, TABLE, UPLOAD, WRITE, Quota, Quotas, class_of
from api.limiting.windows import Windows
from api.perimeter import Perimeter
from api.permissions import PERMISSIONS, PUBLIC
from store.errors import CountsUnavailable
from store.rate_counts import MongoCounts
from store.reading import Reading
from tests.api.test_problems import assert_problem

QUOTAS = Quotas(auth=Quota(3, 60), read=Quota(5, 60), write=Quota(2, 60))


class Counting:
    """Stands where the database is, and counts who asks."""

    def __init__(self, reading: Reading) -> None:
        self._reading, self.asked = reading, 0

    def view(self):
        self.asked += 1
        return self._reading.view()

    def standing(self):
        self.asked += 1
        return self._reading.standing()


@pytest.fixture
def reading(database) -> Counting:
    return Counting(Reading(database))


@pytest.fixture
def gate() -> Gate:
    return Gate(QUOTAS, Windows(clock=lambda: 1_000_000_040.0), TrustedProxies(1))


@pytest.fixture
def app(database, reading, clock, node, gate, seed, monkeypatch) -> Flask:
    seed.checkpoint()
    seed.market()
    app = make_app(
        reading,
        secret_key="a test",
        auth=builders.auth(database),
        pending=node,
        clock=clock,
        perimeter=Perimeter(gate),
    )

    monkeypatch.setitem(PERMISSIONS, "POST /api/things", PUBLIC)

    @app.post("/api/things")
    def things():
        return {"made": True}

    return app


def get(client: FlaskClient, address: str = "1.2.3.4", path: str = "/api/status"):
    return client.get(path, headers={"X-Forwarded-For": f"6.6.6.6, {address}"})


def test_every_answer_tells_what_is_left_and_the_last_one_when_there_is_more(client):
    answers = [get(client) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"read";q=5;w=60'}
    assert [answer.headers["RateLimit"] for answer in answers] == [
        *[f'"read";r={left};t=40' for left in (4, 3, 2, 1, 0)],
        '"read";r=0;t=40',
        '"read";r=0;t=40',
    ]
    problem = assert_problem(answers[-1], 429, "too-many-requests")
    assert answers[-1].headers["Retry-After"] == "40"
    assert "5 requests in one minute" in problem["detail"]
    assert "Retry-After" not in answers[0].headers


def test_strangers_are_told_apart_by_the_address_that_our_proxy_saw(client):
    for _ in range(6):
        get(client)

    assert get(client, "1.2.3.5").status_code == 200
    assert client.get("/api/status", headers={"X-Forwarded-For": "1.2.3.9, 1.2.3.4"}).status_code == 429


def test_one_network_is_one_subscriber(client):
    statuses = [get(client, f"2001:db8:1:2::{n}").status_code for n in range(1, 8)]

    assert statuses == [200] * 5 + [429] * 2
    assert get(client, "2001:db8:1:3::1").status_code == 200
    assert get(client, "::ffff:9.9.9.9").headers["RateLimit"] == '"read";r=4;t=40'
    assert get(client, "9.9.9.9").headers["RateLimit"] == '"read";r=3;t=40'


def test_a_refusal_reads_neither_database_nor_body(client, reading):
    for _ in range(5):
        get(client)
    asked = reading.asked

    class Body:
        def read(self, *_):
            raise AssertionError("the body was read")

    refused = client.post(
        "/api/assets/batch",
        environ_overrides={"wsgi.input": Body(), "CONTENT_LENGTH": "100"},
        content_type="application/json",
        headers={"X-Forwarded-For": "1.2.3.4"},
    )
    assert_problem(refused, 429, "too-many-requests")
    assert get(client).status_code == 429
    assert reading.asked == asked


def test_classes_have_budgets_of_their_own(client):
    headers = {"X-Forwarded-For": "1.2.3.4"}

    assert [client.post("/api/things", headers=headers).status_code for _ in range(3)] == [200, 200, 429]
    assert client.post("/api/auth/verify", headers=headers).headers["RateLimit-Policy"] == '"auth";q=3;w=60'
    assert get(client).status_code == 200
    for _ in range(9):
        assert client.get("/livez", headers=headers).status_code == 200
        assert "RateLimit" not in client.get("/readyz", headers=headers).headers


def test_paths_that_do_not_exist_count_as_well(client):
    assert [get(client, path=f"/nope/{n}").status_code for n in range(6)] == [404] * 5 + [429]


def test_nobody_can_use_up_anothers_tries_to_sign_in(client, gate):
    """Not even by presenting what names another: sign-in is counted by address alone."""
    gate.identify = lambda: Caller("session", "victim")
    for _ in range(9):
        attack = client.post("/api/auth/verify", headers={"X-Forwarded-For": "6.6.6.6"})
    assert attack.status_code == 429

    assert client.post("/api/auth/verify", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 415


def test_whoever_has_signed_in_has_a_budget_of_their_own_behind_any_address(client, gate):
    for _ in range(6):
        get(client)
    gate.identify = lambda: Caller("session", "s1")

    assert [get(client, f"1.1.1.{n}").status_code for n in range(6)] == [200] * 5 + [429]
    gate.identify = lambda: Caller("session", "s2")
    assert get(client).headers["RateLimit"] == '"read-session";r=4;t=40'
    gate.identify = lambda: Caller("key", "k1")
    assert get(client).headers["RateLimit-Policy"] == '"read-key";q=25;w=60'


def test_many_sessions_do_not_make_an_address_boundless(client, gate):
    names = iter(range(1000))
    gate.identify = lambda: Caller("session", f"s{next(names)}")
    statuses = [get(client).status_code for _ in range(51)]

    assert statuses == [200] * 50 + [429]
    assert get(client).headers["RateLimit-Policy"] == '"read-crowd";q=50;w=60'


def test_counts_out_of_reach_fail_no_request(database, reading, clock, node, caplog):
    class Away:
        def add(self, amounts, keep_seconds):
            raise CountsUnavailable("gone")

    windows = Windows(Away(), clock=lambda: 1_000_000_000.0)
    app = make_app(
        reading, secret_key="a test", auth=builders.auth(database), perimeter=Perimeter(Gate(QUOTAS, windows))
    )
    client = app.test_client()

    statuses = [client.get("/api/errors").status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429], "each process still limits by itself"
    assert [r.message for r in caplog.records].count("rate limits are counted by each process alone") == 1


def test_two_applications_share_through_the_database(database, clock, node):
    def client_of_another_process() -> FlaskClient:
        gate = Gate(QUOTAS, Windows(MongoCounts(database)))
        return make_app(
            Reading(database), secret_key="a test", auth=builders.auth(database), perimeter=Perimeter(gate)
        ).test_client()

    clients = [client_of_another_process() for _ in range(2)]
    statuses = [clients[n % 2].get("/api/errors").status_code for n in range(12)]

    assert statuses.count(200) in (5, 6), "a minute may have begun meanwhile"
    assert statuses[-1] == 429


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/livez", PROBE),
        ("GET", "/readyz/", PROBE),
        ("GET", "/metrics", PROBE),
        ("POST", "/livez", WRITE),
        ("GET", "/livez/x", READ),
        ("GET", "/api/auth/nonce", AUTH),
        ("POST", "/api/auth/verify", AUTH),
        ("DELETE", "/api/auth/sessions/1", AUTH),
        ("POST", "/api/auth/x\ny", AUTH),
        ("POST", "/api/authors", WRITE),
        ("POST", "/api/assets/batch", READ),
        ("POST", "/api/assets/1/images", UPLOAD),
        ("GET", "/api/assets/1/images", READ),
        ("POST", "/api/users/profile/image", UPLOAD),
        ("DELETE", "/api/users/profile/image", WRITE),
        ("PATCH", "/api/assets/1/metadata", WRITE),
        ("BREW", "/\n", WRITE),
        ("GET", "/api/assets", READ),
    ],
)
def test_the_table_says_which_routes_belong_together(method, path, kind):
    assert class_of(method, path) is kind


def test_every_route_is_in_a_class_and_only_probes_are_without_limit(app):
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in rule.methods:
            kind = class_of(method, path)
            assert (Quotas().of(kind) is None) == (path in ("/livez", "/readyz", "/metrics"))
    assert TABLE[-1].methods is None


def test_a_class_can_be_without_limit(database, reading):
    gate = Gate(Quotas(auth=None, read=None, write=None))
    client = make_app(
        reading, secret_key="a test", auth=builders.auth(database), perimeter=Perimeter(gate)
    ).test_client()

    answers = [client.get("/api/errors") for _ in range(50)]
    assert {(one.status_code, one.headers.get("RateLimit")) for one in answers} == {(200, None)}
