"""Objects over HTTP: pictures that anybody may see, and whatever a signed link of ours allows.

From a folder the bytes are sent by ourselves; from a bucket, the caller is sent there for a while.
"""

from __future__ import annotations

from typing import BinaryIO, cast

from flask import Flask, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from api.keeping import keeping
from api.problems import BadRequest, FieldError, NotFound
from store.avatars import is_avatar
from store.objects import Headers, MalformedKey, ObjectInfo, ObjectMissing, StoredObject
from store.objects.links import MEDIA_PATH, Grant

LINK_SECONDS, REDIRECT_SECONDS = 3600, 1800
"""Whoever remembers a redirect has to find the link still good."""
SENT_AT_MOST = 64 << 20


def install(app: Flask) -> None:
    """Serve objects; they are not part of the OpenAPI document, whose answers are JSON."""
    app.add_url_rule(f"{MEDIA_PATH}/<path:key>", "media", show_object, methods=["GET"])
    app.add_url_rule(f"{MEDIA_PATH}/<path:key>", "put_media", put_object, methods=["PUT"])


def show_object(key: str) -> AnyResponse:
    """Send an object, or send the caller to it."""
    signature = _signature()
    if signature is not None:
        keeping().links.check(signature, Grant("GET", key))
    elif not is_avatar(key):
        raise NotFound(f"there is nothing to see at {request.path}")
    try:
        return _redirected(key, signature) if keeping().objects.direct else _sent(keeping().objects.get(key))
    except (ObjectMissing, MalformedKey) as error:
        raise NotFound(f"there is nothing at {request.path} (any more)") from error


def put_object(key: str) -> Response:
    """Take in an object by a link that names its type and size."""
    grant = Grant("PUT", key, request.content_type, request.content_length)
    keeping().links.check(_signature() or "", grant)
    request.max_content_length = SENT_AT_MOST
    info = keeping().objects.put(key, cast("BinaryIO", request.stream), Headers(str(request.content_type)))
    return jsonify({"key": info.key, "size": info.size, "etag": info.etag})


def _signature() -> str | None:
    unknown = set(request.args) - {"signature"}
    if unknown:
        raise BadRequest([FieldError(name, "query", "is not a parameter here") for name in sorted(unknown)])
    return request.args.get("signature")


def _redirected(key: str, signature: str | None) -> AnyResponse:
    objects = keeping().objects
    objects.head(key)
    response = redirect(objects.get_link(key, seconds=LINK_SECONDS).url, 302)
    visibility = "public" if signature is None else "private"
    response.headers["Cache-Control"] = f"{visibility}, max-age={REDIRECT_SECONDS}"
    return response


def _sent(found: StoredObject) -> Response:
    with found:
        response = Response(found.body.read(), mimetype=None, content_type=found.info.headers.content_type)
    _describe(response, found.info)
    return cast("Response", response.make_conditional(request))


def _describe(response: Response, info: ObjectInfo) -> None:
    response.headers["Cache-Control"] = info.headers.cache_control or "private, no-cache"
    # Pages of other origins show it, and whatever it is, it is not to be run.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(info.etag)
    response.last_modified = info.modified_at
