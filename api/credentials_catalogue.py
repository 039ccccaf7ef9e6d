"""The errors of API keys and second factors."""

from __future__ import annotations

from api.entries import Entry


def _key_refused(code: str, cause: str, remedy: str) -> Entry:
    return Entry(
        code,
        401,
        "The API key opens nothing",
        "What came as `X-API-Key` stands for nobody at this moment; nothing was done.",
        cause,
        remedy,
    )


CREDENTIALS = (
    Entry(
        "credentials-ambiguous",
        401,
        "Two credentials at once",
        "`Authorization` and `X-API-Key` came together, so nobody can tell whose request it is; nothing was "
        "done.",
        "A client that adds its key to a request of a person, or the other way round.",
        "Send one of them.",
    ),
    _key_refused(
        "api-key-malformed",
        "The text is not of the form of a key, or its checksum is wrong: a character is missing or mistyped.",
        "Compare it with what you were told when the key was made; copy it whole.",
    ),
    _key_refused(
        "api-key-wrong-environment",
        "A `dv_test_` key came to a production server, or a `dv_live_` key to another one.",
        "Use a key that was made on this server.",
    ),
    _key_refused(
        "api-key-unknown",
        "The key was made by another server, ended more than 30 days ago, or its pepper was taken away.",
        "Make a new key with `POST /api/keys`.",
    ),
    _key_refused(
        "api-key-revoked",
        "Its owner has revoked it.",
        "Ask its owner, whom `detail` helps to find the key, for another one.",
    ),
    _key_refused(
        "api-key-expired",
        "Its time is over, or it was rotated and the overlap is over; `detail` says which.",
        "Use its successor, or make a new key.",
    ),
    _key_refused(
        "api-key-suspended",
        "The account of its owner is suspended. The key is good again when the account is.",
        "Ask an admin.",
    ),
    Entry(
        "too-many-keys",
        409,
        "No more keys",
        "The key was not made.",
        "This user has 20 keys in force, or 200 with those that ended in the last 30 days.",
        "Revoke keys that nobody uses; `lastUsed` tells which.",
        only=("makeKey", "rotateKey"),
    ),
    Entry(
        "key-ended",
        409,
        "This key cannot be rotated",
        "No successor was made.",
        "It has a successor already, perhaps made at the same moment; or it was revoked, or has expired.",
        "Rotate the successor, or make a new key; `detail` says which.",
        only=("rotateKey",),
    ),
    Entry(
        "mfa-not-enrolled",
        409,
        "There is no second factor",
        "Nothing was proven or removed.",
        "None was enrolled, it was not confirmed in time, or an operator has reset it.",
        "Begin with `POST /api/auth/mfa/enroll`.",
        only=("proveSecondFactor", "removeSecondFactor"),
    ),
    Entry(
        "mfa-not-pending",
        409,
        "There is nothing to confirm",
        "The second factor was not changed.",
        "Enrolling was not begun, more than 15 minutes ago, or was confirmed or begun anew meanwhile.",
        "Begin with `POST /api/auth/mfa/enroll`.",
        only=("confirmSecondFactor",),
    ),
    Entry(
        "mfa-code-wrong",
        403,
        "The code is wrong",
        "Nothing was proven. Wrong codes in a row bring about a pause.",
        "A typo, a code of another account, a clock that is wrong by more than half a minute, or a recovery "
        "code that was used.",
        "Set the clock of your device, and send the code that is shown now.",
        only=("confirmSecondFactor", "proveSecondFactor"),
    ),
    Entry(
        "mfa-code-used",
        403,
        "The code was used already",
        "Each code proves once, so that nobody can use one they saw.",
        "The same code was sent twice, or an older one after a newer one.",
        "Wait up to 30 seconds for the next code.",
        only=("proveSecondFactor",),
    ),
    Entry(
        "mfa-locked",
        429,
        "Too many wrong codes",
        "Codes are not looked at until the pause is over.",
        "Five wrong codes in a row; every five more, the pause is twice as long.",
        "Wait as long as `Retry-After` says, or send a recovery code.",
        only=("proveSecondFactor",),
    ),
)
