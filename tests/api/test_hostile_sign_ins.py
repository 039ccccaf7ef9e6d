# ruff: noqa: ARG005 - what makes a signature is given the text and the right one, whichever it needs
"""What strangers send: every field of a sign-in and of a token, wrong in every way we can think of."""

from __future__ import annotations

import base64
import json
import logging
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.read_concern import ReadConcern

from api import make_app
from api.auth.options import Auth
from api.auth.tokens import AUDIENCE, ISSUER, key_id
from api.services import SystemClock
from api.signin.refusals import CODES
from api.signin.signature import CURVE_ORDER
from store.accounts import Accounts
from store.indexes import ensure_early
from store.reading import Reading
from tests.api.signing import BASE_URL, Wallet, bearer, moment, nonce_for, sign_in

ANN, BEN = Wallet("ann"), Wallet("ben")
OLD, NEW = "o" * 40, "n" * 40


@pytest.fixture
def app(database) -> Flask:
    ensure_early(database)
    return with_keys(database, NEW, OLD)


def with_keys(database: Any, *keys: str) -> Flask:
    return make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), keys))


def verify(client: FlaskClient, body: Any) -> Any:
    return client.post("/api/auth/verify", json=body, base_url=BASE_URL)


# --- messages ------------------------------------------------------------------------------------

REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"domain": "evil.example"}, "domain-mismatch"),
    ({"domain": "localhost.evil.example:3000"}, "domain-mismatch"),
    ({"domain": "localhost:3000@evil.example"}, "domain-mismatch"),
    ({"domain": "evil@localhost:3000"}, "domain-mismatch"),
    ({"domain": "LOCALHOST:3000"}, "domain-mismatch"),
    ({"domain": "localhost:*"}, "message-malformed"),
    ({"domain": "localhost:123456"}, "domain-mismatch"),
    ({"domain": ""}, "message-malformed"),
    ({"domain": "local host:3000"}, "message-malformed"),
    ({"scheme": "ftp"}, "scheme-mismatch"),
    ({"scheme": "https"}, "scheme-mismatch"),
    ({"scheme": "1http"}, "message-malformed"),
    ({"uri": "https://evil.example/"}, "uri-mismatch"),
    ({"uri": "http://localhost:3001"}, "uri-mismatch"),
    ({"uri": "http://localhost:3000@evil.example/"}, "uri-mismatch"),
    ({"uri": "http://user@localhost:3000/"}, "uri-mismatch"),
    ({"uri": "javascript:alert(1)"}, "uri-mismatch"),
    ({"uri": "ftp://localhost:3000"}, "uri-mismatch"),
    ({"uri": "//localhost:3000"}, "message-malformed"),
    ({"uri": "http://localhost:3000/ "}, "message-malformed"),
    ({"uri": "http://localhost:3000/%zz"}, "message-malformed"),
    ({"uri": "http://localhost:3000/" + "a" * 300}, "message-malformed"),
    ({"version": "2"}, "message-malformed"),
    ({"version": "1.0"}, "message-malformed"),
    ({"chain_id": 5}, "chain-mismatch"),
    ({"chain_id": 0}, "chain-mismatch"),
    ({"chain_id": -1}, "message-malformed"),
    ({"chain_id": "0x1"}, "message-malformed"),
    ({"chain_id": "1e0"}, "message-malformed"),
    ({"chain_id": "9" * 40}, "message-malformed"),
    ({"chain_id": "１"}, "message-malformed"),
    ({"nonce": "short"}, "message-malformed"),
    ({"nonce": "with-hyphens-in-it"}, "message-malformed"),
    ({"nonce": "neverIssuedByUs123"}, "nonce-invalid"),
    ({"nonce": "a" * 97}, "message-malformed"),
    ({"nonce": "{'$ne': 1}xxxxxx"}, "message-malformed"),
    ({"issued_at": "yesterday"}, "message-malformed"),
    ({"issued_at": "2022-02-31T00:00:00Z"}, "message-malformed"),
    ({"issued_at": "2022-01-31T00:00:00"}, "message-malformed"),
    ({"issued_at": "2022-01-31T00:00:60Z"}, "message-malformed"),
    ({"issued_at": "0001-01-01T00:00:00+23:59"}, "message-malformed"),
    ({"issued_at": "9999-12-31T23:59:59-23:59"}, "message-malformed"),
    ({"issued_at": "0001-01-01T00:00:00Z"}, "issued-too-long-ago"),
    ({"issued_at": "9999-12-31T23:59:59Z"}, "issued-in-future"),
    ({"issued_at": "PLUS 400"}, "issued-in-future"),
    ({"issued_at": "PLUS -700"}, "issued-too-long-ago"),
    ({"expiration_time": "PLUS -1"}, "message-expired"),
    ({"expiration_time": "never"}, "message-malformed"),
    ({"not_before": "PLUS 60"}, "not-yet-valid"),
    ({"not_before": "now"}, "message-malformed"),
    ({"statement": "two\nlines"}, "message-malformed"),
    ({"statement": "carriage\rreturn"}, "message-malformed"),
    ({"statement": "nul\x00"}, "message-malformed"),
    ({"statement": "unicode ☃"}, "message-malformed"),
    ({"statement": "right-to-left \u202e"}, "message-malformed"),
    ({"statement": "a" * 2000}, "message-too-long"),
    ({"statement": "☃" * 1500}, "message-malformed"),
    ({"request_id": "not a pchar"}, "message-malformed"),
    ({"resources": ["not a uri"]}, "message-malformed"),
    ({"resources": ["https://[::1::]/"]}, "message-malformed"),
    ({"address": ANN.address.lower()}, "address-not-checksummed"),
    ({"address": ANN.address.upper().replace("0X", "0x")}, "address-not-checksummed"),
    ({"address": BEN.address}, "address-mismatch"),
    ({"address": "0x" + "0" * 39}, "message-malformed"),
    ({"address": ""}, "message-malformed"),
]  # fmt: skip


