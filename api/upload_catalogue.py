"""The errors of what people keep with us: pictures, uploads, and what is kept encrypted."""

from __future__ import annotations

from api.entries import Entry

UPLOADS = (
    Entry(
        "precondition-failed",
        412,
        "It was changed since you read it",
        "The change was not made, because it would have overwritten somebody else's.",
        "`If-Match` named an older version than the one that is there now.",
        "Read it again, make your change to that, and send its `ETag` in `If-Match`.",
        only=("saveProfile", "changeProfile"),
    ),
    Entry(
        "image-unfit",
        422,
        "This picture cannot be used",
        "The file was refused, and nothing was changed.",
        "It is not a picture of a kind that is taken, is animated, damaged, or too large to be decoded.",
        "Choose another picture; `error` says what is wrong with this one.",
        only=("uploadAvatar",),
    ),
    Entry(
        "images-busy",
        503,
        "Other pictures are being decoded",
        "Only a few pictures are decoded at once, and all these places are taken.",
        "Several people are sending pictures at the same time.",
        "Send it again after `Retry-After`.",
        only=("uploadAvatar",),
    ),
    Entry(
        "link-invalid",
        403,
        "The link does not open this",
        "A signed link is good for one object, one purpose and a limited time.",
        "The link has expired, was altered, or is used for something else than it was made for.",
        "Ask for a new link where you got this one.",
        only=("showMedia",),
    ),
    Entry(
        "storage-unavailable",
        503,
        "Uploads cannot be reached",
        "The place where uploads are kept does not answer; everything else goes on.",
        "A full disk, a bucket that is missing or refuses access, or a network in trouble.",
        "Ask again after `Retry-After`; an operator sees the reason with `dvault doctor`.",
        only=("uploadAvatar", "deleteAvatar"),
    ),
    Entry(
        "secrets-unreadable",
        503,
        "What is kept encrypted cannot be read now",
        "The answer holds something that is kept encrypted, and the key to it cannot be had.",
        "The key service does not answer, or the server was started without its master key.",
        "Ask again after `Retry-After`; an operator sees the reason with `dvault doctor`.",
        only=(
            "showProfile",
            "saveProfile",
            "changeProfile",
            "enrollSecondFactor",
            "confirmSecondFactor",
            "proveSecondFactor",
        ),
    ),
)
