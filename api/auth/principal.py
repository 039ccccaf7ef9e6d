"""Who is calling: found out once for a request, when somebody wants to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flask import request

from api.auth.by_key import holder_of
from api.auth.tokens import read_token
from api.problems import Problem, Unauthenticated
from api.services import services
from store.documents import UserDocument

BEARER = "bearer "
FOUND = "dynamicvault.principal"


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, and by what right they are recognised: a session, or a key with its scopes."""

    kind: Literal["session", "key"]
    user: UserDocument
    session_id: str | None = None
    mfa_at: datetime | None = None
    scopes: frozenset[str] = frozenset()
    key_id: str | None = None

    @property
    def wallet(self) -> str:
        return self.user["walletAddress"]


class CredentialsAmbiguous(Problem):
    """Two credentials came, and whose request it is nobody can tell."""

    status, code = 401, "credentials-ambiguous"


def principal() -> Principal:
    """Who is calling. Raises Unauthenticated where nobody says, or what they say is not true."""
    found = maybe_principal()
    if found is None:
        raise Unauthenticated("sign in first: this needs Authorization: Bearer and an access token")
    return found


def maybe_principal() -> Principal | None:
    """Who is calling; None where the request carries no credentials. Raises Unauthenticated for bad ones."""
    # In the request's own environment: Flask's g may outlive a request.
    if FOUND not in request.environ:
        request.environ[FOUND] = _identified()
    found: Principal | None = request.environ[FOUND]
    return found


def _identified() -> Principal | None:
    given = [name for name in CREDENTIALS if name in request.headers]
    if len(given) > 1:
        raise CredentialsAmbiguous(f"send one of {' and '.join(given)}, not both")
    return CREDENTIALS[given[0]](request.headers[given[0]]) if given else None


def bearer_token(header: str) -> str:
    """The token of an Authorization header. Raises Unauthenticated."""
    if not header.lower().startswith(BEARER):
        raise Unauthenticated("the Authorization header must be Bearer and an access token")
    return header[len(BEARER) :].strip()


def _by_session(header: str) -> Principal:
    claims = read_token(bearer_token(header), "access")
    found = services().auth.accounts.identify(claims.session_id)
    if found is None:
        raise Unauthenticated("the session is over: sign in again")
    session, user = found
    if user["status"] != "active" or session["expiresAt"] <= services().clock.now():
        raise Unauthenticated("the session is over: sign in again")
    return Principal("session", user, str(session["_id"]), session["mfaAt"])


def _by_key(header: str) -> Principal:
    user, key, scopes = holder_of(header)
    key_id = str(key["_id"])
    services().usage.count(key_id, services().clock.now())
    return Principal("key", user, scopes=scopes, key_id=key_id)


CREDENTIALS: dict[str, Callable[[str], Principal]] = {
    "Authorization": _by_session,
    "X-API-Key": _by_key,
}
"""Header → who it stands for."""
