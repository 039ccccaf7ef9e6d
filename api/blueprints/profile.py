"""The caller's own profile and picture."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, cast

from flask import Response, request
from werkzeug.datastructures import FileStorage

from api.acting import ActingBlueprint
from api.auth.principal import principal
from api.images import LARGEST_BYTES, Busy, Unfit, safely_recoded
from api.keeping import keeping, media_url
from api.lists import Query
from api.problems import BadRequest, FieldError, Problem, Unsupported
from api.profile import expected_revision, fields_of, profile_answer
from api.schemas.people import OneUser, Success
from api.schemas.profile import AvatarAnswer, ProfileChange

blueprint = ActingBlueprint("profile", __name__, url_prefix="/api/users/profile")

FORM_BYTES = 16_384
"""What a form may have around its file."""
FILE_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "additionalProperties": False,
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        }
    },
}


class ImageUnfit(Problem):
    status, code = 422, "image-unfit"


class ImagesBusy(Problem):
    status, code, retry_after_seconds = 503, "images-busy", 2


@blueprint.acts("GET", "", "showProfile", OneUser)
def show_profile(_query: Query) -> Response:
    """Show the caller's profile."""
    return profile_answer(principal().user)


@blueprint.acts("PUT", "", "saveProfile", OneUser, body=ProfileChange, statuses=(412,))
def save_profile(_query: Query, body: Query) -> Response:
    """Change what is sent and leave the rest, the picture above all; an empty e-mail clears it."""
    return _changed(body)


@blueprint.acts("PATCH", "", "changeProfile", OneUser, body=ProfileChange, statuses=(412,))
def change_profile(_query: Query, body: Query) -> Response:
    """The same as PUT."""
    return _changed(body)


@blueprint.acts("POST", "/image", "uploadAvatar", AvatarAnswer, form=FILE_FORM, statuses=(413, 415, 422))
def upload_avatar(_query: Query) -> dict[str, Any]:
    """Make a picture the caller's avatar: JPEG, PNG, WebP or GIF, at most 5 MiB, cut to a square."""
    try:
        jpeg = safely_recoded(_uploaded())
    except Unfit as error:
        raise ImageUnfit(str(error), [FieldError("file", "form", str(error))]) from error
    except Busy as error:
        raise ImagesBusy("other pictures are being read at the moment; try again in a few seconds") from error
    key = keeping().avatars.put(principal().wallet, jpeg)
    return {"success": True, "avatarUrl": media_url(key)}


@blueprint.acts("DELETE", "/image", "deleteAvatar", Success)
def delete_avatar(_query: Query) -> dict[str, Any]:
    """Remove the caller's avatar; harmless to repeat."""
    keeping().avatars.delete(principal().wallet)
    return {"success": True}


def _changed(body: Query) -> Response:
    user = principal().user
    revision, fields = expected_revision(user), fields_of(user, body)
    changed = keeping().profiles.change(user["walletAddress"], fields, revision) if fields else user
    return profile_answer(changed)


def _uploaded() -> bytes:
    """The one file of the form. Raises Unsupported, BadRequest."""
    if request.mimetype != "multipart/form-data":
        raise Unsupported("the body must be multipart/form-data with the picture as `file`")
    request.max_content_length = LARGEST_BYTES + FORM_BYTES
    with ExitStack() as stack:
        # Large ones are on the disk, and nobody else closes them.
        for file in (one for name in request.files for one in request.files.getlist(name)):
            stack.callback(file.close)
        return cast("bytes", _only_file().read())


def _only_file() -> FileStorage:
    files = request.files.getlist("file")
    # A part need not have a name at all.
    others = sorted({name or "a part without a name" for name in (*request.files, *request.form)} - {"file"})
    if others or len(files) != 1:
        wrong = f"the form has {', '.join(others)}" if others else f"there are {len(files)} of it"
        raise BadRequest(
            [FieldError("file", "form", f"send one picture as `file` and nothing else; {wrong}")]
        )
    return files[0]
