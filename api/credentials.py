"""Keys of services and second factors as their owners see them, and new keys as they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from api.auth.by_key import allowed_scopes
from api.auth.key_mint import SHOWN
from api.auth.principal import Principal
from api.auth.sessions import now
from api.problems import Forbidden
from api.schemas.credentials import USUAL_LIFE_DAYS
from api.services import services
from store.api_keys import NewKey
from store.documents import ApiKeyDocument, ApiKeyUsageDocument, KeyScope, SecondFactorDocument, UserDocument

Json = dict[str, Any]


def made_for(
    owner: UserDocument, name: str, scopes: Sequence[KeyScope], asked: Mapping[str, Any]
) -> tuple[str, NewKey]:
    """A key of that name, and what is kept of it. Raises Forbidden where the owner may not give a scope."""
    missing = sorted(set(scopes) - allowed_scopes(scopes, owner))
    if missing:
        raise Forbidden(f"only a user with the role for it may give a key the scope {', '.join(missing)}")
    mint, moment = services().mint, now()
    secret = mint.make()
    life = timedelta(days=asked.get("expires_in_days", USUAL_LIFE_DAYS))
    return secret, NewKey(mint.hashes(secret)[0], secret[:SHOWN], name, scopes, moment, moment + life)


def present_key(key: ApiKeyDocument) -> Json:
    """A key, without what opens anything."""
    return {
        "id": str(key["_id"]),
        "name": key["name"],
        "beginning": key["beginning"],
        "scopes": list(key["permissions"]),
        "status": _status(key, services().clock.now()),
        "createdAt": key["createdAt"],
        "expiresAt": key["expiresAt"],
        "lastUsed": key["lastUsed"],
        "replacedBy": None if key["replacedBy"] is None else str(key["replacedBy"]),
        "revokedAt": key["revokedAt"],
    }


def present_usage(key: ApiKeyDocument, days: Iterable[ApiKeyUsageDocument]) -> Json:
    """Requests a day, newest first; days without any are left out."""
    counted = [(f"{one['day']:%Y-%m-%d}", one["requests"]) for one in days]
    told = [{"day": day, "requests": requests} for day, requests in counted]
    total = sum(requests for _, requests in counted)
    return {"keyId": str(key["_id"]), "lastUsed": key["lastUsed"], "total": total, "days": told}


def present_factor(factor: SecondFactorDocument | None, caller: Principal) -> Json:
    """Whether a second factor is in force, and until when this session has proven it."""
    until = caller.mfa_at and caller.mfa_at + services().auth.lifetimes.mfa
    proven = until is not None and until > services().clock.now()
    return {
        "enrolled": factor is not None and factor["secret"] is not None,
        "confirmedAt": factor and factor["confirmedAt"],
        "provenUntil": until if proven else None,
        "recoveryCodesLeft": len(factor["recoveryCodes"]) if factor else 0,
    }


def _status(key: ApiKeyDocument, moment: datetime) -> str:
    if key["revokedAt"] is not None:
        return "revoked"
    if key["expiresAt"] <= moment:
        return "expired"
    return "active" if key["replacedBy"] is None else "replaced"
