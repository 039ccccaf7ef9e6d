"""Users, sessions and acts as callers see them."""

from __future__ import annotations

from typing import Any

from store.documents import AuditDocument, SessionDocument, UserDocument

Json = dict[str, Any]

PREFERENCES = ("priceUpdates", "transactions", "marketEvents", "emailNotifications")


def present_user(user: UserDocument) -> Json:
    """A user, to himself and to admins; what they have not set is null, preferences are false."""
    profile: Json = {**user["profileInfo"]}
    preferences = profile.get("notificationPreferences") or {}
    return {
        "walletAddress": user["walletAddress"],
        "roles": list(user["roles"]),
        "createdAt": user["createdAt"],
        "lastLogin": user["lastLogin"],
        "profileInfo": {
            "username": profile.get("username"),
            "email": profile.get("email"),
            "avatarUrl": profile.get("avatarUrl"),
            "notificationPreferences": {name: bool(preferences.get(name)) for name in PREFERENCES},
        },
        "status": user["status"],
    }


def present_session(session: SessionDocument, current: str | None) -> Json:
    """Where somebody is signed in; `current` is the id of the caller's own session."""
    return {
        "id": str(session["_id"]),
        "createdAt": session["createdAt"],
        "expiresAt": session["expiresAt"],
        "ipAddress": session["ipAddress"],
        "userAgent": session["userAgent"],
        "isCurrentSession": str(session["_id"]) == current,
    }


def present_act(act: AuditDocument) -> Json:
    """An entry of the audit log."""
    return {
        "id": str(act["_id"]),
        "at": act["at"],
        "action": act["action"],
        "actor": dict(act["actor"]),
        "target": act["target"],
        "before": dict(act["before"]),
        "after": dict(act["after"]),
        "ipAddress": act["ipAddress"],
        "requestId": act["requestId"],
    }
