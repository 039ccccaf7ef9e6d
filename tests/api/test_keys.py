"""Keys of services: made, used, rotated, revoked; and what is told of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient

from api.auth.key_mint import KeyMint
from api.auth.named import named_caller
from api.limiting.gate import Gate
from api.limiting.quotas import Quota, Quotas
from api.limiting.windows import Windows
from api.perimeter import Perimeter
from api.permissions import PERMISSIONS, Access
from api.services import services
from store.api_keys import KEYS_PER_USER, REMEMBERED_PER_USER
from store.connection import Connection
from tests.api.credentials import ShiftedClock, app_with, give, keyed, make_key, signed_in
from tests.api.signing import Wallet
from tests.e2e.running import wait_for

ANN, BOB, ORA = Wallet("ann"), Wallet("bob"), Wallet("ora")
PROFILE = "/api/users/profile"


CLOCK = ShiftedClock()


@pytest.fixture
def clock() -> Iterator[ShiftedClock]:
    yield CLOCK
    CLOCK.ahead = timedelta(0)


@pytest.fixture(scope="module")
def shared(emptied: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One for all tests, since making one takes long; with one route more, for oracles."""
    app = app_with(emptied.database, tmp_path_factory.mktemp("kept"), CLOCK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PERMISSIONS, "POST /api/forecast", Access("oracle", scope="oracle:write"))
        app.add_url_rule("/api/forecast", "forecast", lambda: {"done": True}, methods=["POST"])
        yield app


@pytest.fixture
def app(shared: Flask, database) -> Flask:
    """With an empty database."""
    return shared


@pytest.fixture
def ann(client) -> dict[str, str]:
    return signed_in(client, ANN)


@pytest.fixture
def oracle(client, database) -> dict[str, str]:
    headers = signed_in(client, ORA)
    give(database, ORA, "oracle")
    return headers


def told(app: Flask) -> None:
    """Let the counts of keys reach the store now."""
    with app.app_context():
        services().usage.tell()


def refusal(client: FlaskClient, secret: str, path: str = PROFILE) -> tuple[int, str]:
    response = client.get(path, headers=keyed(secret))
    return response.status_code, response.json["code"]


# --- making -----------------------------------------------------------------------------------------


def test_a_key_is_told_once_and_kept_as_a_hash_only(client, ann, database):
    made = make_key(client, ann, name="pricing service")
    listed = client.get("/api/keys", headers=ann)

    assert made["secret"].startswith("dv_test_")
    assert made["key"] | {"id": "", "createdAt": "", "expiresAt": ""} == {
        "id": "", "name": "pricing service", "beginning": made["secret"][:14], "scopes": ["read"],
        "status": "active", "createdAt": "", "expiresAt": "", "lastUsed": None, "replacedBy": None,
        "revokedAt": None,
    }  # fmt: skip
    assert listed.json == {"keys": [made["key"]]}
    assert made["secret"] not in listed.text
    (kept,) = database["apiKeys"].find()
    assert len(kept["key"]) == 64
    assert made["secret"] not in str(kept)


def test_a_key_of_production_says_live(database, tmp_path):
    client = app_with(database, tmp_path, live_keys=True).test_client()

    assert make_key(client, signed_in(client, ANN))["secret"].startswith("dv_live_")


def test_a_key_ends_after_as_many_days_as_asked_and_ninety_unless_asked(client, ann):
    keys = [
        make_key(client, ann, **body)["key"] for body in ({}, {"expiresInDays": 1}, {"expiresInDays": 365})
    ]

    lives = [datetime.fromisoformat(k["expiresAt"]) - datetime.fromisoformat(k["createdAt"]) for k in keys]

    assert [life.days for life in lives] == [90, 1, 365]


def test_nobody_has_more_keys_in_force_than_twenty(client, ann, database):
    for _ in range(KEYS_PER_USER):
        make_key(client, ann)
    refused = client.post("/api/keys", json={"name": "one more", "scopes": ["read"]}, headers=ann)

    assert (refused.status_code, refused.json["code"]) == (409, "too-many-keys")
    assert database["apiKeys"].count_documents({}) == KEYS_PER_USER
    make_key(client, signed_in(client, BOB))


