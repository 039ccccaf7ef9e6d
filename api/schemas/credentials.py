"""Keys of services and second factors: what is sent and what is told."""

from __future__ import annotations

from marshmallow import ValidationError, fields, validate, validates_schema

from api.fields import JsonNumber, OneOf, Spelled, Strict, WholeNumber
from api.permissions import SCOPES
from api.schemas.shapes import Shape, maybe_text, maybe_time, text

DAY = 24 * 3600
LONGEST_LIFE_DAYS, USUAL_LIFE_DAYS = 365, 90
LONGEST_OVERLAP_SECONDS, USUAL_OVERLAP_SECONDS = 7 * DAY, DAY
MOST_USAGE_DAYS, USUAL_USAGE_DAYS = 366, 30
UNPRINTABLE = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
NAME = rf"^[^{UNPRINTABLE}\s][^{UNPRINTABLE}]{{0,49}}$"
CODE = r"^[0-9]{6}$"
RECOVERY_CODE = r"^[A-Za-z2-9 -]{16,40}$"
EACH_ONCE = "must be one or more scopes, each once"


class KeyBody(Strict):
    """A new key."""

    name = fields.String(
        required=True,
        validate=Spelled(NAME, error="must be 1 to 50 characters, without control characters"),
    )
    scopes = fields.List(
        OneOf(*SCOPES),
        required=True,
        validate=validate.Length(1, len(SCOPES), error=EACH_ONCE),
        metadata={"uniqueItems": True},
    )
    expires_in_days = JsonNumber(
        1, LONGEST_LIFE_DAYS, metadata={"description": f"{USUAL_LIFE_DAYS} unless given."}
    )

    @validates_schema(skip_on_field_errors=True)
    def each_once(self, data: dict[str, list[str]], **_: object) -> None:
        if len(set(data["scopes"])) < len(data["scopes"]):
            raise ValidationError(EACH_ONCE, "scopes")


class RotateBody(Strict):
    """How a key is replaced."""

    overlap_seconds = JsonNumber(
        0,
        LONGEST_OVERLAP_SECONDS,
        metadata={"description": f"How long both keys are good, {USUAL_OVERLAP_SECONDS} unless given."},
    )
    expires_in_days = JsonNumber(
        1, LONGEST_LIFE_DAYS, metadata={"description": f"Of the new key, {USUAL_LIFE_DAYS} unless given."}
    )


class UsageQuery(Strict):
    """How far back."""

    days = WholeNumber(
        1, MOST_USAGE_DAYS, metadata={"description": f"Today included, {USUAL_USAGE_DAYS} unless given."}
    )


class Key(Shape):
    id = text()
    name = text()
    beginning = text(metadata={"description": "The first characters, to tell keys apart."})
    scopes = fields.List(fields.String())
    status = text(metadata={"description": "active, replaced (good until expiresAt), expired or revoked."})
    created_at = fields.DateTime()
    expires_at = fields.DateTime()
    last_used = maybe_time()
    replaced_by = maybe_text()
    revoked_at = maybe_time()


class KeyList(Shape):
    keys = fields.List(fields.Nested(Key))


class NewKey(Shape):
    key = fields.Nested(Key)
    secret = text(metadata={"description": "The key itself. It is told now and never again."})


class Rotated(NewKey):
    replaced = fields.Nested(Key)


class UsageDay(Shape):
    day = text()
    requests = fields.Integer()


class Usage(Shape):
    key_id = text()
    last_used = maybe_time()
    total = fields.Integer()
    days = fields.List(fields.Nested(UsageDay))


class OneUsage(Shape):
    usage = fields.Nested(Usage)


class CodeBody(Strict):
    """A code of the authenticator app."""

    code = fields.String(required=True, validate=Spelled(CODE, error="must be six digits"))


class ProofBody(Strict):
    """A code of the authenticator app, or else a recovery code."""

    code = fields.String(validate=Spelled(CODE, error="must be six digits"))
    recovery_code = fields.String(
        validate=Spelled(RECOVERY_CODE, error="must be sixteen letters and digits, in groups or not")
    )

    @validates_schema(skip_on_field_errors=True)
    def one_of_them(self, data: dict[str, str], **_: object) -> None:
        if len(data) != 1:
            raise ValidationError("is what is needed, or else recoveryCode, and not both", "code")


class SecondFactor(Shape):
    enrolled = fields.Boolean()
    confirmed_at = maybe_time()
    proven_until = maybe_time()
    recovery_codes_left = fields.Integer()


class OneSecondFactor(Shape):
    second_factor = fields.Nested(SecondFactor)


class Enrolment(Shape):
    secret = text(metadata={"description": "In base 32, for typing; told now and never again."})
    otpauth_uri = text(metadata={"description": "The same for a QR code."})
    expires_at = fields.DateTime(metadata={"description": "Until then it must be confirmed."})


class Confirmed(Shape):
    proven_until = fields.DateTime()
    recovery_codes = fields.List(fields.String(), metadata={"description": "Each good once; told only now."})


class Proven(Shape):
    proven_until = fields.DateTime()
    recovery_codes_left = fields.Integer()
