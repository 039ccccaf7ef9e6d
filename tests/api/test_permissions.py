"""Every route is in the table, and the table is what decides."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient

from api import make_app
from api.auth.options import Auth
from api.permissions import ADMIN, PERMISSIONS, SCOPES, Access, access_of
from api.services import SystemClock
from store.accounts import Accounts
from store.reading import Reading
from tests.api.credentials import app_with, give, keyed, make_key, signed_in
from tests.api.signing import Wallet, bearer, sign_in

ADA, ANN, BOB = Wallet("ada"), Wallet("ann"), Wallet("bob")
WALLETS = {
    "user": ANN, "other user": BOB, "admin": ADA, "oracle": Wallet("ora"), "suspended": Wallet("sue"),
}  # fmt: skip
AUTOMATIC = {"HEAD", "OPTIONS"}
PLACES = {
    "tokenId": "1",
    "walletAddress": ANN.address,
    "id": "0" * 24,
    "hash": "0x" + "0" * 64,
    "key": "x",
    "code": "not-found",
}


@pytest.fixture
def app(database, tmp_path) -> Flask:
    return app_with(database, tmp_path)


def routes(app: Flask) -> set[str]:
    return {
        f"{method} {rule.rule}" for rule in app.url_map.iter_rules() for method in rule.methods - AUTOMATIC
    }


def call(client: FlaskClient, route: str, headers: dict[str, str]) -> Any:
    method, rule = route.split()
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: PLACES[found[1]], rule)
    body = None if method == "GET" else {}
    return client.open(path, method=method, json=body, headers=headers)


def prove_factor(database, wallet: Wallet, minutes_ago: float = 1) -> None:
    at = SystemClock().now() - timedelta(minutes=minutes_ago)
    database.sessions.update_many({"walletAddress": wallet.address}, {"$set": {"mfaAt": at}})


def test_every_route_is_in_the_table_and_every_line_of_it_is_a_route(app):
    assert routes(app) == set(PERMISSIONS)


def test_a_route_in_no_line_is_refused_to_everybody(app):
    app.add_url_rule("/api/forgotten", "forgotten", lambda: "secret")
    client = app.test_client()

    response = client.get("/api/forgotten", headers=bearer(sign_in(client, ANN)))

    assert response.status_code == 403
    assert "secret" not in response.text


def test_a_head_request_is_guarded_as_a_get_is(app):
    client = app.test_client()

    assert access_of("HEAD", "/api/admin/users") is ADMIN
    assert client.head("/api/admin/users").status_code == 401


PERSONS = ("user", "other user", "oracle", "admin without a second factor", "admin")
KEYS = tuple(f"key: {scope}" for scope in SCOPES)
ROLES_OF = {"oracle": ("oracle",), "admin": ("admin",), "admin without a second factor": ("admin",)}


@pytest.fixture
def callers(app, database) -> dict[str, dict[str, str]]:
    """Everybody who may call, by what they send."""
    client = app.test_client()
    headers = {name: signed_in(client, wallet) for name, wallet in WALLETS.items()}
    for name, roles in (("admin", ("admin",)), ("oracle", ("oracle",))):
        give(database, WALLETS[name], *roles)
    prove_factor(database, ADA)
    headers["admin without a second factor"] = signed_in(client, ADA)
    keys = {
        f"key: {scope}": make_key(client, headers["oracle" if scope == "oracle:write" else "user"], scope)
        for scope in SCOPES
    }
    lost = make_key(client, headers["suspended"], "read")
    suspended = {"walletAddress": WALLETS["suspended"].address}
    database.users.update_one(suspended, {"$set": {"status": "suspended"}})
    return {
        "anonymous": {},
        **headers,
        **{name: keyed(key["secret"]) for name, key in keys.items()},
        "key of somebody suspended": keyed(lost["secret"]),
        "malformed": {"Authorization": "Bearer x.y.z"},
        "not a bearer": {"Authorization": "Basic YTpi"},
        "unknown key": keyed("dv_live_nothing"),
    }


def expected(route: str, access: Access, caller: str) -> set[int]:
    """The statuses with which the guard answers; none: it lets pass."""
    by_key = caller in (*KEYS, "key of somebody suspended", "unknown key")
    if access.is_public or access.own_way:
        return {401} if by_key and caller not in KEYS and "/api/" in route else set()
    if caller in KEYS:
        return _expected_of_key(access, caller)
    if caller not in PERSONS:
        return {401}
    roles = ("user", *ROLES_OF.get(caller, ()))
    lacking = access.role not in roles or (access.mfa and caller != "admin")
    return {403} if lacking else set()


def _expected_of_key(access: Access, caller: str) -> set[int]:
    owner_has = ("user", "oracle") if caller == "key: oracle:write" else ("user",)
    allowed = caller == f"key: {access.scope}" and access.role in owner_has
    return set() if allowed else {403}


def test_every_route_lets_pass_whom_the_table_names_and_nobody_else(app, callers):
    client = app.test_client()
    leaving_last = sorted(PERMISSIONS.items(), key=lambda line: line[1].own_way)
    for route, access in leaving_last:
        for caller, headers in callers.items():
            response = call(client, route, headers)
            refused = {response.status_code} & {401, 403}
            wanted = expected(route, access, caller)

            if access.is_public and not wanted and ("/auth/" in route or route.startswith("PUT /api/media")):
                continue  # they look at proofs of their own
            if access.own_way and not wanted:
                assert response.status_code in (200, 401), (route, caller)
            else:
                assert refused == wanted, (route, caller, response.text)
            known = ("nothing-indexed",)
            assert response.status_code < 500 or response.json["code"] in known, (
                route,
                caller,
                response.text,
            )


def test_everybody_is_called_as(callers):
    named = {"anonymous", *PERSONS, *KEYS, "suspended", "key of somebody suspended"}

    assert named <= callers.keys()


def test_without_a_recent_second_factor_an_admin_is_told_what_to_do(app, database, callers):
    client = app.test_client()
    headers = callers["admin without a second factor"]

    missing = client.get("/api/admin/users", headers=headers)
    prove_factor(database, ADA, minutes_ago=14)
    proven = client.get("/api/admin/users", headers=headers)
    prove_factor(database, ADA, minutes_ago=16)
    stale = client.get("/api/admin/users", headers=headers)

    assert (missing.status_code, missing.json["code"]) == (403, "mfa-required")
    assert proven.status_code == 200
    assert (stale.status_code, stale.json["code"]) == (403, "mfa-required")


def test_roles_taken_away_and_suspensions_act_with_the_next_request(app, database, callers):
    client = app.test_client()
    admin, user = callers["admin"], callers["user"]

    assert client.get("/api/admin/users", headers=admin).status_code == 200
    give(database, ADA)
    assert client.get("/api/admin/users", headers=admin).status_code == 403

    assert client.get("/api/auth/sessions", headers=user).status_code == 200
    database.users.update_one({"walletAddress": ANN.address}, {"$set": {"status": "suspended"}})
    assert client.get("/api/auth/sessions", headers=user).status_code == 401


def test_two_credentials_at_once_are_refused(app, callers):
    both = {**callers["user"], **callers["key: read"]}

    response = app.test_client().get("/api/auth/sessions", headers=both)

    assert (response.status_code, response.json["code"]) == (401, "credentials-ambiguous")


def test_the_openapi_document_says_what_the_table_says(app):
    paths = app.test_client().get("/api/openapi.json").json["paths"]
    for route, access in PERMISSIONS.items():
        method, rule = route.split()
        operation = paths.get(re.sub(r"<(\w+)>", r"{\1}", rule), {}).get(method.lower())
        if operation is None or access.is_public:
            continue
        assert operation["security"] == [{name: []} for name in access.credentials], route
        assert {"401", "403"} <= operation["responses"].keys() or access.own_way, route


def test_when_the_store_cannot_be_asked_nobody_is_believed_or_sent_away(app, callers):
    client = MongoClient("mongodb://127.0.0.1:9/?replicaSet=none", serverSelectionTimeoutMS=50)
    database = client["nothing"]
    down = make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), ("k" * 40,)))

    response = down.test_client().get("/api/auth/sessions", headers=callers["user"])

    assert (response.status_code, response.json["code"]) == (503, "store-unreachable")
    client.close()
