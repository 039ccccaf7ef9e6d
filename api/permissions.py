"""Who may do what: one line for each route. What is not in the table is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from store.documents import KeyScope, Role

Scope = KeyScope
SCOPES: tuple[Scope, ...] = get_args(KeyScope)
Credential = Literal["session", "key", "refresh"]
"""What a caller can show: an access token, an API key, the refresh cookie."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its caller: a role in a session, with `mfa` proven lately; or a key with a scope.

    Without scope no key will do. Without role nobody is asked. `own_way`: the view itself looks at the
    credentials, because it takes some that are otherwise no good any more. `cookie`: it takes the refresh
    cookie.
    """

    role: Role | None = None
    scope: Scope | None = None
    mfa: bool = False
    own_way: bool = False
    cookie: bool = False

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """Any one of these will do; where everybody may, a key is counted as a key and must be a good one."""
        able: tuple[tuple[Credential, bool], ...] = (
            ("session", self.role is not None),
            ("key", self.scope is not None or self.is_public),
            ("refresh", self.cookie),
        )
        return tuple(name for name, will_do in able if will_do)

    @property
    def is_public(self) -> bool:
        return self.role is None


PUBLIC = Access()
PEOPLE = Access("user")
PEOPLE_OR_READERS = Access("user", scope="read")
PEOPLE_WITH_FACTOR = Access("user", mfa=True)
ADMIN = Access("admin", mfa=True)
REFRESHING = Access(cookie=True)
LEAVING = Access("user", own_way=True, cookie=True)

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
    "POST /api/auth/refresh": REFRESHING,
    "POST /api/auth/logout": LEAVING,
    "DELETE /api/auth/logout": LEAVING,
    "GET /api/auth/sessions": PEOPLE,
    "DELETE /api/auth/sessions/<id>": PEOPLE,
    "GET /api/auth/mfa": PEOPLE,
    "POST /api/auth/mfa/enroll": PEOPLE,  # with a proof where one is in force already
    "POST /api/auth/mfa/confirm": PEOPLE,
    "POST /api/auth/mfa/verify": PEOPLE,
    "DELETE /api/auth/mfa": PEOPLE_WITH_FACTOR,
    # keys of services
    "GET /api/keys": PEOPLE,
    "POST /api/keys": PEOPLE,
    "POST /api/keys/<id>/rotate": PEOPLE,
    "DELETE /api/keys/<id>": PEOPLE,
    "GET /api/keys/<id>/usage": PEOPLE,
    # profiles and pictures
    "GET /api/users/profile": PEOPLE_OR_READERS,
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
