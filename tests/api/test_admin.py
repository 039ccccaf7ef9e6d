"""Administration: roles, suspensions, the audit log, and that somebody is always left to do it."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import make_app
from api.auth.options import Auth
from api.services import SystemClock
from store.accounts import Accounts
from store.audit import Act, AuditLog
from store.errors import LastAdmin, NotFound
from store.indexes import ensure_early
from store.reading import Reading
from tests.api.signing import Wallet, bearer, nonce_for, sign_in

ADA, BOB, ANN = Wallet("ada"), Wallet("bob"), Wallet("ann")


@pytest.fixture
def app(database) -> Flask:
    ensure_early(database)
    return make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), ("k" * 40,)))


@pytest.fixture
def accounts(database) -> Accounts:
    ensure_early(database)
    return Accounts(database)


def act() -> Act:
    return Act(SystemClock().now(), "test", "operator", "tester")


def make_admin(database, client: FlaskClient, wallet: Wallet) -> dict[str, str]:
    tokens = sign_in(client, wallet)
    database.users.update_one({"walletAddress": wallet.address}, {"$set": {"roles": ["user", "admin"]}})
    database.sessions.update_many({"walletAddress": wallet.address}, {"$set": {"mfaAt": SystemClock().now()}})
    return bearer(tokens)


@pytest.fixture
def admin(database, client) -> dict[str, str]:
    return make_admin(database, client, ADA)


def change(client: FlaskClient, headers: dict[str, str], wallet: Wallet, **body: Any) -> Any:
    return client.patch(f"/api/admin/users/{wallet.address.lower()}", json=body, headers=headers)


def test_users_are_listed_newest_first_and_by_role_in_pages(client, admin, app):
    for wallet in (BOB, ANN):
        sign_in(app.test_client(), wallet)

    first = client.get("/api/admin/users?limit=2", headers=admin).json
    rest = client.get(
        f"/api/admin/users?limit=2&cursor={first['pagination']['nextCursor']}", headers=admin
    ).json
    admins = client.get("/api/admin/users?role=admin", headers=admin).json

    assert [user["walletAddress"] for user in first["users"] + rest["users"]] == [
        ANN.address, BOB.address, ADA.address,
    ]  # fmt: skip
    assert [user["walletAddress"] for user in admins["users"]] == [ADA.address]


def test_roles_are_set_and_everybody_stays_a_user(client, admin, app):
    sign_in(app.test_client(), ANN)

    answer = change(client, admin, ANN, roles=["oracle"])

    assert answer.status_code == 200
    assert answer.json["user"]["roles"] == ["user", "oracle"]


def test_a_suspended_user_is_out_at_once_everywhere_and_cannot_come_back(client, admin, app, database):
    browser = app.test_client()
    tokens = sign_in(browser, ANN)

    change(client, admin, ANN, status="suspended")

    assert browser.get("/api/auth/sessions", headers=bearer(tokens)).status_code == 401
    assert browser.post("/api/auth/refresh", json={}, base_url="https://localhost").status_code == 401
    again = browser.post("/api/auth/verify", json=ANN.proof(nonce_for(browser, ANN)))
    assert (again.status_code, again.json["code"]) == (403, "account-suspended")

    change(client, admin, ANN, status="active")
    assert browser.get("/api/auth/sessions", headers=bearer(tokens)).status_code == 401
    assert sign_in(browser, ANN)


def test_every_change_is_in_the_audit_log_with_who_what_and_from_where(client, admin, app):
    sign_in(app.test_client(), ANN)

    change(client, admin, ANN, roles=["oracle"])
    change(client, admin, ANN, roles=["oracle"])
    told = client.get(f"/api/admin/audit?target={ANN.address}", headers=admin).json

    assert len(told["audit"]) == 1, "what changes nothing is no act"
    entry = told["audit"][0]
    assert entry["action"] == "user.changed"
    assert entry["actor"] == {"kind": "user", "name": ADA.address}
    assert (entry["before"], entry["after"]) == ({"roles": ["user"]}, {"roles": ["user", "oracle"]})
    assert entry["ipAddress"] == "127.0.0.1"
    assert entry["requestId"]


def test_the_last_admin_cannot_resign_or_be_suspended(client, admin, database):
    for body in ({"roles": []}, {"roles": ["user"]}, {"status": "suspended"}):
        refused = change(client, admin, ADA, **body)
        assert (refused.status_code, refused.json["code"]) == (409, "last-admin")

    make_admin(database, client, BOB)
    assert change(client, admin, ADA, roles=[]).status_code == 200
    assert change(client, admin, ADA, roles=["admin"]).status_code == 403


def test_two_admins_cannot_remove_each_other_at_the_same_moment(accounts, database):
    for wallet in (ADA, BOB):
        accounts.users.ensure(wallet.address, SystemClock().now())
    for _ in range(10):
        database.users.update_many({}, {"$set": {"roles": ["user", "admin"]}})
        outcomes: list[str] = []
        together = Barrier(2)

        def remove(wallet: Wallet, together=together, outcomes=outcomes) -> None:
            together.wait()
            try:
                accounts.change_user(wallet.address, act(), roles=[])
                outcomes.append("removed")
            except LastAdmin:
                outcomes.append("kept")

        threads = [Thread(target=remove, args=(wallet,)) for wallet in (ADA, BOB)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == ["kept", "removed"]
        assert database.users.count_documents({"roles": "admin"}) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"roles": ["root"]}, {"roles": "admin"}, {"roles": {"$push": "admin"}}, {"status": "gone"},
     {"status": {"$ne": "active"}}, {"roles": ["user"] * 9}, {"walletAddress": "0x"}, {"roles.0": "admin"}],
)  # fmt: skip
def test_a_change_that_says_something_else_is_refused_and_changes_nothing(client, admin, database, body):
    before = list(database.users.find())

    assert change(client, admin, ADA, **body).status_code == 400
    assert list(database.users.find()) == before


def test_nobody_is_made_by_being_changed(client, admin, database, accounts):
    assert change(client, admin, ANN, roles=["oracle"]).status_code == 404
    with pytest.raises(NotFound):
        accounts.change_user(ANN.address, act(), roles=["oracle"])
    assert database.users.count_documents({"walletAddress": ANN.address}) == 0


def test_the_audit_log_offers_no_way_to_change_it():
    assert {name for name in vars(AuditLog) if not name.startswith("_")} == {"add", "page"}


@pytest.mark.parametrize(
    "path",
    [
        "users?role[$ne]=user", "users?role=%24ne", "users?status=active&status=suspended", "users?sort=$where",
        "users?limit=0", "users?cursor=x", "users?walletAddress=0x", "audit?actor[$gt]=", "audit?actor=",
        "audit?action[$regex]=.*", "audit?target=" + "a" * 201, "audit?$where=1",
    ],
)  # fmt: skip
def test_lists_take_no_operators_and_nothing_that_they_do_not_know(client, admin, path):
    assert client.get(f"/api/admin/{path}", headers=admin).status_code == 400


@pytest.mark.parametrize("value", ["$ne", ".*", "user.changed'||'1", "{'$gt':''}", "actor.name"])
def test_a_filter_is_a_word_and_never_a_pattern(client, admin, app, value):
    sign_in(app.test_client(), ANN)
    change(client, admin, ANN, roles=["oracle"])

    for name in ("actor", "target", "action"):
        told = client.get("/api/admin/audit", query_string={name: value}, headers=admin)
        assert (told.status_code, told.json["audit"]) == (200, [])
