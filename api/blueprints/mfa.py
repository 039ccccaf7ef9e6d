"""The caller's second factor: enrolled, confirmed, proven, removed."""

from __future__ import annotations

from typing import Any

from api.acting import ActingBlueprint
from api.auth import factors
from api.auth.principal import principal
from api.credentials import present_factor
from api.lists import Query
from api.schemas.credentials import CodeBody, Confirmed, Enrolment, OneSecondFactor, ProofBody, Proven
from api.schemas.people import Success
from api.services import services

blueprint = ActingBlueprint("mfa", __name__, url_prefix="/api/auth/mfa")


@blueprint.acts("GET", "", "showSecondFactor", OneSecondFactor)
def show_second_factor(_query: Query) -> dict[str, Any]:
    """Show whether a second factor is in force, and until when this session has proven it."""
    caller = principal()
    found = services().auth.accounts.factors.get(caller.user["_id"])
    return {"secondFactor": present_factor(found, caller)}


@blueprint.acts("POST", "/enroll", "enrollSecondFactor", Enrolment)
def enroll_second_factor(_query: Query) -> dict[str, Any]:
    """Begin to enroll an authenticator app (TOTP, 6 digits, 30 seconds), to be confirmed within 15 minutes.

    The one in force stays until then, and must have been proven lately.
    """
    enrolment = factors.enroll(principal())
    return {"secret": enrolment.secret, "otpauthUri": enrolment.uri, "expiresAt": enrolment.expires_at}


@blueprint.acts("POST", "/confirm", "confirmSecondFactor", Confirmed, body=CodeBody, statuses=(409,))
def confirm_second_factor(_query: Query, body: Query) -> dict[str, Any]:
    """Put the enrolled second factor in force by a code of it, which is a proof too; gives recovery codes."""
    until, codes = factors.confirm(principal(), body["code"])
    return {"provenUntil": until, "recoveryCodes": codes}


@blueprint.acts("POST", "/verify", "proveSecondFactor", Proven, body=ProofBody, statuses=(409, 429))
def prove_second_factor(_query: Query, body: Query) -> dict[str, Any]:
    """Prove the second factor, for this session and 15 minutes: by a code, or by a recovery code."""
    caller = principal()
    if "code" in body:
        until = factors.prove_by_code(caller, body["code"])
    else:
        until = factors.prove_by_recovery_code(caller, body["recovery_code"])
    found = services().auth.accounts.factors.get(caller.user["_id"])
    return {"provenUntil": until, "recoveryCodesLeft": len(found["recoveryCodes"]) if found else 0}


@blueprint.acts("DELETE", "", "removeSecondFactor", Success, statuses=(409,))
def remove_second_factor(_query: Query) -> dict[str, Any]:
    """Remove the second factor; it must have been proven lately. Every proof of it is forgotten."""
    factors.remove(principal())
    return {"success": True}