def spelled(value: Any) -> Any:
    """`PLUS 60`: a minute from now."""
    return moment(float(value[5:])) if isinstance(value, str) and value.startswith("PLUS ") else value


@pytest.mark.parametrize(("changes", "code"), REFUSALS, ids=lambda value: str(value)[:60])
def test_a_message_that_says_anything_else_is_refused_with_its_reason(client, database, changes, code):
    nonce = nonce_for(client, ANN)
    said = {name: spelled(value) for name, value in changes.items()}

    response = verify(client, ANN.proof(said.pop("nonce", nonce), **said))

    assert (response.status_code, response.json["code"]) == (401, code)
    assert code in CODES
    assert database.users.count_documents({}) == 0
    newest = database.get_collection("nonces", read_concern=ReadConcern("local"))
    assert newest.count_documents({"_id": nonce}) == 1, "the nonce is still good"


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": None},
        {"statement": ""},
        {"statement": "x" * 1500},
        {"statement": ":/?#[]@!$&'()*+,;= the reserved"},
        {"scheme": "http"},
        {"issued_at": "PLUS 240"},
        {"issued_at": "PLUS -590"},
        {"expiration_time": "PLUS 60", "not_before": "PLUS -60"},
        {"request_id": ""},
        {"request_id": "a%20b" * 200},
        {"resources": []},
        {"resources": ["https://example.com/a?b#c", "ipfs://Qm/x", "urn:a:b", "https://[2001:db8::1]/"]},
        {"resources": ["a:b"] * 200},
        {"uri": "http://localhost:3000/login?next=%2F#top"},
        {"domain": "127.0.0.1:5173", "uri": "http://127.0.0.1:5173"},
        {"domain": "[::1]:5173", "uri": "https://[::1]:5173"},
    ],
    ids=lambda value: str(value)[:60],
)
def test_everything_that_eip_4361_allows_and_we_accept_signs_in(client, changes):
    said = {name: spelled(value) for name, value in changes.items()}

    response = verify(client, ANN.proof(nonce_for(client, ANN), **said))

    assert response.status_code == 200, response.text


def test_the_host_header_has_no_say(client):
    proof = ANN.proof(nonce_for(client, ANN), domain="evil.example", uri="https://evil.example")

    response = client.post("/api/auth/verify", json=proof, headers={"Host": "evil.example"})

    assert response.json["code"] == "domain-mismatch"


def test_the_bytes_received_are_the_bytes_that_must_be_signed(client):
    """Another spelling of the same thing is another message."""
    text = ANN.message(nonce_for(client, ANN), chain_id="1")
    other = text.replace("Chain ID: 1", "Chain ID: 01")

    response = verify(client, {"walletAddress": ANN.address, "message": other, "signature": ANN.sign(text)})

    assert response.json["code"] == "signature-mismatch"


