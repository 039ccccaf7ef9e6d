"""The caller's keys for services: made, replaced, revoked; what was asked with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from api.acting import ActingBlueprint
from api.auth.principal import principal
from api.auth.trail import act
from api.credentials import made_for, present_key, present_usage
from api.lists import Query
from api.schemas.credentials import (
    USUAL_OVERLAP_SECONDS,
    USUAL_USAGE_DAYS,
    KeyBody,
    KeyList,
    NewKey,
    OneUsage,
    RotateBody,
    Rotated,
    UsageQuery,
)
from api.schemas.people import Success
from api.services import services
from store.key_usage import day_of

blueprint = ActingBlueprint("keys", __name__, url_prefix="/api/keys")


@blueprint.acts("GET", "", "listKeys", KeyList)
def list_keys(_query: Query) -> dict[str, Any]:
    """List the caller's keys, newest first; ended ones for 30 days more."""
    found = services().auth.accounts.keys.of_user(principal().user["_id"])
    return {"keys": [present_key(key) for key in found]}


@blueprint.acts("POST", "", "makeKey", NewKey, body=KeyBody, statuses=(409,))
def make_key(_query: Query, body: Query) -> dict[str, Any]:
    """Make a key for a service. It is told now and never again; `oracle:write` needs the role `oracle`."""
    user = principal().user
    secret, new = made_for(user, body["name"], body["scopes"], body)
    key = services().auth.accounts.keys.add(user, new, act("key.made", None))
    return {"key": present_key(key), "secret": secret}


@blueprint.acts("POST", "/<id>/rotate", "rotateKey", Rotated, body=RotateBody, statuses=(404, 409))
def rotate_key(_query: Query, body: Query, row_id: str) -> dict[str, Any]:
    """Replace a key by one of the same name and scopes; both are good until the overlap is over."""
    user, keys = principal().user, services().auth.accounts.keys
    before = keys.own(user["_id"], row_id)
    secret, new = made_for(user, before["name"], before["permissions"], body)
    overlap = timedelta(seconds=body.get("overlap_seconds", USUAL_OVERLAP_SECONDS))
    replaced, key = keys.replace(user, row_id, new, overlap, act("key.rotated", None))
    return {"key": present_key(key), "secret": secret, "replaced": present_key(replaced)}


@blueprint.acts("DELETE", "/<id>", "revokeKey", Success, statuses=(404,))
def revoke_key(_query: Query, row_id: str) -> dict[str, Any]:
    """End a key, with the next request; harmless to repeat."""
    keys, moment = services().auth.accounts.keys, services().clock.now()
    keys.revoke(principal().user["_id"], row_id, moment, act("key.revoked", row_id))
    return {"success": True}


@blueprint.acts("GET", "/<id>/usage", "showKeyUsage", OneUsage, query=UsageQuery, statuses=(404,))
def show_key_usage(query: Query, row_id: str) -> dict[str, Any]:
    """Show how many requests a key made on each day (UTC), a second late; those answered 429 do not count."""
    accounts = services().auth.accounts
    key = accounts.keys.own(principal().user["_id"], row_id)
    since = day_of(services().clock.now()) - timedelta(days=query.get("days", USUAL_USAGE_DAYS) - 1)
    return {"usage": present_usage(key, accounts.key_usage.days(key["_id"], since))}
