"""A profile: what may be said in it, how its versions are told apart, and how changes are merged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response, jsonify, request

from api.fields import camel_case
from api.keeping import email_of, keeping
from api.people import present_user_with
from api.problems import BadRequest, FieldError
from store.documents import UserDocument
from store.errors import Changed

SAID_TWICE = "is said both in profileInfo and beside it, and not the same"


def profile_answer(user: UserDocument) -> Response:
    """The profile with its ETag; 304 where the caller has it already. Raises SecretsError."""
    payload = {"user": present_user_with(email_of(user), user)}
    response = jsonify(payload)
    response.set_etag(_etag(user, payload))
    if request.method == "GET":
        response.make_conditional(request)
    return response


def expected_revision(user: UserDocument) -> int | None:
    """Which revision If-Match asks for; None where it asks for none. Raises Changed."""
    wanted = request.if_match
    if "If-Match" not in request.headers or wanted.star_tag:
        return None
    revision = _revision(user)
    if not any(etag.partition("-")[0] == str(revision) for etag in wanted.as_set()):
        raise Changed("profile")
    return revision


def fields_of(user: UserDocument, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a body changes, as the store names it; None removes. The avatar is changed by its own endpoint."""
    said = _merged(body)
    said.pop("avatar_url", None)
    preferences = said.pop("notification_preferences", None) or {}
    fields: dict[str, Any] = {name: said[name] or None for name in ("username", "email") if name in said}
    if fields.get("email"):
        fields["email"] = keeping().secrets.encrypt("email", user["walletAddress"], fields["email"])
    return fields | {
        f"notificationPreferences.{camel_case(name)}": wanted for name, wanted in preferences.items()
    }


def _merged(body: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in profileInfo and what stands beside it, which are the same."""
    beside = {name: value for name, value in body.items() if name != "profile_info"}
    inside = body.get("profile_info") or {}
    twice = [name for name in inside if name in beside and inside[name] != beside[name]]
    if twice:
        raise BadRequest([FieldError(camel_case(name), "json", SAID_TWICE) for name in twice])
    return {**inside, **beside}


def _etag(user: UserDocument, payload: Mapping[str, Any]) -> str:
    """The revision, by which changes are told apart, and a digest of everything that is shown."""
    digest = hashlib.blake2b(orjson.dumps(payload), digest_size=8).hexdigest()
    return f"{_revision(user)}-{digest}"


def _revision(user: UserDocument) -> int:
    return user.get("profileRevision", 0)
