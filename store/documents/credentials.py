"""What people prove themselves with besides their wallet: keys for services, and a second factor."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypedDict

from bson import ObjectId

KeyScope = Literal["read", "oracle:write", "assets:write", "webhooks:manage"]


class ApiKeyDocument(TypedDict):
    """collection apiKeys: one key of a service, in force or ended; the key itself is not kept."""

    _id: ObjectId
    userId: ObjectId
    walletAddress: str
    key: str
    """HMAC-SHA256 (hex) of the key, under a pepper that is not in the database."""
    name: str
    beginning: str
    """The first characters of the key, by which its owner tells it from others."""
    permissions: list[KeyScope]
    createdAt: datetime
    expiresAt: datetime
    lastUsed: datetime | None
    replacedBy: ObjectId | None
    """The key that took its place; it is good until expiresAt all the same."""
    revokedAt: datetime | None
    forgetAt: datetime
    """When MongoDB may remove it; until then its end can be explained."""


class ApiKeyUsageDocument(TypedDict):
    """collection apiKeyUsage: how much was asked with one key on one day (UTC); `_id` = keyId and day."""

    _id: str
    keyId: ObjectId
    day: datetime
    requests: int


class PendingFactorDocument(TypedDict):
    """A TOTP secret that nobody has shown to have yet."""

    secret: bytes
    """Encrypted: kind `totp`, owner = walletAddress (store.secrets)."""
    expiresAt: datetime


class SecondFactorDocument(TypedDict):
    """collection secondFactors: what a user proves a second factor with; `_id` is the user's."""

    _id: ObjectId
    walletAddress: str
    secret: bytes | None
    """Encrypted as that of PendingFactorDocument; None until the first one is confirmed."""
    confirmedAt: datetime | None
    lastStep: int
    """The 30-second step of the newest code that was accepted: neither it nor older ones are again."""
    recoveryCodes: list[str]
    """HMAC-SHA256 (hex) of those not used yet, under a pepper that is not in the database."""
    pending: PendingFactorDocument | None
    failures: int
    """Wrong codes in a row."""
    lockedUntil: datetime | None