def test_revoked_keys_make_room_until_too_many_are_remembered(client, ann, database):
    first = make_key(client, ann)["key"]["id"]
    (kept,) = database["apiKeys"].find()
    ended = {**kept, "revokedAt": kept["createdAt"]}
    database["apiKeys"].insert_many(
        [
            {key: value for key, value in ended.items() if key != "_id"} | {"key": str(number)}
            for number in range(REMEMBERED_PER_USER - 2)
        ]
    )
    client.delete(f"/api/keys/{first}", headers=ann)

    make_key(client, ann)
    refused = client.post("/api/keys", json={"name": "n", "scopes": ["read"]}, headers=ann)

    assert (refused.status_code, refused.json["code"]) == (409, "too-many-keys")
    assert len(client.get("/api/keys", headers=ann).json["keys"]) == REMEMBERED_PER_USER


def test_many_keys_made_at_once_are_not_more_than_twenty(app, client, ann, database):
    for _ in range(KEYS_PER_USER - 2):
        make_key(client, ann)
    together, statuses = Barrier(6), []

    def make() -> None:
        together.wait()
        body = {"name": "at once", "scopes": ["read"]}
        statuses.append(app.test_client().post("/api/keys", json=body, headers=ann).status_code)

    threads = [Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(statuses) == [200, 200, 409, 409, 409, 409]
    assert database["apiKeys"].count_documents({}) == KEYS_PER_USER


HOSTILE: list[tuple[dict[str, Any], str]] = [
    ({"name": {"$gt": ""}}, "name"),
    ({"name": ["a"]}, "name"),
    ({"name": ""}, "name"),
    ({"name": " leading"}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"name": "a\u202eb"}, "name"),
    ({"name": "n" * 51}, "name"),
    ({"name": "n" * 100_000}, "name"),
    ({"name": None}, "name"),
    ({"scopes": []}, "scopes"),
    ({"scopes": "read"}, "scopes"),
    ({"scopes": {"$in": ["read"]}}, "scopes"),
    ({"scopes": ["read", "read"]}, "scopes"),
    ({"scopes": ["read", {"$gt": ""}]}, "scopes"),
    ({"scopes": ["admin"]}, "scopes"),
    ({"scopes": ["read"] * 1000}, "scopes"),
    ({"expiresInDays": 0}, "expiresInDays"),
    ({"expiresInDays": 366}, "expiresInDays"),
    ({"expiresInDays": -1}, "expiresInDays"),
    ({"expiresInDays": 1.5}, "expiresInDays"),
    ({"expiresInDays": "90"}, "expiresInDays"),
    ({"expiresInDays": True}, "expiresInDays"),
    ({"expiresInDays": {"$gt": 1}}, "expiresInDays"),
    ({"expiresInDays": 10**30}, "expiresInDays"),
    ({"roles": ["admin"]}, "roles"),
    ({"user.roles": ["admin"]}, "user.roles"),
    ({"$where": "1"}, "$where"),
    ({"userId": "0" * 24}, "userId"),
]


def test_whatever_is_wrong_with_a_new_key_is_named_and_makes_none(client, ann, database):
    for given, field in HOSTILE:
        body = json.dumps({"name": "a service", "scopes": ["read"], **given})

        response = client.post("/api/keys", data=body, content_type="application/json", headers=ann)

        assert response.status_code == 400, (given, response.text)
        assert field in {error["field"] for error in response.json["errors"]}, given
    assert database["apiKeys"].count_documents({}) == 0


def test_a_body_that_is_no_object_makes_no_key(client, ann):
    bodies = [b"", b"[]", b"null", b'"x"', b"{", b'{"name":"a","name":"b"}', b"\xff", b"[" * 5000]

    statuses = {
        client.post("/api/keys", data=body, headers=ann, content_type="application/json").status_code
        for body in bodies
    }

    assert statuses == {400}


def test_whatever_is_wrong_with_a_rotation_leaves_the_key_as_it_was(client, ann):
    key = make_key(client, ann)["key"]
    wrong: list[dict[str, Any]] = [
        {"overlapSeconds": -1}, {"overlapSeconds": 604801}, {"overlapSeconds": "1"},
        {"overlapSeconds": {"$gt": 0}}, {"overlapSeconds": None}, {"expiresInDays": 366}, {"name": "another"},
        {"scopes": ["oracle:write"]}, {"$set": {}},
    ]  # fmt: skip

    statuses = {
        client.post(f"/api/keys/{key['id']}/rotate", json=given, headers=ann).status_code for given in wrong
    }

    assert statuses == {400}
    assert client.get("/api/keys", headers=ann).json["keys"] == [key]