# --- signatures ----------------------------------------------------------------------------------


def flipped(signature: str) -> str:
    """The other signature of the same message: s mirrored, parity swapped."""
    raw = bytes.fromhex(signature[2:])
    s = CURVE_ORDER - int.from_bytes(raw[32:64], "big")
    return "0x" + (raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])).hex()


SIGNATURES = {
    "of another": (lambda text, right: BEN.sign(text), "signature-mismatch"),
    "of another text": (lambda text, right: ANN.sign(text + " "), "signature-mismatch"),
    "in the upper half": (lambda text, right: flipped(right), "signature-not-canonical"),
    "without 0x": (lambda text, right: right[2:], "signature-malformed"),
    "upper 0X": (lambda text, right: "0X" + right[2:], "signature-malformed"),
    "short": (lambda text, right: right[:-2], "signature-malformed"),
    "long": (lambda text, right: right + "00", "signature-malformed"),
    "half a byte": (lambda text, right: right[:-1], "signature-malformed"),
    "not hex": (lambda text, right: "0x" + "zz" * 65, "signature-malformed"),
    "with a space": (lambda text, right: right + " ", "signature-malformed"),
    "with a newline": (lambda text, right: right + "\n", "signature-malformed"),
    "empty": (lambda text, right: "", "signature-malformed"),
    "0x": (lambda text, right: "0x", "signature-malformed"),
    "zero": (lambda text, right: "0x" + "00" * 65, "signature-mismatch"),
    "all ones": (lambda text, right: "0x" + "ff" * 65, "signature-mismatch"),
    "r of zero": (lambda text, right: "0x" + "00" * 32 + right[66:], "signature-mismatch"),
    "another v": (lambda text, right: right[:-2] + "1d", "signature-mismatch"),
    "ERC-6492 for nobody": (lambda text, right: right + "6492" * 16, "signature-malformed"),
    "4 KB": (lambda text, right: "0x" + "ab" * 4096, "signature-malformed"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SIGNATURES)
def test_any_other_signature_is_refused(client, kind):
    make, code = SIGNATURES[kind]
    proof = ANN.proof(nonce_for(client, ANN))

    response = verify(client, {**proof, "signature": make(proof["message"], proof["signature"])})

    assert (response.status_code, response.json["code"]) == (401, code)


# --- bodies ----------------------------------------------------------------------------------------

OPERATORS: list[Any] = [{"$ne": None}, {"$gt": ""}, ["x"], 7, 1.5, True, None, {"a": {"$where": "1"}}]


@pytest.mark.parametrize("value", OPERATORS, ids=str)
@pytest.mark.parametrize("field", ["walletAddress", "message", "signature"])
def test_operators_and_other_types_are_refused_by_name(client, field, value):
    proof = ANN.proof(nonce_for(client, ANN))

    response = verify(client, {**proof, field: value})

    assert response.status_code == 400
    assert [error["field"] for error in response.json["errors"]] == [field]


@pytest.mark.parametrize(
    "extra", [{"$where": "1"}, {"user.roles": "admin"}, {"roles": ["admin"]}, {"__proto__": {}}], ids=str
)
def test_fields_that_nobody_asked_for_are_refused(client, extra):
    assert verify(client, {**ANN.proof(nonce_for(client, ANN)), **extra}).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "walletAddress[$ne]=x", "walletAddress=0x", "walletAddress=", "", "walletAddress[]=0x",
        f"walletAddress={ANN.address}&walletAddress={BEN.address}", f"walletAddress={ANN.address}&x=1",
        f"walletAddress={ANN.address.swapcase()}", "walletAddress=" + "0" * 10_000,
        f"walletAddress={ANN.address}%00", f"walletAddress={ANN.address}%0a",
    ],
)  # fmt: skip
def test_a_nonce_is_for_one_address(client, database, query):
    assert client.get(f"/api/auth/nonce?{query}").status_code == 400
    assert database.nonces.count_documents({}) == 0


