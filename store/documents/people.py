"""People: who they are, where they are signed in, what they may sign, what was done with privilege."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from bson import ObjectId

Role = Literal["user", "admin", "oracle"]
UserStatus = Literal["active", "suspended"]
ActorKind = Literal["user", "key", "operator", "system"]


class NotificationPreferencesDocument(TypedDict):
    """What was never said counts as no."""

    priceUpdates: NotRequired[bool]
    transactions: NotRequired[bool]
    marketEvents: NotRequired[bool]
    emailNotifications: NotRequired[bool]


class ProfileDocument(TypedDict):
    """What people say of themselves; everything may be missing."""

    username: NotRequired[str | None]
    email: NotRequired[bytes | None]
    """Encrypted: kind `email`, owner = walletAddress (store.secrets)."""
    avatarUrl: NotRequired[str | None]
    """The key of the picture in object storage; its URL is made when it is told."""
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
    """Always empty: keys have a collection of their own (ADR 0026)."""
    status: UserStatus
    revision: int
    """Rises with every change of roles or status, so that two such changes at once exclude each other."""
    profileRevision: NotRequired[int]
    """Rises with every change of the profile; 0 before the first."""
    keyRevision: NotRequired[int]
    """Rises with every key made or replaced, so that no two of them are counted past the limit."""


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


class DataKeyDocument(TypedDict):
    """collection keyVault: a data key, wrapped with a master key; written by MongoDB's encryption."""

    _id: bytes
    keyAltNames: list[str]
    keyMaterial: bytes
    masterKey: dict[str, Any]
    creationDate: datetime
    updateDate: datetime
    status: int