def test_an_id_that_is_none_is_an_error_of_the_path(client, ann):
    for place in ("x", "0" * 23, "0" * 25, "%00" * 8, "$ne", "g" * 24, "..%2f.."):
        answers = [
            client.delete(f"/api/keys/{place}", headers=ann),
            client.post(f"/api/keys/{place}/rotate", json={}, headers=ann),
            client.get(f"/api/keys/{place}/usage", headers=ann),
        ]

        assert {response.status_code for response in answers} <= {400, 404, 405}, place


# --- using ------------------------------------------------------------------------------------------


def test_a_key_does_what_its_scope_allows_and_nothing_else(client, ann):
    reader, writer = make_key(client, ann)["secret"], make_key(client, ann, "assets:write")["secret"]

    assert client.get(PROFILE, headers=keyed(reader)).json["user"]["walletAddress"] == ANN.address
    assert refusal(client, writer) == (403, "forbidden")
    assert refusal(client, reader, "/api/keys") == (403, "forbidden")
    assert refusal(client, reader, "/api/auth/sessions") == (403, "forbidden")
    assert refusal(client, reader, "/api/admin/users") == (403, "forbidden")


def test_no_key_makes_or_ends_keys_and_none_touches_the_second_factor(client, ann):
    made = make_key(client, ann, "read", "assets:write", "webhooks:manage")
    headers, place = keyed(made["secret"]), f"/api/keys/{made['key']['id']}"

    tried = [
        client.post("/api/keys", json={"name": "more", "scopes": ["read"]}, headers=headers),
        client.post(f"{place}/rotate", json={}, headers=headers),
        client.delete(place, headers=headers),
        client.get(f"{place}/usage", headers=headers),
        client.get("/api/auth/mfa", headers=headers),
        client.post("/api/auth/mfa/enroll", headers=headers),
        client.delete("/api/auth/mfa", headers=headers),
    ]

    assert {response.status_code for response in tried} == {403}


def test_only_an_oracle_may_make_a_key_that_writes_predictions(client, ann, oracle):
    refused = client.post("/api/keys", json={"name": "n", "scopes": ["read", "oracle:write"]}, headers=ann)
    secret = make_key(client, oracle, "oracle:write")["secret"]

    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert "oracle:write" in refused.json["detail"]
    assert client.post("/api/forecast", headers=keyed(secret)).status_code == 200
    assert client.post("/api/forecast", headers=oracle).status_code == 200
    assert client.post("/api/forecast", headers=ann).status_code == 403


def test_a_role_taken_away_is_taken_from_the_keys_with_the_next_request(client, oracle, database):
    secret = make_key(client, oracle, "read", "oracle:write")["secret"]
    assert client.post("/api/forecast", headers=keyed(secret)).status_code == 200

    give(database, ORA)

    assert client.post("/api/forecast", headers=keyed(secret)).status_code == 403
    assert client.get(PROFILE, headers=keyed(secret)).status_code == 200
    give(database, ORA, "oracle")
    assert client.post("/api/forecast", headers=keyed(secret)).status_code == 200


def test_a_key_without_its_owners_role_cannot_be_rotated(client, oracle, database):
    key = make_key(client, oracle, "oracle:write")["key"]
    give(database, ORA)

    response = client.post(f"/api/keys/{key['id']}/rotate", json={}, headers=oracle)

    assert response.status_code == 403


def test_a_suspended_owners_key_is_refused_with_the_next_request(client, ann, database):
    secret = make_key(client, ann)["secret"]
    wallet = {"walletAddress": ANN.address}

    database.users.update_one(wallet, {"$set": {"status": "suspended"}})
    assert refusal(client, secret) == (401, "api-key-suspended")
    database.users.update_one(wallet, {"$set": {"status": "active"}})
    assert client.get(PROFILE, headers=keyed(secret)).status_code == 200


