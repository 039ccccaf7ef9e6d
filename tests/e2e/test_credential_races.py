"""One code, one recovery code, one key: of many who use it at once, over two processes, one succeeds."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pyotp
import pytest

from tests.api.signing import Wallet
from tests.e2e.racing import Server, at_once, bearer
from tests.e2e.running import wait_for

MANY = 20
Headers = dict[str, str]


class Person:
    """Somebody with a session and, once enrolled, a second factor."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.wallet = server, Wallet(name)
        self.headers: Headers = bearer(server.sign_in(self.wallet))
        self.totp, self.recovery_codes = pyotp.TOTP(pyotp.random_base32()), list[str]()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.server.ask(method, path, {} if body is None else body, self.headers)

    def enroll(self) -> None:
        status, begun = self.ask("POST", "/api/auth/mfa/enroll")
        assert status == 200, begun
        self.totp = pyotp.TOTP(begun["secret"])
        status, done = self.ask("POST", "/api/auth/mfa/confirm", {"code": self.totp.now()})
        assert status == 200, done
        self.recovery_codes = done["recoveryCodes"]

    def prove(self, body: dict[str, str]) -> tuple[int, Any]:
        return self.ask("POST", "/api/auth/mfa/verify", body)

    def unused_code(self) -> str:
        """One that is good for some seconds more; older ones are used up, so that time may have to pass."""
        factor = self.server.database.secondFactors.find_one({"walletAddress": self.wallet.address})

        def newer() -> bool:
            return int(time.time()) // 30 + 1 > factor["lastStep"]

        wait_for("step", newer, seconds=40)
        return self.totp.at(int(time.time()), counter_offset=1)


def test_one_code_proves_exactly_once(server):
    ada = Person(server, "ada of the codes")
    ada.enroll()
    code = ada.unused_code()

    told = at_once(MANY, lambda: ada.prove({"code": code}))

    assert Counter(status for status, _ in told)[200] == 1, told
    assert {body["code"] for status, body in told if status != 200} <= {"mfa-code-used", "mfa-locked"}
    acts = {"target": ada.wallet.address, "action": "mfa.proven"}
    assert server.database.auditLog.count_documents(acts) == 1


def test_one_recovery_code_proves_exactly_once(server):
    ada = Person(server, "ada of the recovery codes")
    ada.enroll()

    for number in range(3):
        body = {"recoveryCode": ada.recovery_codes[number]}
        told = at_once(MANY, lambda body=body: ada.prove(body))

        assert Counter(status for status, _ in told) == {200: 1, 403: MANY - 1}, told
        assert {body["recoveryCodesLeft"] for status, body in told if status == 200} == {9 - number}


def test_several_confirmations_at_once_give_one_set_of_recovery_codes(server):
    ada = Person(server, "ada of the confirmations")
    code = pyotp.TOTP(ada.ask("POST", "/api/auth/mfa/enroll")[1]["secret"]).now()

    told = at_once(MANY, lambda: ada.ask("POST", "/api/auth/mfa/confirm", {"code": code}))

    # Who comes after the first either finds nothing to confirm, or would have to prove what is in force now.
    assert Counter(status for status, _ in told)[200] == 1, told
    assert {body["code"] for status, body in told if status != 200} <= {"mfa-not-pending", "mfa-required"}
    (codes,) = [body["recoveryCodes"] for status, body in told if status == 200]
    assert ada.prove({"recoveryCode": codes[0]})[0] == 200


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.long)])
@pytest.mark.timeout(600)
def test_rotations_at_once_give_one_successor_and_say_so_to_the_others(server, rounds):
    ann = Person(server, f"ann of {rounds} rotations")
    key = ann.ask("POST", "/api/keys", {"name": "raced", "scopes": ["read"]})[1]["key"]["id"]
    for _ in range(rounds):
        path = f"/api/keys/{key}/rotate"

        told = at_once(8, lambda path=path: ann.ask("POST", path))

        assert Counter(status for status, _ in told) == {200: 1, 409: 7}, told
        assert {body["code"] for status, body in told if status == 409} == {"key-ended"}
        (new,) = [body["key"]["id"] for status, body in told if status == 200]
        kept = server.database.apiKeys.find({"walletAddress": ann.wallet.address, "replacedBy": None})
        assert [str(one["_id"]) for one in kept] == [new]
        key = new


def test_what_ends_a_key_ends_it_in_every_process_at_once(server):
    ann = Person(server, "ann of the keys")
    users, wallet = server.database.users, {"walletAddress": ann.wallet.address}

    def statuses(secret: str) -> set[int]:
        return {server.ask("GET", "/api/users/profile", headers={"X-API-Key": secret})[0] for _ in range(10)}

    made = [ann.ask("POST", "/api/keys", {"name": "n", "scopes": ["read"]})[1] for _ in range(2)]
    assert statuses(made[0]["secret"]) == {200}
    ann.ask("DELETE", f"/api/keys/{made[0]['key']['id']}")
    assert statuses(made[0]["secret"]) == {401}
    assert statuses(made[1]["secret"]) == {200}
    users.update_one(wallet, {"$set": {"status": "suspended"}})
    assert statuses(made[1]["secret"]) == {401}
    users.update_one(wallet, {"$set": {"status": "active"}})
    assert statuses(made[1]["secret"]) == {200}


def test_use_in_several_processes_is_counted_whole(server):
    ann = Person(server, "ann of the counts")
    made = ann.ask("POST", "/api/keys", {"name": "n", "scopes": ["read"]})[1]

    told = at_once(
        MANY, lambda: server.ask("GET", "/api/users/profile", headers={"X-API-Key": made["secret"]})
    )

    def total() -> int:
        path = f"/api/keys/{made['key']['id']}/usage"
        return int(server.ask("GET", path, headers=ann.headers)[1]["usage"]["total"])

    assert {status for status, _ in told} == {200}
    wait_for("count of all", lambda: total() == MANY)