@pytest.mark.parametrize("path", ["$ne", "x" * 24, "0" * 23, "0" * 25, "%00", "..", "0" * 24])
def test_a_session_is_named_by_its_id_only(client, path):
    tokens = sign_in(client, ANN)

    assert client.delete(f"/api/auth/sessions/{path}", headers=bearer(tokens)).status_code in (400, 404)
    assert client.get("/api/auth/sessions", headers=bearer(tokens)).status_code == 200


@settings(max_examples=150, deadline=None, database=None, derandomize=True,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(st.data())
def test_no_change_of_any_character_signs_anybody_in(client, data):
    """Mutations of a good sign-in are refused in order, never with an error of ours."""
    proof = ANN.proof("abcdefgh12345678")
    field = data.draw(st.sampled_from(["message", "signature"]))
    text = proof[field]
    at = data.draw(st.integers(0, len(text)))
    put = data.draw(
        st.one_of(st.text(max_size=3), st.sampled_from(["\n", "\r\n", "%", "\x00", "0x", ": ", "☃"]))
    )
    cut = data.draw(st.integers(0, 3))

    response = verify(client, {**proof, field: text[:at] + put + text[at + cut :]})

    assert response.status_code in (400, 401)


# --- tokens ------------------------------------------------------------------------------------------


def forged(
    key: str = NEW, headers: dict[str, Any] | None = None, algorithm: str = "HS256", **claims: Any
) -> str:
    now = int(SystemClock().now().timestamp())
    said = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": ANN.address, "type": "access", "iat": now, "exp": now + 600,
        "jti": "x", "fresh": False, "sid": "0" * 24,
    } | claims  # fmt: skip
    kept = {name: value for name, value in said.items() if value is not ...}
    return jwt.encode(kept, key, algorithm, {"kid": key_id(NEW), **(headers or {})})


def sid_of(database: Any) -> str:
    return str(database.sessions.find_one()["_id"])


