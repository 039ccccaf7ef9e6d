"""Whom an API key stands for: its owner, as far as the key's scopes and the owner's roles go."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import NamedTuple

from flask import request

from api.auth.key_mint import NotAKey, WrongPlace
from api.problems import Problem
from api.services import services
from store.documents import ApiKeyDocument, KeyScope, Role, UserDocument

SEEN = "dynamicvault.key"
ROLE_OF_SCOPE: dict[KeyScope, Role] = {"oracle:write": "oracle"}
"""Scopes that only some may give; a key loses them when its owner loses the role."""


class KeyMalformed(Problem):
    status, code = 401, "api-key-malformed"


class KeyOfAnotherPlace(Problem):
    status, code = 401, "api-key-wrong-environment"


class KeyUnknown(Problem):
    status, code = 401, "api-key-unknown"


class KeyRevoked(Problem):
    status, code = 401, "api-key-revoked"


class KeyExpired(Problem):
    status, code = 401, "api-key-expired"


class KeyOfSuspended(Problem):
    status, code = 401, "api-key-suspended"


class KeyHolder(NamedTuple):
    user: UserDocument
    key: ApiKeyDocument
    scopes: frozenset[KeyScope]


def holder_of(text: str) -> KeyHolder:
    """Who calls with this key, as it is at this moment. Raises one of the above, StoreUnreachable."""
    mint, accounts = services().mint, services().auth.accounts
    try:
        mint.check(text)
    except NotAKey as error:
        raise KeyMalformed(str(error)) from error
    except WrongPlace as error:
        raise KeyOfAnotherPlace(str(error)) from error
    hashes = mint.hashes(text)
    key = accounts.keys.find(hashes)
    if key is None or not any(hmac.compare_digest(key["key"], one) for one in hashes):
        raise KeyUnknown("this API key is not one of ours, or ended long ago")
    request.environ[SEEN] = key
    _refuse_ended(key)
    user = accounts.users.of_id(key["userId"])
    if user is None or user["status"] != "active":
        raise KeyOfSuspended(f"the owner of the API key {_named(key)} is suspended")
    return KeyHolder(user, key, allowed_scopes(key["permissions"], user))


def seen_key() -> ApiKeyDocument | None:
    """The key of this request, in force or not, as far as it was looked up already."""
    found: ApiKeyDocument | None = request.environ.get(SEEN)
    return found


def allowed_scopes(scopes: Iterable[KeyScope], user: UserDocument) -> frozenset[KeyScope]:
    """Those of the scopes that this user may give to a key."""
    return frozenset(one for one in scopes if ROLE_OF_SCOPE.get(one, "user") in user["roles"])


def _refuse_ended(key: ApiKeyDocument) -> None:
    if key["revokedAt"] is not None:
        raise KeyRevoked(f"the API key {_named(key)} was revoked by its owner")
    if key["expiresAt"] <= services().clock.now():
        successor = key["replacedBy"]
        why = "has expired" if successor is None else f"was replaced by {successor}; the overlap is over"
        raise KeyExpired(f"the API key {_named(key)} {why}")


def _named(key: ApiKeyDocument) -> str:
    return f"{key['beginning']}… ({key['_id']})"
