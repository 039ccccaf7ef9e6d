"""People: who they are, where they are signed in, what they may sign, what was done with privilege."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from bson import ObjectId

Role = Literal["user", "admin", "oracle"]
UserStatus = Literal["active", "suspended"]
ActorKind = Literal["user", "key", "operator", "system"]


class NotificationPreferencesDocument(TypedDict):
    priceUpdates: bool
    transactions: bool
    marketEvents: bool
    emailNotifications: bool


class ProfileDocument(TypedDict):
    """What people say of themselves; everything may be missing."""

    username: NotRequired[str | None]
    email: NotRequired[str | None]
    avatarUrl: NotRequired[str | None]
    notificationPreferences: NotRequired[NotificationPreferencesDocument]


class UserDocument(TypedDict):
    """collection users: one wallet is one user; made at the first sign-in, or by an operator's grant."""

    _id: ObjectId
    walletAddress: str
    createdAt: datetime
    lastLogin: datetime | None
    roles: list[Role]
    profileInfo: ProfileDocument
    apiKeys: list[dict[str, Any]]
    status: UserStatus
    revision: int
    """Rises with every change of roles or status, so that two such changes at once exclude each other."""


class SessionDocument(TypedDict):
    """collection sessions: one sign-in and the family of refresh tokens that came of it."""

    _id: ObjectId
    userId: ObjectId
    walletAddress: str
    token: str
    """SHA-256 (hex) of the only refresh token that is alive."""
    previousToken: str | None
    """SHA-256 of the one before, honoured for a short grace after `rotatedAt`."""
    generation: int
    rotatedAt: datetime
    keyId: str
    """The key that signed `token`: with it, the same token can be made again."""
    csrf: bool
    """The client asked for double submit: refreshing by cookie then needs the header."""
    createdAt: datetime
    expiresAt: datetime
    ipAddress: str | None
    userAgent: str | None
    isValid: bool
    endedBecause: str | None
    mfaAt: datetime | None
    """When a second factor was last proven in this session."""


class NonceDocument(TypedDict):
    """collection nonces: asked for and not used yet; `_id` is the nonce itself."""

    _id: str
    walletAddress: str
    createdAt: datetime
    expiresAt: datetime


class ActorDocument(TypedDict):
    """Who did it; name = wallet, key id, or account of the operator's machine."""

    kind: ActorKind
    name: str


class AuditDocument(TypedDict):
    """collection auditLog: one privileged act; written once, never changed."""

    _id: ObjectId
    at: datetime
    action: str
    actor: ActorDocument
    target: str | None
    before: dict[str, Any]
    after: dict[str, Any]
    ipAddress: str | None
    requestId: str | None