def test_every_reason_to_refuse_a_key_has_a_code_of_its_own(client, ann, clock):
    made = make_key(client, ann)
    good, revoked = made["secret"], make_key(client, ann)
    client.delete(f"/api/keys/{revoked['key']['id']}", headers=ann)
    typo = good[:-1] + ("a" if good[-1] != "a" else "b")

    assert refusal(client, revoked["secret"]) == (401, "api-key-revoked")
    assert refusal(client, typo) == (401, "api-key-malformed")
    assert refusal(client, "") == (401, "api-key-malformed")
    assert refusal(client, KeyMint(("p" * 40,), live=True).make()) == (401, "api-key-wrong-environment")
    assert refusal(client, KeyMint(("p" * 40,)).make()) == (401, "api-key-unknown")
    assert refusal(client, KeyMint(("q" * 40,)).make()) == (401, "api-key-unknown")
    clock.pass_by(days=91)
    assert refusal(client, good) == (401, "api-key-expired")


def test_a_key_that_has_ended_is_told_so_where_nobody_would_be_asked(client, ann):
    made = make_key(client, ann)
    assert client.get("/api/errors", headers=keyed(made["secret"])).status_code == 200
    client.delete(f"/api/keys/{made['key']['id']}", headers=ann)

    assert refusal(client, made["secret"], "/api/errors") == (401, "api-key-revoked")
    assert client.get("/livez", headers=keyed(made["secret"])).status_code == 200


def test_a_key_and_a_token_together_are_refused(client, ann):
    both = {**ann, **keyed(make_key(client, ann)["secret"])}

    for path in (PROFILE, "/api/errors"):
        response = client.get(path, headers=both)
        assert (response.status_code, response.json["code"]) == (401, "credentials-ambiguous")


