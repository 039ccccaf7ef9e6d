"""Tokens: JSON Web Tokens by flask-jwt-extended, each bound to a session.

Nothing in a token decides what its bearer may do: it only names a session, which is looked up every time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException

from api.auth.options import Lifetimes
from api.problems import Unauthenticated
from store.documents import SessionDocument

Kind = Literal["access", "refresh"]
ALGORITHM = "HS256"
ISSUER = "dynamicvault"
AUDIENCE = "dynamicvault-api"
SKEW_SECONDS = 5
"""Our hosts' clocks may differ that much."""
UNREADABLE = (jwt.PyJWTError, JWTExtendedException, ValueError, TypeError, LookupError, RecursionError)
"""What the libraries say of a bad token, and what slips through them."""
MAX_TOKEN_CHARACTERS = 4096
COOKIE, COOKIE_PATH = "refresh_token", "/api/auth"
"""The refresh cookie goes to nothing but the endpoints that sign in, refresh and sign out."""


class KeyRing:
    """Signing keys by id; the first one signs."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = {key_id(key): key for key in keys}
        self.newest = next(iter(self._keys))

    def key(self, wanted: object) -> str:
        """A key by its id. Raises InvalidKeyError, which the library takes for a bad token."""
        if not isinstance(wanted, str) or wanted not in self._keys:
            raise jwt.InvalidKeyError("signed by a key that is not in use")
        return self._keys[wanted]

    def derived(self, wanted: str, text: str) -> str:
        """A value that only holders of that key can know, 32 hex digits."""
        return hmac.new(self.key(wanted).encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def key_id(key: str) -> str:
    """Names a key without telling it."""
    return hashlib.sha256(b"dynamicvault token key " + key.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose token is made, and with which key."""

    wallet: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says; `csrf` only in refresh tokens of clients that asked for it."""

    wallet: str
    session_id: str
    csrf: str | None


def configure(app: Flask, keys: Sequence[str], lifetimes: Lifetimes) -> KeyRing:
    """Let flask-jwt-extended sign and read tokens our way; algorithm, issuer and audience are pinned."""
    ring = KeyRing(keys)
    app.config |= {
        "JWT_ALGORITHM": ALGORITHM,
        "JWT_DECODE_ALGORITHMS": [ALGORITHM],
        "JWT_ENCODE_ISSUER": ISSUER,
        "JWT_DECODE_ISSUER": ISSUER,
        "JWT_ENCODE_AUDIENCE": AUDIENCE,
        "JWT_DECODE_AUDIENCE": AUDIENCE,
        "JWT_DECODE_LEEWAY": SKEW_SECONDS,
        "JWT_ENCODE_NBF": False,
        "JWT_ACCESS_TOKEN_EXPIRES": lifetimes.access,
        "JWT_REFRESH_COOKIE_NAME": COOKIE,
        "JWT_REFRESH_COOKIE_PATH": COOKIE_PATH,
        "JWT_COOKIE_SECURE": True,
        "JWT_COOKIE_SAMESITE": "Strict",
        # Our own check of origins, and of the header where the client opted in, takes its place.
        "JWT_COOKIE_CSRF_PROTECT": False,
    }
    manager = JWTManager(app)
    manager.user_identity_loader(lambda bearer: bearer.wallet)
    manager.additional_headers_loader(lambda bearer: {"kid": bearer.key_id})
    manager.encode_key_loader(lambda bearer: ring.key(bearer.key_id))
    manager.decode_key_loader(lambda headers, _: ring.key(headers.get("kid")))
    return ring


def access_token(wallet: str, session_id: object, ring: KeyRing) -> str:
    """A new access token of a session."""
    claims = {"sid": str(session_id)}
    return str(create_access_token(Bearer(wallet, ring.newest), additional_claims=claims))


def refresh_token(session: SessionDocument | Mapping[str, Any], ring: KeyRing) -> str:
    """The living refresh token of a session: made of what is stored, so that it can be made again."""
    claims = {
        "sid": str(session["_id"]),
        "jti": ring.derived(session["keyId"], f"refresh {session['_id']} {session['generation']}"),
        "iat": int(session["rotatedAt"].timestamp()),
        "exp": int(session["expiresAt"].timestamp()),
    }
    if session["csrf"]:
        claims["csrf"] = ring.derived(session["keyId"], f"csrf {claims['jti']}")
    bearer = Bearer(session["walletAddress"], session["keyId"])
    return str(create_refresh_token(bearer, additional_claims=claims))


def read_token(text: str, kind: Kind, *, expired_too: bool = False) -> Claims:
    """What a token of ours says. Raises Unauthenticated, whatever is wrong with it."""
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise Unauthenticated("the token is malformed")
    try:
        told = decode_token(text, allow_expired=expired_too)
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated(f"the {kind} token has expired") from error
    except UNREADABLE as error:
        raise Unauthenticated("the token is malformed or not one of ours") from error
    session_id = told.get("sid")
    if told.get("type") != kind or not isinstance(session_id, str):
        raise Unauthenticated(f"this is not the {kind} token of a session")
    return Claims(told["sub"], session_id, told.get("csrf"))


def hashed(token: str) -> str:
    """How a token is stored: what can be guessed of it is nothing, so one plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