FORGERIES: dict[str, dict[str, Any]] = {
    "wrong key": {"key": "w" * 40},
    "no algorithm": {"key": "", "algorithm": "none"},
    "another algorithm": {"algorithm": "HS512", "key": NEW * 2},
    "wrong issuer": {"iss": "somebody"},
    "no issuer": {"iss": ...},
    "wrong audience": {"aud": "another"},
    "no audience": {"aud": ...},
    "expired": {"exp": 1},
    "to come": {"nbf": 32503680000},
    "issued to come": {"iat": 32503680000},
    "refresh token": {"type": "refresh"},
    "no session": {"sid": ...},
    "unknown session": {"sid": "f" * 24},
    "operator as session": {"sid": {"$ne": None}},
    "number as session": {"sid": 7},
    "short session": {"sid": "abc"},
    "no subject": {"sub": ...},
    "object as subject": {"sub": {"$ne": None}},
    "unknown key id": {"headers": {"kid": "0" * 16}},
    "object as key id": {"headers": {"kid": {"$ne": None}}},
    "no key id": {"headers": {"kid": None}},
    "path as key id": {"headers": {"kid": "../../dev/null"}},
    "critical header": {"headers": {"crit": ["x"]}},
}


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_that_we_did_not_make_is_nothing(client, database, forgery):
    sign_in(client, ANN)
    said = {"sid": sid_of(database), **FORGERIES[forgery]}
    try:
        token = forged(**said)
    except (TypeError, jwt.PyJWTError):
        token = unchecked(said)

    response = client.get("/api/auth/sessions", headers={"Authorization": f"Bearer {token}"})

    assert (response.status_code, response.json["code"]) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def unchecked(said: dict[str, Any]) -> str:
    """A token signed by hand, where the library would not make one."""
    algorithm = jwt.get_algorithm_by_name("HS256")
    header = {"alg": "HS256", "typ": "JWT", "kid": key_id(NEW), **said.pop("headers", {})}
    now = int(SystemClock().now().timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": ANN.address,
        "type": "access",
        "iat": now,
        "exp": now + 600,
    }
    content = b".".join(encoded(part) for part in (header, {**claims, **said}))
    signature = algorithm.sign(content, algorithm.prepare_key(NEW))
    return (content + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def encoded(part: Any) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


def test_the_forgeries_would_work_if_nothing_were_wrong_with_them(client, database):
    sign_in(client, ANN)

    for make in (forged, lambda **said: unchecked(said)):
        token = make(sid=sid_of(database))
        assert (
            client.get("/api/auth/sessions", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        )


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "bearer x", "Bearer x.y", "Bearer a.b.c", "Bearer ....", "Bearer \xff.\xff.\xff", "Token x", "",
     "Bearer " + "a" * 5000, "Bearer " + ".".join(["e30"] * 3), "Bearer null", "Bearer undefined", "Bearer x y"],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_a_malformed_authorization_is_401_not_422_or_500(client, header):
    response = client.get("/api/auth/sessions", headers={"Authorization": header})

    assert (response.status_code, response.json["code"]) == (401, "unauthenticated")


def test_keys_can_be_rotated_without_signing_anybody_out(database, app):
    before = with_keys(database, OLD).test_client()
    tokens = sign_in(before, ANN)
    both, after = app.test_client(), with_keys(database, NEW).test_client()

    assert both.get("/api/auth/sessions", headers=bearer(tokens)).status_code == 200
    renewed = both.post("/api/auth/refresh", json={"refreshToken": tokens["refreshToken"]}, base_url=BASE_URL)
    assert renewed.status_code == 200

    assert after.get("/api/auth/sessions", headers=bearer(tokens)).status_code == 401
    assert after.get("/api/auth/sessions", headers=bearer(renewed.json)).status_code == 200
    again = after.post(
        "/api/auth/refresh", json={"refreshToken": renewed.json["refreshToken"]}, base_url=BASE_URL
    )
    assert again.status_code == 200


def test_a_key_taken_away_during_the_grace_is_no_error_of_ours(database, client):
    old = with_keys(database, OLD).test_client()
    tokens = sign_in(old, ANN)
    old.post("/api/auth/refresh", json={}, base_url=BASE_URL)

    response = client.post(
        "/api/auth/refresh", json={"refreshToken": tokens["refreshToken"]}, base_url=BASE_URL
    )

    assert response.status_code == 200
    only_new = with_keys(database, NEW).test_client()
    gone = only_new.post(
        "/api/auth/refresh", json={"refreshToken": tokens["refreshToken"]}, base_url=BASE_URL
    )
    assert gone.status_code == 401


# --- what is written down ------------------------------------------------------------------------------


def test_nothing_secret_is_in_logs_or_errors(client, app, caplog):
    caplog.set_level(logging.DEBUG)
    proof = ANN.proof(nonce_for(client, ANN))
    tokens = verify(client, proof).json
    answers = [
        verify(client, proof),
        verify(client, {**proof, "signature": proof["signature"] + "zz"}),
        client.get("/api/auth/sessions", headers={"Authorization": f"Basic {tokens['accessToken']}"}),
        client.get("/api/auth/sessions", headers={"Authorization": f"Bearer {tokens['refreshToken']}"}),
        app.test_client().post("/api/auth/refresh", json={"refreshToken": tokens["accessToken"]}),
        app.test_client().post("/api/auth/refresh", json=[tokens["refreshToken"]]),
    ]

    written = caplog.text + "".join(answer.text for answer in answers)

    assert {answer.status_code for answer in answers} <= {400, 401}
    for secret in (tokens["accessToken"], tokens["refreshToken"], proof["signature"][2:], NEW, OLD):
        assert secret not in written


def test_an_old_token_can_end_its_own_session_and_no_other(client, app, database):
    here, there = sign_in(client, ANN), sign_in(app.test_client(), ANN)
    session = jwt.decode(here["accessToken"], options={"verify_signature": False})["sid"]
    old = {"Authorization": f"Bearer {forged(sid=session, exp=1)}"}

    everywhere = app.test_client().delete("/api/auth/logout", headers=old)
    assert everywhere.status_code == 401
    assert client.get("/api/auth/sessions", headers=bearer(here)).status_code == 200

    assert app.test_client().post("/api/auth/logout", headers=old).status_code == 200
    assert client.get("/api/auth/sessions", headers=bearer(here)).status_code == 401
    assert client.get("/api/auth/sessions", headers=bearer(there)).status_code == 200


def test_lifetimes_are_what_they_should_be(client, database):
    tokens = sign_in(client, ANN)
    told = jwt.decode(tokens["accessToken"], options={"verify_signature": False})

    assert told["exp"] - told["iat"] == timedelta(minutes=15).total_seconds()
    assert told.keys() <= {"fresh", "iat", "jti", "type", "sub", "aud", "iss", "exp", "sid"}
