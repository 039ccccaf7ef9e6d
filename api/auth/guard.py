"""Holds every request to the table of permissions, before any view is reached."""

from __future__ import annotations

import logging
from datetime import timedelta

from flask import Flask, request

from api.auth.principal import Principal, principal
from api.auth.tokens import SKEW_SECONDS
from api.permissions import Access, access_of
from api.problems import Forbidden, MfaRequired
from api.services import services

logger = logging.getLogger(__name__)

SKEW = timedelta(seconds=SKEW_SECONDS)

KEY_HEADER, COUNTED = "X-API-Key", "/api/"
"""Probes are no use of the API: they must answer even without the store."""


def install(app: Flask) -> None:
    """Ask the table before each request."""
    app.before_request(enforce)


def enforce() -> None:
    """Let pass who may. Raises what `principal` and `check` raise."""
    if request.url_rule is None or request.method == "OPTIONS":
        return  # there is no view to protect: the answer is a 404, a 405, or a list of methods
    rule = request.url_rule.rule
    access = access_of(request.method, rule)
    if access is None:
        logger.error("a route is in no line of the table of permissions", extra={"rule": rule})
        raise Forbidden("nobody has been allowed to do this")
    if not access.is_public and not access.own_way:
        check(access, principal())
    elif KEY_HEADER in request.headers and request.path.startswith(COUNTED):
        principal()  # a key is counted wherever it is used, and told when it has ended


def check(access: Access, caller: Principal) -> None:
    """Raise Forbidden or MfaRequired unless the access is given to the caller."""
    if caller.kind == "key":
        _check_key(access, caller)
    if access.role not in caller.user["roles"]:
        raise Forbidden(f"this needs the role {access.role}")
    if access.mfa and not proven_lately(caller):
        minutes = int(services().auth.lifetimes.mfa.total_seconds() // 60)
        raise MfaRequired(
            f"prove a second factor first (POST /api/auth/mfa/verify); that is good for {minutes} minutes"
        )


def _check_key(access: Access, caller: Principal) -> None:
    if access.scope is None or access.mfa:
        raise Forbidden("API keys may not do this; sign in")
    if access.scope not in caller.scopes:
        raise Forbidden(f"this needs an API key with the scope {access.scope}, of an owner who may give it")


def proven_lately(caller: Principal) -> bool:
    """Whether a second factor was proven in this session, a short time ago."""
    moment, age = services().clock.now(), services().auth.lifetimes.mfa
    return caller.mfa_at is not None and -SKEW <= moment - caller.mfa_at <= age
