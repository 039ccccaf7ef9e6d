"""Whose request it is, for counting: what only we can have signed or marked, without asking the database."""

from __future__ import annotations

import hashlib

from flask import request

from api.auth.principal import bearer_token
from api.auth.tokens import read_token
from api.limiting.gate import Caller
from api.problems import Unauthenticated
from api.services import services


def named_caller() -> Caller | None:
    """The session that an access token was signed for, or a key we made; None for strangers and bad ones."""
    header, key = request.headers.get("Authorization"), request.headers.get("X-API-Key")
    if key is not None:
        # By the whole key: whoever knows but its first characters uses up nothing of its owner's.
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        return Caller("key", digest) if header is None and services().mint.is_ours(key) else None
    if header is None:
        return None
    try:
        return Caller("session", read_token(bearer_token(header), "access").session_id)
    except Unauthenticated:
        return None
