"""What the document says in sentences."""

from __future__ import annotations

from typing import Any

from api.auth.tokens import COOKIE

INFORMATION: dict[str, Any] = {
    "description": (
        "What is true of every asset, listing, sale and price, and at which block it is true: every answer "
        "that comes from the chain says so in `asOf`. Amounts are exact in `…Wei` (decimal strings); the "
        "numbers beside them are ether, for display. Errors are RFC 9457 problems; programs look at `code`."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}

SECURITY_SCHEMES: dict[str, Any] = {
    "session": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of a sign-in with a wallet.",
    },
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key, for programs; it may do what its scopes name.",
    },
    "refresh": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The refresh cookie, which a sign-in sets and no script can read.",
    },
}

TAGS = {
    "activity": "What happened: deeds, and prices set without one.",
    "admin": "Administration, for admins with a second factor proven lately.",
    "assets": "Assets: lists, one, its price, its deeds.",
    "auth": "Signing in with a wallet, staying signed in, signing out.",
    "errors": "What the errors mean, and what to do.",
    "events": "What happens, as it happens.",
    "favourites": "Which assets the caller likes.",
    "keys": "API keys for services: made, replaced, revoked.",
    "market": "What is for sale, and the market's figures.",
    "mfa": "The caller's second factor: enrolled, confirmed, proven, removed.",
    "operations": "Where the indexer stands.",
    "profile": "The caller's own profile and picture.",
    "search": "One box for words, token ids, addresses and hashes.",
    "transactions": "Deeds, and the whereabouts of a chain transaction.",
    "users": "What belongs to a wallet, and what it did.",
}
