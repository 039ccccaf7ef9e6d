"""Second factors: enrolled, proven once, paused after wrong codes, replaced and removed only with a proof."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import make_app
from api.auth.options import Auth
from store.accounts import Accounts
from store.connection import Connection
from store.reading import Reading
from store.second_factors import FREE_FAILURES
from tests.api.credentials import (
    Authenticator,
    Headers,
    ShiftedClock,
    app_with,
    enroll,
    give,
    signed_in,
)  # fmt: skip
from tests.api.signing import Wallet

ADA, ANN, BOB = Wallet("ada"), Wallet("ann"), Wallet("bob")
PLACE, ADMINS = "/api/auth/mfa", "/api/admin/users"
CLOCK = ShiftedClock()


@pytest.fixture
def clock() -> Iterator[ShiftedClock]:
    yield CLOCK
    CLOCK.ahead = timedelta(0)


@pytest.fixture(scope="module")
def shared(emptied: Connection, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """One for all tests, since making one takes long."""
    return app_with(emptied.database, tmp_path_factory.mktemp("kept"), CLOCK)


@pytest.fixture
def app(shared: Flask, database, clock) -> Flask:
    """With an empty database, and a clock that is right; codes do not change while a test asks twice."""
    into_step = clock.now().timestamp() % 30
    clock.pass_by(seconds=30 - into_step + 1)
    return shared


@pytest.fixture
def ann(client) -> Headers:
    return signed_in(client, ANN)


def prove(client: FlaskClient, headers: Headers, code: str) -> Any:
    return client.post(f"{PLACE}/verify", json={"code": code}, headers=headers)


def recover(client: FlaskClient, headers: Headers, code: str) -> Any:
    return client.post(f"{PLACE}/verify", json={"recoveryCode": code}, headers=headers)


def shown(client: FlaskClient, headers: Headers) -> dict[str, Any]:
    return dict(client.get(PLACE, headers=headers).json["secondFactor"])


def outcome(response: Any) -> tuple[int, str | None]:
    return response.status_code, response.json.get("code")


def wrong(phone: Authenticator) -> str:
    good = {phone.code(steps) for steps in range(-2, 3)}
    return next(code for number in range(10) if (code := f"{number}" * 6) not in good)


# --- enrolling --------------------------------------------------------------------------------------------


def test_a_second_factor_is_enrolled_confirmed_and_proven_by_that(client, ann, clock):
    assert shown(client, ann) == {
        "enrolled": False, "confirmedAt": None, "provenUntil": None, "recoveryCodesLeft": 0,
    }  # fmt: skip

    _, codes = enroll(client, ann, clock)

    told = shown(client, ann)
    assert (told["enrolled"], told["recoveryCodesLeft"]) == (True, 10)
    until = datetime.fromisoformat(told["provenUntil"])
    assert timedelta(minutes=14) < until - clock.now() <= timedelta(minutes=15)
    assert len(set(codes)) == 10


def test_the_uri_is_what_authenticator_apps_read(client, ann):
    begun = client.post(f"{PLACE}/enroll", headers=ann).json

    parts = urlsplit(begun["otpauthUri"])

    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == f"/DynamicVault:{ANN.address}"
    assert parse_qs(parts.query) == {"secret": [begun["secret"]], "issuer": ["DynamicVault"]}
    assert pyotp.parse_uri(begun["otpauthUri"]).secret == begun["secret"]


def test_an_enrolment_not_confirmed_is_no_second_factor(client, ann, clock):
    begun = client.post(f"{PLACE}/enroll", headers=ann).json
    phone = Authenticator(begun["secret"], clock)

    assert shown(client, ann)["enrolled"] is False
    assert outcome(prove(client, ann, phone.code())) == (409, "mfa-not-enrolled")
    clock.pass_by(minutes=16)
    late = client.post(f"{PLACE}/confirm", json={"code": phone.code()}, headers=ann)
    assert outcome(late) == (409, "mfa-not-pending")


def test_nothing_is_confirmed_by_a_wrong_code_or_without_enrolling(client, ann, clock):
    nothing = client.post(f"{PLACE}/confirm", json={"code": "123456"}, headers=ann)
    begun = client.post(f"{PLACE}/enroll", headers=ann).json
    phone = Authenticator(begun["secret"], clock)
    mistyped = client.post(f"{PLACE}/confirm", json={"code": wrong(phone)}, headers=ann)

    assert outcome(nothing) == (409, "mfa-not-pending")
    assert outcome(mistyped) == (403, "mfa-code-wrong")
    assert shown(client, ann)["enrolled"] is False
    assert client.post(f"{PLACE}/confirm", json={"code": phone.code()}, headers=ann).status_code == 200
    again = client.post(f"{PLACE}/confirm", json={"code": phone.code()}, headers=ann)
    assert outcome(again) == (409, "mfa-not-pending")


def test_the_code_that_confirmed_is_used_up(client, ann, clock):
    phone, _ = enroll(client, ann, clock)

    assert outcome(prove(client, ann, phone.code())) == (403, "mfa-code-used")
    assert prove(client, ann, phone.code(1)).status_code == 200


def test_another_one_is_enrolled_only_with_a_proof_of_the_one_in_force(client, ann, clock):
    old, codes = enroll(client, ann, clock)
    clock.pass_by(minutes=16)
    assert outcome(client.post(f"{PLACE}/enroll", headers=ann)) == (403, "mfa-required")

    prove(client, ann, old.code())
    new, _ = enroll(client, ann, clock)

    clock.pass_by(minutes=1)
    assert outcome(prove(client, ann, old.code())) == (403, "mfa-code-wrong")
    assert outcome(recover(client, ann, codes[0])) == (403, "mfa-code-wrong")
    assert prove(client, ann, new.code()).status_code == 200


def test_the_one_in_force_stays_until_the_new_one_is_confirmed(client, ann, clock):
    old, _ = enroll(client, ann, clock)
    begun = client.post(f"{PLACE}/enroll", headers=ann).json
    clock.pass_by(minutes=1)

    assert outcome(prove(client, ann, Authenticator(begun["secret"], clock).code())) == (
        403,
        "mfa-code-wrong",
    )
    assert prove(client, ann, old.code()).status_code == 200


def test_a_proof_too_old_confirms_no_replacement(client, ann, clock):
    enroll(client, ann, clock)
    clock.pass_by(minutes=10)
    begun = client.post(f"{PLACE}/enroll", headers=ann).json
    clock.pass_by(minutes=6)

    body = {"code": Authenticator(begun["secret"], clock).code()}

    assert outcome(client.post(f"{PLACE}/confirm", json=body, headers=ann)) == (403, "mfa-required")


# --- proving ------------------------------------------------------------------------------------------------


def test_an_admin_may_administer_for_fifteen_minutes_after_a_proof(client, database, clock):
    ada = signed_in(client, ADA)
    give(database, ADA, "admin")
    assert outcome(client.get(ADMINS, headers=ada)) == (403, "mfa-required")
    phone, _ = enroll(client, ada, clock)

    assert client.get(ADMINS, headers=ada).status_code == 200
    clock.pass_by(minutes=14.8)
    assert client.get(ADMINS, headers=ada).status_code == 200
    clock.pass_by(minutes=0.4)
    assert outcome(client.get(ADMINS, headers=ada)) == (403, "mfa-required")
    assert prove(client, ada, phone.code()).status_code == 200
    assert client.get(ADMINS, headers=ada).status_code == 200


def test_a_proof_is_of_one_session_only(client, app, database, clock):
    here, there = signed_in(client, ADA), signed_in(app.test_client(), ADA)
    give(database, ADA, "admin")

    phone, _ = enroll(client, here, clock)

    assert client.get(ADMINS, headers=here).status_code == 200
    assert client.get(ADMINS, headers=there).status_code == 403
    assert prove(client, there, phone.code(1)).status_code == 200
    assert client.get(ADMINS, headers=there).status_code == 200


@pytest.mark.parametrize(("steps", "status"), [(-2, 403), (-1, 200), (0, 200), (1, 200), (2, 403)])
def test_the_code_of_this_step_and_of_those_beside_it_are_good(client, ann, clock, steps, status):
    phone, _ = enroll(client, ann, clock)
    clock.pass_by(minutes=5)

    assert prove(client, ann, phone.code(steps)).status_code == status


def test_a_code_is_good_once_and_none_before_it_afterwards(client, ann, clock):
    phone, _ = enroll(client, ann, clock)
    clock.pass_by(minutes=5)

    answers = [prove(client, ann, phone.code(steps)) for steps in (0, 0, -1, 1, 1)]

    assert [outcome(one)[1] for one in answers] == [
        None,
        "mfa-code-used",
        "mfa-code-used",
        None,
        "mfa-code-used",
    ]


def test_a_code_is_good_once_however_many_send_it_at_the_same_moment(app, client, ann, clock):
    phone, _ = enroll(client, ann, clock)
    clock.pass_by(minutes=5)
    code, together, statuses = phone.code(), Barrier(8), []

    def send() -> None:
        together.wait()
        statuses.append(prove(app.test_client(), ann, code).status_code)

    threads = [Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert Counter(statuses)[200] == 1
    assert set(statuses) <= {200, 403, 429}
    assert prove(client, ann, phone.code(1)).status_code == 200, "nobody guessed, so there is no pause"


def test_a_recovery_code_is_good_once_however_it_is_typed(client, ann, clock):
    _, codes = enroll(client, ann, clock)

    first = recover(client, ann, codes[0].lower().replace("-", " "))
    again = recover(client, ann, codes[0])

    assert (first.status_code, first.json["recoveryCodesLeft"]) == (200, 9)
    assert outcome(again) == (403, "mfa-code-wrong")
    assert recover(client, ann, codes[1]).json["recoveryCodesLeft"] == 8


def test_nobody_elses_codes_are_any_good(client, app, ann, clock):
    bob = signed_in(app.test_client(), BOB)
    phone, codes = enroll(client, ann, clock)
    enroll(client, bob, clock)
    clock.pass_by(minutes=5)

    assert outcome(prove(client, bob, phone.code())) == (403, "mfa-code-wrong")
    assert outcome(recover(client, bob, codes[0])) == (403, "mfa-code-wrong")
    assert recover(client, ann, codes[0]).status_code == 200


# --- wrong codes ----------------------------------------------------------------------------------------------


def test_five_wrong_codes_bring_about_a_pause_in_which_the_right_one_is_not_looked_at(client, ann, clock):
    phone, _ = enroll(client, ann, clock)
    clock.pass_by(minutes=5)

    for _ in range(FREE_FAILURES):
        assert outcome(prove(client, ann, wrong(phone))) == (403, "mfa-code-wrong")
    paused = prove(client, ann, phone.code())

    assert outcome(paused) == (429, "mfa-locked")
    assert 14 * 60 < int(paused.headers["Retry-After"]) <= 15 * 60
    clock.pass_by(minutes=15.1)
    assert prove(client, ann, phone.code()).status_code == 200


def test_every_pause_is_twice_as_long_as_the_one_before(client, ann, clock):
    phone, _ = enroll(client, ann, clock)
    pauses = []
    for _ in range(3):
        for _ in range(FREE_FAILURES):
            prove(client, ann, wrong(phone))
        pause = int(prove(client, ann, wrong(phone)).headers["Retry-After"])
        pauses.append(round(pause / 60))
        clock.pass_by(seconds=pause + 1)

    assert pauses == [15, 30, 60]


def test_a_right_code_makes_wrong_ones_forgotten(client, ann, clock):
    phone, _ = enroll(client, ann, clock)
    for _ in range(3):
        for _ in range(FREE_FAILURES - 1):
            prove(client, ann, wrong(phone))
        clock.pass_by(minutes=1)
        assert prove(client, ann, phone.code()).status_code == 200


def test_wrong_codes_of_many_requests_at_once_are_not_looked_at_beyond_five(app, client, ann, clock):
    phone, _ = enroll(client, ann, clock)
    clock.pass_by(minutes=5)
    code, together, codes = wrong(phone), Barrier(12), []

    def send() -> None:
        together.wait()
        codes.append(outcome(prove(app.test_client(), ann, code))[1])

    threads = [Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert Counter(codes) == {"mfa-code-wrong": FREE_FAILURES, "mfa-locked": 12 - FREE_FAILURES}


def test_a_recovery_code_ends_a_pause(client, ann, clock):
    phone, codes = enroll(client, ann, clock)
    clock.pass_by(minutes=5)
    for _ in range(FREE_FAILURES):
        prove(client, ann, wrong(phone))

    assert recover(client, ann, codes[0]).status_code == 200
    assert prove(client, ann, phone.code()).status_code == 200


def test_a_stranger_brings_about_no_pause(client, app, ann, clock):
    phone, _ = enroll(client, ann, clock)
    bob = signed_in(app.test_client(), BOB)
    clock.pass_by(minutes=5)
    for headers in ({}, bob, {"Authorization": "Bearer x.y.z"}):
        for _ in range(FREE_FAILURES + 1):
            prove(client, headers, "000000")

    assert prove(client, ann, phone.code()).status_code == 200


HOSTILE: list[Any] = [
    {}, {"code": ""}, {"code": "12345"}, {"code": "1234567"}, {"code": 123456}, {"code": None}, {"code": []},
    {"code": {"$gt": ""}}, {"code": {"$ne": 1}}, {"code": "12345\n"}, {"code": "123456\n"}, {"code": "１２３４５６"},
    {"code": "12345\0"}, {"code": "1" * 10_000}, {"code": "-12345"}, {"code": "abcdef"},
    {"recoveryCode": {"$in": []}}, {"recoveryCode": ""}, {"recoveryCode": "A" * 100}, {"recoveryCode": "AAAA\0" * 4},
    {"recoveryCode": ["A" * 16]}, {"code": "123456", "recoveryCode": "A" * 16},
    {"code": "123456", "session.mfaAt": 1}, {"code": "123456", "$set": {}}, [], "123456", 123456, None,
]  # fmt: skip


def test_a_body_of_another_form_is_told_what_is_wrong_and_counts_as_no_try(client, ann, clock):
    phone, _ = enroll(client, ann, clock)
    clock.pass_by(minutes=5)
    for place in ("verify", "confirm"):
        for body in HOSTILE:
            response = client.post(
                f"{PLACE}/{place}", data=json.dumps(body), content_type="application/json", headers=ann
            )
            assert response.status_code == 400, (place, body, response.text)

    assert prove(client, ann, phone.code()).status_code == 200


# --- removing --------------------------------------------------------------------------------------------------


def test_it_is_removed_only_with_a_proof_and_every_proof_goes_with_it(client, app, database, clock):
    here, there = signed_in(client, ADA), signed_in(app.test_client(), ADA)
    give(database, ADA, "admin")
    phone, _ = enroll(client, here, clock)
    assert outcome(client.delete(PLACE, headers=there)) == (403, "mfa-required")
    prove(client, there, phone.code(1))

    removed = client.delete(PLACE, headers=here)

    assert removed.json == {"success": True}
    assert shown(client, here)["enrolled"] is False
    assert {client.get(ADMINS, headers=one).status_code for one in (here, there)} == {403}
    assert database["secondFactors"].count_documents({}) == 0


def test_what_is_not_there_cannot_be_removed(client, ann):
    assert outcome(client.delete(PLACE, headers=ann)) == (403, "mfa-required")


# --- what is written down ----------------------------------------------------------------------------------------


def test_every_act_is_in_the_audit_log(client, ann, clock, database):
    phone, codes = enroll(client, ann, clock)
    clock.pass_by(minutes=5)
    prove(client, ann, wrong(phone))
    prove(client, ann, phone.code())
    recover(client, ann, codes[0])
    client.delete(PLACE, headers=ann)

    acts = list(database.auditLog.find(sort=[("_id", 1)]))
    assert [act["action"] for act in acts] == [
        "mfa.enrolled", "mfa.refused", "mfa.proven", "mfa.recovery-code-used", "mfa.removed",
    ]  # fmt: skip
    assert {(act["actor"]["name"], act["target"]) for act in acts} == {(ANN.address, ANN.address)}
    assert acts[1]["after"]["failures"] == 1


def test_a_copy_of_the_database_and_the_log_tell_no_secret(client, ann, clock, database, caplog):
    caplog.set_level(logging.DEBUG)
    begun = client.post(f"{PLACE}/enroll", headers=ann).json
    pending = str(list(database["secondFactors"].find()))
    phone = Authenticator(begun["secret"], clock)
    code = phone.code()
    codes = client.post(f"{PLACE}/confirm", json={"code": code}, headers=ann).json["recoveryCodes"]
    clock.pass_by(minutes=5)
    recover(client, ann, codes[0])
    refused = [prove(client, ann, wrong(phone)), recover(client, ann, codes[0])]

    dump = pending + str([list(database[name].find()) for name in database.list_collection_names()])
    logged = json.dumps([vars(record) for record in caplog.records], default=str)
    told = "".join(response.text for response in refused)

    for secret in (begun["secret"], *codes, *(one.replace("-", "") for one in codes)):
        assert secret not in dump
        assert secret not in logged
        assert secret not in told


def test_a_secret_moved_to_another_user_is_refused(client, app, ann, clock, database):
    bob = signed_in(app.test_client(), BOB)
    phone, _ = enroll(client, ann, clock)
    enroll(client, bob, clock)
    clock.pass_by(minutes=5)
    mine = database["secondFactors"].find_one({"walletAddress": ANN.address})["secret"]
    database["secondFactors"].update_one({"walletAddress": BOB.address}, {"$set": {"secret": mine}})

    response = prove(client, bob, phone.code())

    assert outcome(response) == (503, "secrets-unreadable")


def test_without_a_place_for_secrets_nobody_enrolls_and_nothing_else_suffers(database):
    app = make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), ("k" * 40,)))
    client = app.test_client()
    ann = signed_in(client, ANN)

    assert client.post(f"{PLACE}/enroll", headers=ann).status_code == 503
    assert client.get(PLACE, headers=ann).status_code == 200
