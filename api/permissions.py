"""Who may do what: one line for each route. What is not in the table is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from store.documents import Role

Scope = Literal["read", "oracle:write", "assets:write", "webhooks:manage"]
SCOPES: tuple[Scope, ...] = ("read", "oracle:write", "assets:write", "webhooks:manage")


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its caller: a role in a session, with `mfa` proven lately; or a key with a scope.

    Without role nobody is asked. `own_way`: the view itself looks at the credentials, because it takes some
    that are otherwise no good any more.
    """

    role: Role | None = None
    scope: Scope | None = None
    mfa: bool = False
    own_way: bool = False

    @property
    def is_public(self) -> bool:
        return self.role is None


PUBLIC = Access()
PEOPLE = Access("user")
ADMIN = Access("admin", mfa=True)
LEAVING = Access("user", own_way=True)

PERMISSIONS: Mapping[str, Access] = {
    # the chain's
    "GET /api/assets": PUBLIC,
    "GET /api/assets/<tokenId>": PUBLIC,
    "POST /api/assets/batch": PUBLIC,
    "GET /api/assets/<tokenId>/price-history": PUBLIC,
    "GET /api/assets/<tokenId>/transactions": PUBLIC,
    "GET /api/assets/<tokenId>/activity": PUBLIC,
    "GET /api/assets/<tokenId>/provenance": PUBLIC,
    "GET /api/users/<walletAddress>/assets": PUBLIC,
    "GET /api/users/<walletAddress>/transactions": PUBLIC,
    "GET /api/users/<walletAddress>/portfolio": PUBLIC,
    "GET /api/users/<walletAddress>/portfolio/history": PUBLIC,
    "GET /api/transactions": PUBLIC,
    "GET /api/transactions/<id>": PUBLIC,
    "GET /api/tx/<hash>": PUBLIC,
    "GET /api/events": PUBLIC,
    "GET /api/stream": PUBLIC,
    "GET /api/market/stats": PUBLIC,
    "GET /api/market/stats/history": PUBLIC,
    "GET /api/market/listings": PUBLIC,
    "GET /api/market/trending": PUBLIC,
    "GET /api/activity": PUBLIC,
    "GET /api/search": PUBLIC,
    # signing in and out
    "GET /api/auth/nonce": PUBLIC,
    "POST /api/auth/verify": PUBLIC,
    "POST /api/auth/refresh": PUBLIC,
    "POST /api/auth/logout": LEAVING,
    "DELETE /api/auth/logout": LEAVING,
    "GET /api/auth/sessions": PEOPLE,
    "DELETE /api/auth/sessions/<id>": PEOPLE,
    # profiles and pictures
    "GET /api/users/profile": PEOPLE,
    "PUT /api/users/profile": PEOPLE,
    "PATCH /api/users/profile": PEOPLE,
    "POST /api/users/profile/image": PEOPLE,
    "DELETE /api/users/profile/image": PEOPLE,
    # favourites
    "GET /api/users/favorites": PEOPLE,
    "GET /api/users/favorites/<tokenId>": PEOPLE,
    "POST /api/users/favorites/<tokenId>": PEOPLE,
    "DELETE /api/users/favorites/<tokenId>": PEOPLE,
    "GET /api/media/<path:key>": PUBLIC,  # what is not public needs a link that was signed for it
    "PUT /api/media/<path:key>": PUBLIC,  # only by such a link
    # administration
    "GET /api/admin/users": ADMIN,
    "PATCH /api/admin/users/<walletAddress>": ADMIN,
    "GET /api/admin/audit": ADMIN,
    # operation
    "GET /api/errors": PUBLIC,
    "GET /api/errors/<code>": PUBLIC,
    "GET /api/status": PUBLIC,
    "GET /api/reorgs": PUBLIC,
    "GET /api/docs": PUBLIC,
    "GET /api/openapi.json": PUBLIC,
    "GET /livez": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /metrics": PUBLIC,
}
"""Method and rule → who may."""


def access_of(method: str, rule: str) -> Access | None:
    """What a route asks for; HEAD is a GET without its body. None: it is in no line."""
    return PERMISSIONS.get(f"{'GET' if method == 'HEAD' else method} {rule}")
