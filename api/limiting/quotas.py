"""What may be asked how often, and how large: one table, read from the top."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

KILOBYTE = 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
KEY_FACTOR = 5
"""An API key serves many people: it may ask this many times as often as a person."""
CROWD_FACTOR = 10
"""As many people as may share one address, all signed in, before the address itself is at its limit."""


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests in any stretch of so many seconds."""

    amount: int
    seconds: int

    def times(self, factor: int) -> Quota:
        return Quota(self.amount * factor, self.seconds)


@dataclass(frozen=True, slots=True)
class RouteClass:
    """Routes that share one budget and one size of body."""

    name: str
    max_body_bytes: int
    by_address_only: bool = False
    """Nobody has signed in yet, and nobody's name is proven: a stranger must not use up another's tries."""


AUTH = RouteClass("auth", 16 * KILOBYTE, by_address_only=True)
READ = RouteClass("read", 64 * KILOBYTE)
WRITE = RouteClass("write", 256 * KILOBYTE)
UPLOAD = RouteClass("upload", 32 * 1024 * KILOBYTE)
PROBE = RouteClass("probe", KILOBYTE)
"""Asked by whoever runs us, and by machines that would stop us for a 429: never limited."""


@dataclass(frozen=True, slots=True)
class Row:
    """Paths and methods (None: all) of one class."""

    path: re.Pattern[str]
    methods: frozenset[str] | None
    kind: RouteClass


TABLE = (
    Row(re.compile(r"/(livez|readyz|metrics)/?"), SAFE, PROBE),
    Row(re.compile(r"/api/auth/.*", re.DOTALL), None, AUTH),
    Row(re.compile(r"/api/users/profile/image/?"), frozenset({"POST"}), UPLOAD),
    Row(re.compile(r"/api/assets/[^/]+/(images|documents)/?"), frozenset({"POST"}), UPLOAD),
    Row(re.compile(r"/api/assets/batch/?"), None, READ),
    Row(re.compile(r".*", re.DOTALL), SAFE, READ),
    Row(re.compile(r".*", re.DOTALL), None, WRITE),
)


@lru_cache(maxsize=512)
def class_of(method: str, path: str) -> RouteClass:
    """The class of the first row that fits; the last row fits everything."""
    return next(
        row.kind
        for row in TABLE
        if (row.methods is None or method in row.methods) and row.path.fullmatch(path)
    )


BUDGETS = {"auth": "auth", "read": "read", "write": "write", "upload": "write"}
"""From which budget the requests of a class are taken; those of other classes are not limited."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """The budget of a person in each class; None: without limit."""

    auth: Quota | None = Quota(30, 60)
    read: Quota | None = Quota(3000, 60)
    write: Quota | None = Quota(120, 60)

    def of(self, kind: RouteClass) -> Quota | None:
        quota: Quota | None = getattr(self, BUDGETS.get(kind.name, ""), None)
        return quota
