"""`dvault admin` and `dvault siwe check`, as processes and on a real database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from store.accounts import Accounts
from store.audit import Act
from store.connection import Connection
from store.second_factors import Fresh
from tests.api.signing import DOMAIN, URI, Wallet, moment
from tests.e2e.running import Done, Dvault, settings_of

ADA, BOB = Wallet("ada"), Wallet("bob")
NONCE = "abcdefgh12345678"


@pytest.fixture
def dvault(mongo_uri: str, connection: Connection, tmp_path: Path) -> Dvault:
    return Dvault(tmp_path, settings_of("http://127.0.0.1:9", mongo_uri, connection.database.name, tmp_path))


def question(**changes: Any) -> dict[str, Any]:
    proof = ADA.proof(NONCE)
    return {
        **proof, "domain": DOMAIN, "uris": [URI], "chainIds": [1], "nonce": NONCE, "at": moment(), **changes,
    }  # fmt: skip


def answers(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_roles_are_granted_listed_and_revoked_and_written_down(dvault, connection):
    granted = dvault.finish("admin", "grant", ADA.address.lower())
    dvault.finish("admin", "grant", BOB.address, "--role", "oracle")
    listed = dvault.finish("admin", "list", "--json")
    revoked = dvault.finish("admin", "revoke", BOB.address, "--role", "oracle")

    assert (granted.code, revoked.code) == (0, 0), (granted, revoked)
    assert {user["walletAddress"]: user["roles"] for user in listed.json["users"]} == {
        ADA.address: ["user", "admin"],
        BOB.address: ["user", "oracle"],
    }
    acts = list(connection.database.auditLog.find(sort=[("_id", 1)]))
    assert [act["action"] for act in acts] == ["user.role-granted", "user.role-granted", "user.role-revoked"]
    assert {act["actor"]["kind"] for act in acts} == {"operator"}
    assert acts[-1]["before"] == {"roles": ["user", "oracle"]}


def test_mistakes_are_told_in_a_sentence_and_change_nothing(dvault, connection):
    dvault.finish("admin", "grant", ADA.address)
    before = list(connection.database.users.find())

    last = dvault.finish("admin", "revoke", ADA.address)
    unknown = dvault.finish("admin", "revoke", BOB.address)
    typo = dvault.finish("admin", "grant", ADA.address[:-1] + ("0" if ADA.address[-1] != "0" else "1"))
    nonsense = dvault.finish("admin", "grant", "somebody")

    assert "last active admin" in last.err
    assert "never signed in" in unknown.err
    assert "checksum" in typo.err
    assert "not an address" in nonsense.err
    assert all(done.code for done in (last, unknown, typo, nonsense))
    assert list(connection.database.users.find()) == before


def test_a_lost_second_factor_is_reset_and_written_down(dvault, connection):
    dvault.finish("admin", "grant", ADA.address)
    database = connection.database
    user = database.users.find_one({"walletAddress": ADA.address})
    factors, moment = Accounts(database).factors, datetime.now(UTC)
    act = Act(moment, "mfa.enrolled", "user", ADA.address)
    factors.enroll(user, b"sealed", moment + timedelta(minutes=15))
    never = dvault.finish("admin", "reset-mfa", BOB.address)
    factors.enroll(user, b"sealed", moment + timedelta(minutes=15))
    assert factors.confirm(user["_id"], b"sealed", Fresh(1, ("hash",), "0" * 24), moment, act)

    done = dvault.finish("admin", "reset-mfa", ADA.address.lower())
    again = dvault.finish("admin", "reset-mfa", ADA.address)

    assert done.code == 0, done
    assert factors.get(user["_id"]) is None
    assert (never.code, again.code) == (1, 1)
    assert "has no second factor" in again.err
    last = database.auditLog.find_one(sort=[("at", -1)])
    assert (last["action"], last["target"], last["actor"]["kind"]) == ("mfa.reset", ADA.address, "operator")


def test_a_sign_in_is_explained_line_by_line_and_a_bad_line_stops_nothing(dvault):
    lines = [
        json.dumps(question()),
        json.dumps(question(walletAddress=BOB.address)),
        json.dumps(question(nonce="another1234")),
        json.dumps(question(domain="service.org")),
        "{",
        "",
        json.dumps(question(at="no time")),
        json.dumps(question(at="2022-01-01T00:00:00")),
        json.dumps({**question(), "walletAddress": None}),
        json.dumps(question(at=0, maxAgeSeconds=None)),
        json.dumps(question(at=moment(3600), maxAgeSeconds=7200)),
        json.dumps(question(scheme="https")),
        json.dumps(question(maxAgeSeconds=-1)),
        json.dumps(question(at="2020-01-01T00:00:00Z", maxAgeSeconds=1e300)),
        json.dumps(question(at=moment(-400), maxAgeSeconds=7200)),
        json.dumps({"message": "x"}),
        json.dumps(question(message="x" * 3000)),
        '"' + "x" * 2_000_000 + '"',
        json.dumps(question()),
    ]

    told = answers(dvault.finish("siwe", "check", stdin="\n".join(lines) + "\n"))

    assert [one["code"] for one in told] == [
        "accepted", "address-mismatch", "nonce-invalid", "domain-mismatch", "invalid-line", "invalid-line",
        "invalid-line", "accepted", "accepted", "accepted", "accepted", "invalid-line", "accepted",
        "issued-in-future", "invalid-line", "message-too-long", "invalid-line", "accepted",
    ]  # fmt: skip
    assert all(one.keys() == {"accepted", "code", "detail"} for one in told)
    assert all(one["accepted"] == (one["code"] == "accepted") for one in told)
    assert all(len(one["detail"]) < 500 for one in told)


def test_a_node_that_is_not_there_is_told_before_anything_is_judged(dvault):
    done = dvault.finish("siwe", "check", "--rpc-url", "http://127.0.0.1:9", stdin=json.dumps(question()))

    assert done.code == 1
    assert done.out == ""
