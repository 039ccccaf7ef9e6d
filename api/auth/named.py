"""Whose request it is, for counting: what the signature of a token says, without asking the database."""

from __future__ import annotations

from flask import request

from api.auth.principal import bearer_token
from api.auth.tokens import read_token
from api.limiting.gate import Caller
from api.problems import Unauthenticated


def named_caller() -> Caller | None:
    """The session that an access token was signed for; None for strangers and bad tokens."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    try:
        return Caller("session", read_token(bearer_token(header), "access").session_id)
    except Unauthenticated:
        return None
