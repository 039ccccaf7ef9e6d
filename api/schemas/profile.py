"""What people may say of themselves."""

from __future__ import annotations

import unicodedata
from typing import Any

from marshmallow import fields, validate

from api.fields import Spelled, Strict
from api.schemas.shapes import Shape, text

USERNAME = r"^[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{0,50}$"
LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = rf"^([A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{LABEL}(\.{LABEL})+)?$"
LONGEST_EMAIL = 254
NOT_A_NAME = "must be at most 50 characters, without control characters"
NOT_AN_EMAIL = "must be an e-mail address such as name@example.com, or empty"


class Username(fields.String):
    """A display name, with single spaces between words; an empty one clears it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=Spelled(USERNAME, error=NOT_A_NAME), allow_none=True, **kwargs)

    def deserialize(self, value: Any, attr: Any = None, data: Any = None, **kwargs: Any) -> Any:
        said = super().deserialize(value, attr, data, **kwargs)
        return unicodedata.normalize("NFC", " ".join(said.split())) if isinstance(said, str) else said


class Email(fields.String):
    """An e-mail address; an empty one clears it."""

    def __init__(self, **kwargs: Any) -> None:
        rules = [Spelled(EMAIL, error=NOT_AN_EMAIL), validate.Length(max=LONGEST_EMAIL, error=NOT_AN_EMAIL)]
        super().__init__(validate=rules, allow_none=True, **kwargs)


class Exactly(fields.Boolean):
    """true or false, and nothing that could be taken for it."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class PreferencesChange(Strict):
    """Which notifications are wanted; what is not named stays."""

    price_updates = Exactly()
    transactions = Exactly()
    market_events = Exactly()
    email_notifications = Exactly()


class ProfileFields(Strict):
    """What is named is changed, everything else stays."""

    username = Username()
    email = Email()
    avatar_url = fields.String(
        allow_none=True,
        validate=validate.Length(max=2000),
        metadata={
            "description": "Ignored: the picture is changed by POST and DELETE /api/users/profile/image."
        },
    )
    notification_preferences = fields.Nested(PreferencesChange, allow_none=True)


class ProfileChange(ProfileFields):
    """The same either beside each other or in profileInfo, as the profile itself has them."""

    profile_info = fields.Nested(ProfileFields, allow_none=True)


class AvatarAnswer(Shape):
    success = fields.Boolean()
    avatar_url = text()
