"""Signing in, staying signed in, signing out: over HTTP, with a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo.database import Database

from api import make_app
from api.auth.options import Auth
from api.services import SystemClock
from store.accounts import Accounts
from store.indexes import ensure_early
from store.reading import Reading
from tests.api.signing import BASE_URL, Wallet, bearer, nonce_for, sign_in

ANN, BEN = Wallet("ann"), Wallet("ben")
KEYS = ("k" * 40,)


@pytest.fixture
def app(database: Database[Any]) -> Flask:
    ensure_early(database)
    return make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), KEYS))


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """Another browser."""
    return app.test_client()


def refresh(client: FlaskClient, token: object = None, **headers: str) -> Any:
    body = {} if token is None else {"refreshToken": token}
    return client.post("/api/auth/refresh", json=body, headers=headers, base_url=BASE_URL)


def sessions_of(client: FlaskClient, tokens: dict[str, Any]) -> Any:
    return client.get("/api/auth/sessions", headers=bearer(tokens))


def drop_cookies(client: FlaskClient) -> None:
    client.delete_cookie("refresh_token", domain="localhost", path="/api/auth")


# --- asking ---------------------------------------------------------------------------------


def test_a_nonce_is_long_alphanumeric_new_each_time_and_makes_no_user(client, database):
    first = client.get(f"/api/auth/nonce?walletAddress={ANN.address.lower()}").json
    second = client.get(f"/api/auth/nonce?walletAddress={ANN.address}").json

    assert first["walletAddress"] == ANN.address
    assert first["nonce"].isalnum()
    assert len(first["nonce"]) >= 22
    assert first["nonce"] != second["nonce"]
    assert database.users.count_documents({}) == 0


# --- proving ---------------------------------------------------------------------------------


def test_signing_in_gives_tokens_a_user_and_a_cookie_that_no_script_can_read(client, database):
    proof = ANN.proof(nonce_for(client, ANN))

    response = client.post("/api/auth/verify", json=proof, base_url=BASE_URL)

    assert response.status_code == 200
    assert response.json.keys() == {"accessToken", "refreshToken", "expiresIn", "user"}
    assert response.json["expiresIn"] == 900
    assert response.json["user"]["walletAddress"] == ANN.address
    assert response.json["user"]["roles"] == ["user"]
    cookie = response.headers["Set-Cookie"]
    for part in ("refresh_token=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/api/auth"):
        assert part in cookie
    assert database.users.count_documents({"walletAddress": ANN.address, "status": "active"}) == 1
    assert response.headers["Cache-Control"] == "no-store"


def test_a_message_signs_in_once(client):
    proof = ANN.proof(nonce_for(client, ANN))

    answers = [client.post("/api/auth/verify", json=proof, base_url=BASE_URL) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[1].json["code"] == "nonce-invalid"


def test_a_nonce_of_somebody_else_is_worth_nothing_and_stays_good_for_them(client):
    nonce = nonce_for(client, ANN)

    stolen = client.post("/api/auth/verify", json=BEN.proof(nonce), base_url=BASE_URL)
    own = client.post("/api/auth/verify", json=ANN.proof(nonce), base_url=BASE_URL)

    assert (stolen.status_code, stolen.json["code"]) == (401, "nonce-invalid")
    assert own.status_code == 200


def test_an_expired_nonce_is_refused(client, database):
    nonce = nonce_for(client, ANN)
    database.nonces.update_one({"_id": nonce}, {"$set": {"expiresAt": SystemClock().now()}})

    response = client.post("/api/auth/verify", json=ANN.proof(nonce), base_url=BASE_URL)

    assert response.json["code"] == "nonce-invalid"


def test_a_bad_signature_uses_the_nonce_up(client):
    """Otherwise it could be tried against one nonce for ever."""
    proof = ANN.proof(nonce_for(client, ANN))

    bad = client.post(
        "/api/auth/verify", json={**proof, "signature": BEN.sign(proof["message"])}, base_url=BASE_URL
    )
    good = client.post("/api/auth/verify", json=proof, base_url=BASE_URL)

    assert bad.json["code"] == "signature-mismatch"
    assert good.json["code"] == "nonce-invalid"


# --- being signed in -------------------------------------------------------------------------


def test_an_access_token_shows_where_one_is_signed_in(client, stranger):
    sign_in(stranger, ANN)
    tokens = sign_in(client, ANN)

    told = sessions_of(client, tokens).json["sessions"]

    assert [one["isCurrentSession"] for one in told] == [True, False]
    assert told[0].keys() == {
        "id", "createdAt", "expiresAt", "ipAddress", "userAgent", "isCurrentSession",
    }  # fmt: skip


def test_one_can_end_ones_own_sessions_only(client, stranger):
    mine, theirs = sign_in(client, ANN), sign_in(stranger, BEN)
    my_id = sessions_of(client, mine).json["sessions"][0]["id"]

    refused = stranger.delete(f"/api/auth/sessions/{my_id}", headers=bearer(theirs))
    assert refused.status_code == 404
    assert sessions_of(client, mine).status_code == 200

    ended = client.delete(f"/api/auth/sessions/{my_id}", headers=bearer(mine))
    assert ended.json == {"success": True}
    assert sessions_of(client, mine).status_code == 401


def test_signing_out_is_effective_at_once_and_can_be_repeated(client):
    tokens = sign_in(client, ANN)

    for _ in range(2):
        left = client.post("/api/auth/logout", json={}, headers=bearer(tokens), base_url=BASE_URL)
        assert (left.status_code, left.json) == (200, {"success": True})

    assert sessions_of(client, tokens).status_code == 401
    assert refresh(client, tokens["refreshToken"]).status_code == 401


def test_signing_out_everywhere_ends_every_session_and_nobody_elses(client, stranger, app):
    here, there, other = sign_in(client, ANN), sign_in(stranger, ANN), sign_in(app.test_client(), BEN)

    left = client.delete("/api/auth/logout", headers=bearer(here), base_url=BASE_URL)

    assert left.json == {"success": True}
    assert [sessions_of(client, one).status_code for one in (here, there, other)] == [401, 401, 200]


def test_the_cookie_alone_signs_out_from_our_own_pages_only(client):
    tokens = sign_in(client, ANN)

    def leave(origin: str) -> int:
        return client.post(
            "/api/auth/logout", json={}, headers={"Origin": origin}, base_url=BASE_URL
        ).status_code

    assert leave("https://evil.example") == 403
    assert sessions_of(client, tokens).status_code == 200
    assert leave("http://localhost:3000") == 200
    assert sessions_of(client, tokens).status_code == 401


def test_nobody_cannot_sign_out(client):
    assert client.post("/api/auth/logout", json={}).status_code == 401
    assert client.delete("/api/auth/logout").status_code == 401


# --- refreshing ------------------------------------------------------------------------------


def test_a_refresh_token_is_replaced_when_it_is_used(client):
    first = sign_in(client, ANN)

    second = refresh(client)

    assert second.status_code == 200
    assert second.json["refreshToken"] != first["refreshToken"]
    assert sessions_of(client, second.json).status_code == 200


def test_a_lost_answer_can_be_had_again_for_a_moment_and_is_the_same(client, stranger):
    first = sign_in(client, ANN)["refreshToken"]

    answers = []
    for _ in range(3):
        answers.append(refresh(stranger, first))
        drop_cookies(stranger)

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.json["refreshToken"] for answer in answers}) == 1


def test_reuse_after_the_grace_ends_the_session_for_everybody(client, database, stranger):
    first = sign_in(client, ANN)
    second = refresh(client).json
    database.sessions.update_one({}, [{"$set": {"rotatedAt": {"$subtract": ["$rotatedAt", 11_000]}}}])

    reused = refresh(stranger, first["refreshToken"])

    assert reused.status_code == 401
    assert "used before" in reused.json["error"]
    assert refresh(client, second["refreshToken"]).status_code == 401
    assert sessions_of(client, second).status_code == 401
    assert database.auditLog.find_one({"action": "session.reuse-detected"})["target"] == ANN.address


def test_a_grandparent_has_no_grace(client, stranger):
    first = sign_in(client, ANN)["refreshToken"]
    refresh(client)
    third = refresh(client).json

    assert refresh(stranger, first).status_code == 401
    assert sessions_of(client, third).status_code == 401


def test_the_cookie_wins_over_whatever_the_body_says(client):
    first = sign_in(client, ANN)["refreshToken"]
    refresh(client)
    refresh(client)

    for stale in (first, "undefined", None, 7, {"$ne": ""}):
        assert refresh(client, stale).status_code == 200


def test_without_a_cookie_the_body_is_asked(client, stranger):
    tokens = sign_in(client, ANN)

    assert refresh(stranger, tokens["refreshToken"]).status_code == 200
    drop_cookies(stranger)
    for nothing in ("undefined", "null", "", 7, {"$gt": ""}, [], "x.y.z", tokens["accessToken"]):
        assert refresh(stranger, nothing).status_code == 401


def test_an_idle_session_and_an_old_one_are_over(client, database):
    tokens = sign_in(client, ANN)
    session = database.sessions.find_one()
    assert session["expiresAt"] - session["createdAt"] == timedelta(days=7)

    database.sessions.update_one(
        {}, [{"$set": {"createdAt": {"$subtract": ["$createdAt", 29 * 86_400_000]}}}]
    )
    refreshed = refresh(client)
    session = database.sessions.find_one()
    assert refreshed.status_code == 200
    assert session["expiresAt"] - session["createdAt"] == timedelta(days=30)

    database.sessions.update_one({}, {"$set": {"expiresAt": SystemClock().now()}})
    assert sessions_of(client, refreshed.json).status_code == 401
    assert refresh(client).status_code == 401
    assert sessions_of(client, tokens).status_code == 401


# --- pages of others ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_the_cookie_is_believed_on_behalf_of_our_own_pages_only(client, headers, status):
    sign_in(client, ANN)

    assert refresh(client, **headers).status_code == status


def test_with_the_cookie_a_request_must_be_json_as_no_form_can_be(client):
    sign_in(client, ANN)

    form = client.post("/api/auth/refresh", data="a=b", content_type="text/plain", base_url=BASE_URL)
    empty = client.post("/api/auth/refresh", content_type="application/json", base_url=BASE_URL)

    assert (form.status_code, empty.status_code) == (415, 200)


def test_a_client_may_ask_for_double_submit(client):
    sign_in(client, ANN, doubleSubmit=True)
    cookie = client.get_cookie("csrf_refresh_token", domain="localhost")

    assert refresh(client).status_code == 403
    assert refresh(client, **{"X-CSRF-TOKEN": "guessed"}).status_code == 403
    assert refresh(client, **{"X-CSRF-TOKEN": cookie.value}).status_code == 200


# --- what the database holds --------------------------------------------------------------------


def test_no_token_is_in_the_database(client, database):
    tokens = sign_in(client, ANN)
    refreshed = refresh(client).json

    kept = "".join(
        str(document) for name in database.list_collection_names() for document in database[name].find()
    )

    for token in (tokens, refreshed):
        assert token["refreshToken"] not in kept
        assert token["accessToken"] not in kept
        assert token["refreshToken"].rpartition(".")[2] not in kept
