"""Signing in with a wallet, staying signed in, signing out."""

from __future__ import annotations

import secrets
import string
from typing import Any

from flask import Response, jsonify, request

from api.acting import ActingBlueprint
from api.auth import cookies, sessions
from api.auth.principal import principal
from api.auth.tokens import access_token
from api.lists import Query
from api.people import present_session, present_user
from api.problems import BadRequest, FieldError, NotFound, SignInRefused
from api.schemas.people import Nonce, NonceQuery, SessionList, Success, Tokens, VerifyBody
from api.services import services
from api.signin import Proof, Refused, examine

blueprint = ActingBlueprint("auth", __name__, url_prefix="/api/auth")

NONCE_CHARACTERS = 24
"""143 bits."""
ALPHABET = string.ascii_letters + string.digits


@blueprint.acts("GET", "/nonce", "issueNonce", Nonce, query=NonceQuery)
def issue_nonce(query: Query) -> dict[str, Any]:
    """Return a nonce for a sign-in message; it can be used once, within ten minutes, by that wallet."""
    nonce = "".join(secrets.choice(ALPHABET) for _ in range(NONCE_CHARACTERS))
    moment, wallet = sessions.now(), query["wallet_address"]
    expires_at = moment + services().auth.lifetimes.nonce
    services().auth.accounts.nonces.issue(nonce, wallet, moment, expires_at)
    return {"walletAddress": wallet, "nonce": nonce, "expiresAt": expires_at}


@blueprint.acts("POST", "/verify", "signIn", Tokens, body=VerifyBody, statuses=(401, 403))
def sign_in(_query: Query, body: Query) -> Response:
    """Sign in with an EIP-4361 message; also sets the refresh cookie."""
    auth = services().auth
    proof = Proof(body["message"], body["signature"], body["wallet_address"])

    def spend(nonce: str, wallet: str) -> bool:
        return auth.accounts.nonces.spend(nonce, wallet, services().clock.now())

    try:
        message = examine(proof, auth.terms, services().clock.now(), spend, auth.wallets)
    except Refused as refusal:
        raise SignInRefused(refusal.code, refusal.detail) from refusal
    return _tokens(sessions.begin(message.address, csrf=body.get("double_submit", False)))


@blueprint.acts("POST", "/refresh", "refreshTokens", Tokens, statuses=(401, 403, 415))
def refresh_tokens(_query: Query) -> Response:
    """Return new tokens for the refresh cookie, or else for `refreshToken` in the body."""
    token, claims = cookies.presented_token(_refresh_token_in_body)
    return _tokens(sessions.refreshed(token, claims))


@blueprint.acts("POST", "/logout", "signOut", Success, statuses=(403, 415))
def sign_out(_query: Query) -> Response:
    """End this session, at once and for its access tokens too; may be repeated."""
    return _left(sessions.end)


@blueprint.acts("DELETE", "/logout", "signOutEverywhere", Success, statuses=(403, 415))
def sign_out_everywhere(_query: Query) -> Response:
    """End all sessions of the caller; may be repeated."""
    return _left(sessions.end_all)


@blueprint.acts("GET", "/sessions", "listSessions", SessionList)
def list_sessions(_query: Query) -> dict[str, Any]:
    """List where the caller is signed in, newest first."""
    caller = principal()
    alive = services().auth.accounts.sessions.alive(caller.user["_id"], services().clock.now())
    return {"sessions": [present_session(session, caller.session_id) for session in alive]}


@blueprint.acts("DELETE", "/sessions/<id>", "endSession", Success, statuses=(404,))
def end_session(_query: Query, row_id: str) -> dict[str, Any]:
    """End one of the caller's sessions."""
    owner = principal().user["_id"]
    if services().auth.accounts.sessions.end_own(owner, row_id, "ended by its owner") is None:
        raise NotFound(f"you have no session {row_id}")
    return {"success": True}


def _tokens(signed_in: sessions.SignedIn) -> Response:
    auth, ring = services().auth, services().keys
    response = jsonify(
        {
            "accessToken": access_token(signed_in.user["walletAddress"], signed_in.session["_id"], ring),
            "refreshToken": signed_in.refresh_token,
            "expiresIn": int(auth.lifetimes.access.total_seconds()),
            "user": present_user(signed_in.user),
        }
    )
    cookies.keep(response, signed_in)
    return response


def _left(end: Any) -> Response:
    claims = sessions.leaving()
    if "Authorization" not in request.headers:
        cookies.check_own_page()
    end(claims)
    response = jsonify({"success": True})
    cookies.forget(response)
    return response


def _refresh_token_in_body() -> object:
    """What the body gives as refreshToken; a body is not needed, but one that is there must be JSON."""
    content = request.get_data()
    if not content.strip():
        return None
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest([FieldError("body", "json", "must be a JSON object, or empty")])
    return body.get("refreshToken")
