"""Uploads and secrets, as views may use them; and what callers are told when they cannot be had."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Flask, Response, current_app, request

from api.problems import Problem, respond
from store.avatars import Avatars
from store.documents import UserDocument
from store.objects import LinkRefused, Objects, ObjectsError
from store.objects.links import MEDIA_PATH, Links
from store.profiles import Profiles
from store.secrets import Secrets, SecretsError

logger = logging.getLogger(__name__)

EXTENSION = "dynamicvault.keeping"


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the application keeps for people; `public_url`: where browsers reach it, else where they asked."""

    objects: Objects
    links: Links
    secrets: Secrets
    profiles: Profiles
    avatars: Avatars
    public_url: str | None = None


class StorageDown(Problem):
    status, code, retry_after_seconds = 503, "storage-unavailable", 5


class SecretsUnreadable(Problem):
    status, code, retry_after_seconds = 503, "secrets-unreadable", 30


class LinkInvalid(Problem):
    status, code = 403, "link-invalid"


def install(app: Flask, keeping: Keeping | None) -> None:
    """Give the application what it keeps; without, whatever needs it is answered with StorageDown."""
    app.extensions[EXTENSION] = keeping
    app.register_error_handler(ObjectsError, _storage_down)
    app.register_error_handler(SecretsError, _secrets_unreadable)
    app.register_error_handler(LinkRefused, lambda error: _answer(LinkInvalid(str(error))))


def keeping() -> Keeping:
    """What the application of this request keeps. Raises StorageDown where it was made without."""
    found: Keeping | None = current_app.extensions[EXTENSION]
    if found is None:
        raise StorageDown("this server was started without a place for uploads and secrets")
    return found


def email_of(user: UserDocument) -> str | None:
    """The e-mail address of a user. Raises SecretsError."""
    sealed = user["profileInfo"].get("email")
    if sealed is None:
        return None
    return keeping().secrets.decrypt("email", user["walletAddress"], sealed)


def email_or_none(user: UserDocument) -> str | None:
    """The same for those who can do without: signing in must not depend on a key service."""
    try:
        return email_of(user)
    except (SecretsError, StorageDown) as error:
        logger.error("an e-mail address could not be decrypted", extra={"why": str(error)})
        return None


def avatar_url(user: UserDocument) -> str | None:
    """Where a browser finds the picture of a user."""
    key = user["profileInfo"].get("avatarUrl")
    return None if key is None else media_url(key)


def media_url(key: str) -> str:
    found: Keeping | None = current_app.extensions[EXTENSION]
    base = found.public_url if found and found.public_url else request.host_url.rstrip("/")
    return f"{base}{MEDIA_PATH}/{key}"


def _answer(problem: Problem) -> Response:
    wait = problem.retry_after_seconds
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return respond(problem.status, problem.code, problem.detail, problem.errors, headers)


def _storage_down(error: ObjectsError) -> Response:
    logger.error("object storage failed", extra={"why": str(error)})
    return _answer(StorageDown("uploads cannot be read or written at present; try again in a few seconds"))


def _secrets_unreadable(error: SecretsError) -> Response:
    logger.error("a secret could not be used", extra={"why": str(error)})
    detail = (
        "what is kept encrypted cannot be read at present; nothing was changed; tell whoever runs this server"
    )
    return _answer(SecretsUnreadable(detail))