def test_a_key_is_no_token_and_a_token_no_key(client, ann):
    secret = make_key(client, ann)["secret"]

    assert client.get(PROFILE, headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert refusal(client, ann["Authorization"].removeprefix("Bearer ")) == (401, "api-key-malformed")


def test_a_new_pepper_leaves_keys_good_until_the_old_one_is_taken_away(client, ann, database, tmp_path):
    secret = make_key(client, ann)["secret"]
    both = app_with(database, tmp_path, peppers=("n" * 40, "p" * 40)).test_client()
    new = app_with(database, tmp_path, peppers=("n" * 40,)).test_client()

    assert both.get(PROFILE, headers=keyed(secret)).status_code == 200
    assert refusal(new, secret) == (401, "api-key-unknown")
    fresh = make_key(both, ann)["secret"]
    assert new.get(PROFILE, headers=keyed(fresh)).status_code == 200


# --- rotating and revoking ---------------------------------------------------------------------------


def test_after_a_rotation_both_keys_are_good_until_the_overlap_is_over(client, ann, clock):
    old = make_key(client, ann, "read", "assets:write", name="prices")
    body = {"overlapSeconds": 3600, "expiresInDays": 30}

    rotated = client.post(f"/api/keys/{old['key']['id']}/rotate", json=body, headers=ann).json

    assert rotated["secret"] != old["secret"]
    assert rotated["key"]["name"] == "prices"
    assert rotated["key"]["scopes"] == ["read", "assets:write"]
    assert rotated["replaced"]["id"] == old["key"]["id"]
    assert rotated["replaced"]["status"] == "replaced"
    assert rotated["replaced"]["replacedBy"] == rotated["key"]["id"]
    clock.pass_by(minutes=59)
    assert client.get(PROFILE, headers=keyed(old["secret"])).status_code == 200
    assert client.get(PROFILE, headers=keyed(rotated["secret"])).status_code == 200
    clock.pass_by(minutes=2)
    ended = client.get(PROFILE, headers=keyed(old["secret"]))
    assert (ended.status_code, ended.json["code"]) == (401, "api-key-expired")
    assert rotated["key"]["id"] in ended.json["detail"]
    assert client.get(PROFILE, headers=keyed(rotated["secret"])).status_code == 200


def test_without_overlap_the_old_key_ends_at_once(client, ann):
    old = make_key(client, ann)

    client.post(f"/api/keys/{old['key']['id']}/rotate", json={"overlapSeconds": 0}, headers=ann)

    assert refusal(client, old["secret"]) == (401, "api-key-expired")


def test_an_overlap_never_makes_a_key_live_longer(client, ann, clock):
    old = make_key(client, ann, expiresInDays=1)
    clock.pass_by(hours=23)

    body = {"overlapSeconds": 7 * 86400}
    rotated = client.post(f"/api/keys/{old['key']['id']}/rotate", json=body, headers=ann).json

    assert rotated["replaced"]["expiresAt"] == old["key"]["expiresAt"]


def test_a_key_that_was_replaced_revoked_or_has_expired_cannot_be_rotated(client, ann, clock):
    ids = [make_key(client, ann, expiresInDays=1)["key"]["id"] for _ in range(3)]

    def rotate(number: int) -> Any:
        return client.post(f"/api/keys/{ids[number]}/rotate", json={}, headers=ann)

    rotate(0)
    client.delete(f"/api/keys/{ids[1]}", headers=ann)
    answers = [rotate(0), rotate(1)]
    clock.pass_by(days=2)
    answers.append(rotate(2))

    assert {(one.status_code, one.json["code"]) for one in answers} == {(409, "key-ended")}


def test_a_rotation_is_possible_where_no_more_keys_may_be_made(client, ann):
    made = [make_key(client, ann)["key"]["id"] for _ in range(KEYS_PER_USER)]

    response = client.post(f"/api/keys/{made[0]}/rotate", json={}, headers=ann)

    assert response.status_code == 200


def test_revoking_acts_with_the_next_request_and_may_be_repeated(client, ann, database):
    made = make_key(client, ann)
    place = f"/api/keys/{made['key']['id']}"

    answers = [client.delete(place, headers=ann) for _ in range(2)]

    assert {response.status_code for response in answers} == {200}
    assert refusal(client, made["secret"]) == (401, "api-key-revoked")
    assert client.get("/api/keys", headers=ann).json["keys"][0]["status"] == "revoked"
    assert database.auditLog.count_documents({"action": "key.revoked"}) == 1


def test_another_users_key_does_not_exist(client, ann, app):
    place = f"/api/keys/{make_key(client, ann)['key']['id']}"
    bob = signed_in(app.test_client(), BOB)

    answers = [
        client.delete(place, headers=bob),
        client.post(f"{place}/rotate", json={}, headers=bob),
        client.get(f"{place}/usage", headers=bob),
    ]

    assert {(one.status_code, one.json["code"]) for one in answers} == {(404, "not-found")}
    assert client.get("/api/keys", headers=bob).json == {"keys": []}
    assert client.get("/api/keys", headers=ann).json["keys"][0]["status"] == "active"


# --- what is written down ------------------------------------------------------------------------------


def test_use_is_counted_by_day_and_the_last_one_told(client, ann, app, clock):
    made = make_key(client, ann)
    place = f"/api/keys/{made['key']['id']}/usage"
    assert client.get(place, headers=ann).json["usage"]["days"] == []

    for _ in range(3):
        client.get(PROFILE, headers=keyed(made["secret"]))
    clock.pass_by(days=1)
    client.get("/api/errors", headers=keyed(made["secret"]))
    client.get("/api/keys", headers=keyed(made["secret"]))
    told(app)

    usage = client.get(place, headers=ann).json["usage"]
    assert [day["requests"] for day in usage["days"]] == [2, 3]
    assert usage["days"][0]["day"] == f"{clock.now():%Y-%m-%d}"
    assert usage["total"] == 5
    assert datetime.fromisoformat(usage["lastUsed"]) > datetime.now(UTC) + timedelta(hours=23)
    today = client.get(f"{place}?days=1", headers=ann).json["usage"]
    assert [day["requests"] for day in today["days"]] == [2]


def test_usage_is_asked_for_in_whole_days(client, ann):
    place = f"/api/keys/{make_key(client, ann)['key']['id']}/usage"

    for days in ("0", "367", "x", "1.5", "-1", "", "$gt"):
        assert client.get(f"{place}?days={days}", headers=ann).status_code == 400, days


def test_the_last_use_is_written_once_a_minute(client, ann, app, clock, database):
    secret = make_key(client, ann)["secret"]

    def use() -> Any:
        client.get(PROFILE, headers=keyed(secret))
        told(app)
        return database["apiKeys"].find_one()["lastUsed"]

    first = use()
    clock.pass_by(seconds=50)
    assert use() == first
    clock.pass_by(seconds=15)
    assert use() > first


def test_counts_reach_the_store_by_themselves(client, ann, database):
    made = make_key(client, ann)
    client.get(PROFILE, headers=keyed(made["secret"]))

    used = {"keyId": ObjectId(made["key"]["id"])}
    found = wait_for("count", lambda: database["apiKeyUsage"].find_one(used), seconds=20)
    assert found["requests"] == 1


def test_every_act_is_in_the_audit_log_and_no_key_in_it(client, ann, database):
    made = make_key(client, ann, name="prices")
    place = f"/api/keys/{made['key']['id']}"
    rotated = client.post(f"{place}/rotate", json={}, headers=ann).json
    client.delete(place, headers=ann)

    acts = list(database.auditLog.find(sort=[("_id", 1)]))
    assert [act["action"] for act in acts] == ["key.made", "key.rotated", "key.revoked"]
    assert {act["target"] for act in acts} == {made["key"]["id"]}
    assert {act["actor"]["name"] for act in acts} == {ANN.address}
    assert acts[0]["after"]["name"] == "prices"
    assert acts[1]["after"]["replacedBy"] == rotated["key"]["id"]
    for secret in (made["secret"], rotated["secret"]):
        assert secret[14:30] not in str(acts)


def test_the_access_log_names_the_key_and_never_tells_it(database, tmp_path, caplog):
    app = app_with(database, tmp_path, perimeter=Perimeter(logs_access=True))
    client = app.test_client()
    made = make_key(client, signed_in(client, ANN), name="prices")
    caplog.set_level(logging.DEBUG)

    client.get(PROFILE, headers=keyed(made["secret"]))
    client.get(PROFILE, headers=keyed(made["secret"][:-1]))
    database["apiKeys"].update_one({}, {"$set": {"revokedAt": CLOCK.now()}})
    client.get(PROFILE, headers=keyed(made["secret"]))

    logged, refused, revoked = [record for record in caplog.records if record.name == "api.access"][-3:]
    assert (revoked.key_id, revoked.message) == (made["key"]["id"], "GET /api/users/profile 401")
    assert (logged.key_id, logged.key_name) == (made["key"]["id"], "prices")
    assert not hasattr(refused, "key_id")
    assert made["secret"][14:30] not in json.dumps([vars(record) for record in caplog.records], default=str)


def test_no_refusal_quotes_the_key(client, ann):
    made = make_key(client, ann)
    client.delete(f"/api/keys/{made['key']['id']}", headers=ann)

    for secret in (made["secret"], made["secret"][:-1], KeyMint(("p" * 40,)).make()):
        assert secret[14:30] not in client.get(PROFILE, headers=keyed(secret)).text


def test_a_copy_of_the_database_has_no_key_in_it(client, ann, app, database):
    made = make_key(client, ann)
    rotated = client.post(f"/api/keys/{made['key']['id']}/rotate", json={}, headers=ann).json
    client.get(PROFILE, headers=keyed(rotated["secret"]))
    told(app)

    dump = str([list(database[name].find()) for name in database.list_collection_names()])

    assert made["key"]["id"] in dump
    for secret in (made["secret"], rotated["secret"]):
        assert secret[14:] not in dump
        assert secret[14:30] not in dump


# --- limits ------------------------------------------------------------------------------------------


def test_a_key_has_a_budget_of_its_own_five_times_that_of_a_person(database, tmp_path):
    quotas = Quotas(auth=None, read=Quota(10, 60), write=None)
    gate = Gate(quotas, Windows(clock=lambda: 1_000_000_040.0))
    app = app_with(database, tmp_path, perimeter=Perimeter(gate))
    gate.identify = named_caller
    client = app.test_client()
    ann = signed_in(client, ANN)
    first, second = (make_key(client, ann)["secret"] for _ in range(2))
    for _ in range(10):
        client.get("/api/errors")

    stranger = client.get("/api/errors")
    by_key = client.get("/api/errors", headers=keyed(first))
    for _ in range(49):
        client.get("/api/errors", headers=keyed(first))
    used_up = client.get("/api/errors", headers=keyed(first))
    other = client.get("/api/errors", headers=keyed(second))
    invented = client.get("/api/errors", headers=keyed(KeyMint(("q" * 40,)).make()))

    assert stranger.status_code == 429
    assert by_key.headers["RateLimit-Policy"] == '"read-key";q=50;w=60'
    assert used_up.status_code == 429
    assert other.status_code == 200
    assert invented.status_code == 429, "an invented key has no budget of its own"
