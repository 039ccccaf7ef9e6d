"""Many at once, over two worker processes and one real database: one wins, or all are told the same."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.api.signing import Wallet
from tests.e2e.racing import ANN, at_once, bearer


def test_one_message_signs_in_exactly_once(server):
    for _ in range(3):
        proof = server.proof()

        answers = at_once(50, lambda proof=proof: server.ask("POST", "/api/auth/verify", proof))

        assert Counter(status for status, _ in answers) == {200: 1, 401: 49}
        assert {body["code"] for status, body in answers if status == 401} == {"nonce-invalid"}
    assert server.database.users.count_documents({"walletAddress": ANN.address}) == 1


def test_two_first_sign_ins_at_once_make_one_user(server):
    wallets = [Wallet(f"newcomer {number}") for number in range(10)]
    for wallet in wallets:
        path = f"/api/auth/nonce?walletAddress={wallet.address}"
        proofs = [wallet.proof(server.ask("GET", path)[1]["nonce"]) for _ in range(2)]

        statuses = at_once(2, lambda proofs=proofs: server.ask("POST", "/api/auth/verify", proofs.pop())[0])

        assert statuses == [200, 200]
        assert server.database.users.count_documents({"walletAddress": wallet.address}) == 1


@pytest.mark.parametrize("rounds", [8, pytest.param(100, marks=pytest.mark.long)])
@pytest.mark.timeout(1800)
def test_one_refresh_token_never_has_two_living_successors(server, rounds):
    token = server.sign_in()["refreshToken"]
    for _ in range(rounds):
        answers = at_once(20, lambda token=token: server.refresh(token))

        # Everybody came within the grace: all are told, and all are told the same.
        assert Counter(status for status, _ in answers) == {200: 20}
        successors = {body["refreshToken"] for _, body in answers}
        assert len(successors) == 1
        assert successors != {token}
        token = successors.pop()
    assert server.refresh(token)[0] == 200


@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=pytest.mark.long)])
@pytest.mark.timeout(1800)
def test_parents_and_children_at_once_leave_one_living_leaf_or_none(server, rounds):
    for _ in range(rounds):
        parent = server.sign_in()["refreshToken"]
        child = server.refresh(parent)[1]["refreshToken"]
        mixed = [parent, child] * 10

        told = at_once(20, lambda mixed=mixed: server.refresh(mixed.pop()))

        leaves = {body["refreshToken"] for status, body in told if status == 200} - {parent, child}
        living = [leaf for leaf in leaves if server.refresh(leaf)[0] == 200]
        assert len(leaves) <= 1, told
        assert len(living) <= 1


def test_what_ends_a_session_ends_it_in_every_process_at_once(server):
    for _ in range(5):
        here, there = server.sign_in(), server.sign_in()
        assert {server.sessions(here) for _ in range(10)} == {200}

        assert server.ask("POST", "/api/auth/logout", {}, bearer(here))[0] == 200
        assert {server.sessions(here) for _ in range(10)} == {401}
        assert {server.sessions(there) for _ in range(10)} == {200}

        server.database.users.update_one({"walletAddress": ANN.address}, {"$set": {"status": "suspended"}})
        assert {server.sessions(there) for _ in range(10)} == {401}
        server.database.users.update_one({"walletAddress": ANN.address}, {"$set": {"status": "active"}})
