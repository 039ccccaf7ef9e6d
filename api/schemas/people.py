"""People: what they send and what they are told."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from api.fields import OneOf, Strict, Wallet
from api.requests import PageQuery
from api.schemas.shapes import Pagination, Shape, address, maybe_text, maybe_time, one_of, text
from api.signin.signature import MAX_SIGNATURE_BYTES

ROLES = ("user", "admin", "oracle")
STATUSES = ("active", "suspended")
MAX_MESSAGE, MAX_SIGNATURE = 8192, 2 + 2 * MAX_SIGNATURE_BYTES
"""Characters; a message that is shorter, and still too long, is told so in its own words."""


def bounded_text(characters: int) -> fields.String:
    """A text that is judged elsewhere; its length is bounded here."""
    too_long = validate.Length(max=characters, error=f"must be at most {characters} characters")
    return fields.String(required=True, validate=too_long)


class NonceQuery(Strict):
    """Whose sign-in it is for."""

    wallet_address = Wallet(required=True)


class VerifyBody(Strict):
    """An EIP-4361 message and its signature."""

    wallet_address = Wallet(required=True)
    message = bounded_text(MAX_MESSAGE)
    signature = bounded_text(MAX_SIGNATURE)
    double_submit = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "Refreshing by cookie shall need the header X-CSRF-TOKEN as well."},
    )


class AdminUsersQuery(PageQuery):
    """Which users."""

    role = OneOf(*ROLES)
    status = OneOf(*STATUSES)


class AuditQuery(PageQuery):
    """Which acts."""

    actor = fields.String(validate=validate.Length(1, 200))
    target = fields.String(validate=validate.Length(1, 200))
    action = fields.String(validate=validate.Length(1, 100))


class UserChange(Strict):
    """What an admin may change of a user."""

    roles = fields.List(OneOf(*ROLES), validate=validate.Length(max=len(ROLES)))
    status = OneOf(*STATUSES)


class Nonce(Shape):
    wallet_address = address()
    nonce = text()
    expires_at = fields.DateTime()


class NotificationPreferences(Shape):
    price_updates = fields.Boolean()
    transactions = fields.Boolean()
    market_events = fields.Boolean()
    email_notifications = fields.Boolean()


class ProfileInfo(Shape):
    username = maybe_text()
    email = maybe_text()
    avatar_url = maybe_text()
    notification_preferences = fields.Nested(NotificationPreferences)


class User(Shape):
    wallet_address = address()
    roles = fields.List(one_of(*ROLES))
    created_at = fields.DateTime()
    last_login = maybe_time()
    profile_info = fields.Nested(ProfileInfo)
    status = one_of(*STATUSES)


class OneUser(Shape):
    user = fields.Nested(User)


class Tokens(Shape):
    access_token = text()
    refresh_token = text()
    expires_in = fields.Integer(metadata={"description": "Seconds that the access token is good for."})
    user = fields.Nested(User)


class Session(Shape):
    id = text()
    created_at = fields.DateTime()
    expires_at = fields.DateTime()
    ip_address = maybe_text()
    user_agent = maybe_text()
    is_current_session = fields.Boolean()


class SessionList(Shape):
    sessions = fields.List(fields.Nested(Session))


class Success(Shape):
    success = fields.Boolean()


class UserList(Shape):
    users = fields.List(fields.Nested(User))
    pagination = fields.Nested(Pagination)


class Actor(Shape):
    kind = one_of("user", "key", "operator", "system")
    name = text()


class Act(Shape):
    id = text()
    at = fields.DateTime()
    action = text()
    actor = fields.Nested(Actor)
    target = maybe_text()
    before: Any = fields.Dict()
    after: Any = fields.Dict()
    ip_address = maybe_text()
    request_id = maybe_text()


class AuditList(Shape):
    audit = fields.List(fields.Nested(Act))
    pagination = fields.Nested(Pagination)
