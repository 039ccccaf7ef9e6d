"""Signing in, staying signed in, signing out: sessions and their families of refresh tokens.

A session has one living refresh token. Using it makes its successor; using it again within the grace gives
that same successor, since the answer may have been lost; later, it is taken for stolen, and the session ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request

from api.auth.principal import bearer_token
from api.auth.tokens import COOKIE, Claims, hashed, read_token, refresh_token
from api.auth.trail import act
from api.problems import Unauthenticated
from api.services import services
from store.documents import SessionDocument, UserDocument

MAX_USER_AGENT = 256
TRIES = 3
"""A race is lost to another request with the same token; then that one's successor is there to be read."""
OVER = "the session is over: sign in again"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user in a session, and its living refresh token."""

    user: UserDocument
    session: SessionDocument
    refresh_token: str


def now() -> datetime:
    """The time as the store keeps it, in milliseconds."""
    moment = services().clock.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def begin(wallet: str, *, csrf: bool) -> SignedIn:
    """A new session of a wallet that has proven itself. Raises store.errors.Suspended."""
    auth, ring, moment = services().auth, services().keys, now()
    lifetimes = auth.lifetimes

    def describe(_user: UserDocument, session_id: object) -> dict[str, Any]:
        document = {
            "_id": session_id,
            "walletAddress": wallet,
            "previousToken": None,
            "generation": 0,
            "rotatedAt": moment,
            "keyId": ring.newest,
            "csrf": csrf,
            "createdAt": moment,
            "expiresAt": moment + min(lifetimes.idle, lifetimes.session),
            "ipAddress": request.remote_addr,
            "userAgent": request.user_agent.string[:MAX_USER_AGENT] or None,
            "isValid": True,
            "endedBecause": None,
            "mfaAt": None,
        }
        return {**document, "token": hashed(refresh_token(document, ring))}

    user, session = auth.accounts.sign_in(wallet, moment, describe)
    return SignedIn(user, session, refresh_token(session, ring))


def refreshed(token: str, claims: Claims) -> SignedIn:
    """The session with its next refresh token. Raises Unauthenticated."""
    presented = hashed(token)
    for _ in range(TRIES):
        user, session = _alive(claims)
        if session["token"] == presented:
            successor = _successor(session)
            if services().auth.accounts.sessions.rotate(session, successor):
                return _told(user, {**session, **successor})
        elif session["previousToken"] == presented and _within_grace(session):
            return _told(user, session)
        else:
            _end_for_reuse(session)
            raise Unauthenticated("this refresh token was used before; the session was ended: sign in again")
    raise Unauthenticated(OVER)


def leaving() -> Claims:
    """Whose session a caller wants to end: by an access token, however old, or by the refresh cookie."""
    if "Authorization" in request.headers:
        return read_token(bearer_token(request.headers["Authorization"]), "access", expired_too=True)
    if COOKIE in request.cookies:
        return read_token(request.cookies[COOKIE], "refresh", expired_too=True)
    raise Unauthenticated("there is nobody to sign out: neither an access token nor the refresh cookie came")


def end(claims: Claims) -> None:
    """End one session; it may be over already."""
    sessions = services().auth.accounts.sessions
    found = sessions.get(claims.session_id)
    if found is not None:
        sessions.end(found["_id"], "logout")


def end_all(claims: Claims) -> None:
    """End every session of whoever has this one; it may be over already."""
    sessions = services().auth.accounts.sessions
    found = sessions.get(claims.session_id)
    if found is not None:
        sessions.end_all(found["userId"], "logout everywhere")


def _alive(claims: Claims) -> tuple[UserDocument, SessionDocument]:
    found = services().auth.accounts.identify(claims.session_id)
    if found is None:
        raise Unauthenticated(OVER)
    session, user = found
    if user["status"] != "active" or session["expiresAt"] <= now():
        raise Unauthenticated(OVER)
    return user, session


def _successor(session: SessionDocument) -> dict[str, Any]:
    """What changes with a refresh; idle time starts again, the end of the whole session stays."""
    lifetimes, ring, moment = services().auth.lifetimes, services().keys, now()
    change = {
        "previousToken": session["token"],
        "generation": session["generation"] + 1,
        "rotatedAt": moment,
        "keyId": ring.newest,
        "expiresAt": min(session["createdAt"] + lifetimes.session, moment + lifetimes.idle),
    }
    return {**change, "token": hashed(refresh_token({**session, **change}, ring))}


def _told(user: UserDocument, session: SessionDocument | Mapping[str, Any]) -> SignedIn:
    return SignedIn(user, session, refresh_token(session, services().keys))  # type: ignore[arg-type]


def _within_grace(session: SessionDocument) -> bool:
    return now() - session["rotatedAt"] <= services().auth.lifetimes.grace


def _end_for_reuse(session: SessionDocument) -> None:
    accounts = services().auth.accounts
    if accounts.sessions.end(session["_id"], "refresh token reused"):
        wallet = session["walletAddress"]
        accounts.audit.add(act("session.reuse-detected", wallet, actor=("system", "refresh")))
