"""Keys and second factors, as people get them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
from builders import history
from flask import Flask
from flask.testing import FlaskClient
from pymongo.database import Database

from api import make_app
from api.auth.options import Auth
from api.perimeter import Perimeter
from api.services import SystemClock
from store.accounts import Accounts
from store.indexes import ensure_early
from store.reading import Reading
from tests.api.keeping import keeping_in
from tests.api.signing import Wallet, bearer, sign_in

Headers = dict[str, str]


class ShiftedClock(SystemClock):
    """The clock of this machine, put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead

    def pass_by(self, **span: float) -> None:
        self.ahead += timedelta(**span)


def app_with(
    database: Database[Any],
    folder: Path,
    clock: SystemClock | None = None,
    perimeter: Perimeter | None = None,
    **given: Any,
) -> Flask:
    """An application that keeps secrets; `given` goes into its Auth."""
    ensure_early(database)
    auth = Auth(Accounts(database), ("k" * 40,), **{"peppers": ("p" * 40,), **given})
    keep = keeping_in(folder, database)
    return make_app(
        Reading(database),
        secret_key="a test",
        auth=auth,
        keep=keep,
        clock=clock,
        perimeter=perimeter,
        history=history(),
    )


def give(database: Database[Any], wallet: Wallet, *roles: str) -> None:
    database.users.update_one({"walletAddress": wallet.address}, {"$set": {"roles": ["user", *roles]}})


def signed_in(client: FlaskClient, wallet: Wallet) -> Headers:
    return bearer(sign_in(client, wallet))


def make_key(client: FlaskClient, owner: Headers, *scopes: str, **body: Any) -> dict[str, Any]:
    """The answer to making a key: `key`, and `secret`."""
    asked = {"name": "a service", "scopes": list(scopes or ["read"]), **body}
    response = client.post("/api/keys", json=asked, headers=owner)
    assert response.status_code == 200, response.text
    return dict(response.json)


def keyed(secret: str) -> Headers:
    return {"X-API-Key": secret}


class Authenticator:
    """The app on somebody's phone, whose clock is right."""

    def __init__(self, secret: str, clock: SystemClock) -> None:
        self._totp, self._clock = pyotp.TOTP(secret), clock

    def code(self, steps: int = 0) -> str:
        """What it shows, or showed or will show so many steps of 30 seconds from now."""
        return self._totp.at(self._clock.now(), counter_offset=steps)


def enroll(client: FlaskClient, owner: Headers, clock: SystemClock) -> tuple[Authenticator, list[str]]:
    """A second factor in force, and its recovery codes."""
    begun = client.post("/api/auth/mfa/enroll", headers=owner)
    assert begun.status_code == 200, begun.text
    phone = Authenticator(begun.json["secret"], clock)
    done = client.post("/api/auth/mfa/confirm", json={"code": phone.code()}, headers=owner)
    assert done.status_code == 200, done.text
    return phone, list(done.json["recoveryCodes"])
