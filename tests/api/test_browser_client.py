"""A browser program as there is one already: it must work without a change."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import make_app
from api.auth.options import Auth
from store.accounts import Accounts
from store.indexes import ensure_early
from store.reading import Reading
from tests.api.signing import Wallet

PAGE = "http://localhost:5173"
ANN = Wallet("ann")


class BrowserClient:
    """Keeps the tokens of the sign-in, refreshes once on 401, and never stores a rotated refresh token."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self.access_token: str | None = None
        self.refresh_token: Any = None
        self.refreshes = 0

    def send(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        headers = {"Origin": PAGE, "Sec-Fetch-Site": "same-site", "Content-Type": "application/json"}
        if self.access_token:
            headers["Authorization"] = f"Bearer {self.access_token}"
        response = self._client.open(
            path, method=method, json=body, data=None if body is not None else b"", headers=headers,
            base_url="https://localhost",
        )  # fmt: skip
        return response.status_code, response.json  # every reply is parsed as JSON

    def fetch(self, path: str, method: str = "GET", body: Any = None) -> Any:
        status, reply = self.send(path, method, body)
        if status == 401 and self.refresh():
            status, reply = self.send(path, method, body)
        assert isinstance(reply, dict)
        if status >= 400:
            raise RuntimeError(reply["error"])
        return reply

    def refresh(self) -> bool:
        self.refreshes += 1
        status, reply = self.send("/api/auth/refresh", "POST", {"refreshToken": self.refresh_token})
        if status == 200:
            self.access_token = reply["accessToken"]
        return status == 200

    def sign_in(self, wallet: Wallet) -> Any:
        nonce = self.fetch(f"/api/auth/nonce?walletAddress={wallet.address}")["nonce"]
        text = wallet.message(nonce, domain="localhost:5173", uri=PAGE, chain_id=1)
        proof = {"walletAddress": wallet.address, "message": text, "signature": wallet.sign(text)}
        reply = self.fetch("/api/auth/verify", "POST", proof)
        self.access_token, self.refresh_token = reply["accessToken"], reply["refreshToken"]
        return reply["user"]

    def sign_out(self) -> Any:
        return self.fetch("/api/auth/logout", "POST")


@pytest.fixture
def app(database) -> Flask:
    ensure_early(database)
    return make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), ("k" * 40,)))


@pytest.fixture
def browser(app: Flask) -> BrowserClient:
    return BrowserClient(app.test_client())


def test_it_signs_in_works_and_signs_out(browser):
    assert browser.sign_in(ANN)["walletAddress"] == ANN.address

    assert len(browser.fetch("/api/auth/sessions")["sessions"]) == 1
    assert browser.sign_out() == {"success": True}

    with pytest.raises(RuntimeError, match="over"):
        browser.fetch("/api/auth/sessions")


@pytest.mark.parametrize("kept", ["as signed in", "undefined", None])
def test_it_outlives_many_access_tokens_though_it_never_keeps_a_new_refresh_token(browser, kept):
    browser.sign_in(ANN)
    if kept != "as signed in":
        browser.refresh_token = kept

    for number in range(1, 6):
        browser.access_token = "expired.long.ago"
        assert browser.fetch("/api/auth/sessions")["sessions"]
        assert browser.refreshes == number


def test_it_is_told_in_plain_words_when_it_must_sign_in_again(browser):
    browser.sign_in(ANN)
    browser.sign_out()
    browser.access_token = "x"

    with pytest.raises(RuntimeError) as told:
        browser.fetch("/api/auth/sessions")

    assert "token" in str(told.value)
