"""The gate that every request passes first: before its body is read, and before the database is asked.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy: "read";q=3000;w=60` says
what is allowed in a window of so many seconds, `RateLimit: "read";r=2999;t=57` how many are left, and when
there are more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from flask import Flask, Response, g, request
from prometheus_client import Counter

from api.body_sizes import bound
from api.limiting.addresses import UNKNOWN, TrustedProxies, subscriber
from api.limiting.quotas import CROWD_FACTOR, KEY_FACTOR, Quota, Quotas, RouteClass, class_of
from api.limiting.windows import Standing, Windows
from api.problems import TooManyRequests

COUNTED = "dynamicvault.counted"
"""In the environment of a request that was counted before the application saw it."""
REFUSED = Counter("dvault_rate_limited", "Requests refused because there were too many", ["policy"])
WORDS = {1: "second", 60: "minute", 3600: "hour"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has proven who it is without the database having been asked: by a signature, say."""

    kind: Literal["session", "key"]
    name: str


class Account(msgspec.Struct, frozen=True):
    """What a request is counted against: the policy's name, who, and how much."""

    policy: str
    owner: str
    quota: Quota


class Counted(msgspec.Struct, frozen=True):
    """A request that has been counted: what it may carry, whence it came, and how its account stands."""

    kind: RouteClass
    address: str
    account: Account | None = None
    place: Standing | None = None
    """None where nothing is limited."""

    @property
    def is_refused(self) -> bool:
        return self.place is not None and not self.place.allowed

    def headers(self) -> list[tuple[str, str]]:
        """What the caller is told of its limits."""
        if self.account is None or self.place is None:
            return []
        policy, quota = self.account.policy, self.account.quota
        return [
            ("RateLimit-Policy", f'"{policy}";q={quota.amount};w={quota.seconds}'),
            ("RateLimit", f'"{policy}";r={self.place.remaining};t={self.place.reset_seconds}'),
        ]


@dataclass(slots=True)
class Gate:
    """Who may ask how often. `identify` names the caller of the present request, None for a stranger.

    `identify` runs for every request, before anything else: it must neither raise nor ask the database. A
    caller whose session has ended meanwhile is still counted as that caller, and refused later.
    """

    quotas: Quotas = field(default_factory=Quotas)
    windows: Windows = field(default_factory=Windows)
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    identify: Callable[[], Caller | None] = lambda: None

    def register(self, app: Flask) -> None:
        """Stand before every view of the application, and mark every answer.

        From here on `request.remote_addr` is the address of the client, as far as our proxies vouch for it.
        """
        app.before_request(self._enter)
        app.after_request(_mark)

    def counted(self, environ: Mapping[str, Any], method: str, path: str, caller: Caller | None) -> Counted:
        """Count a request of this caller (None: a stranger); the account that refuses it ends the count."""
        kind, address = class_of(method, path), self.proxies.client(environ)
        account = place = None
        for account in self.accounts(kind, address, caller):
            place = self.windows.take(f"{account.policy}/{account.owner}", account.quota)
            if not place.allowed:
                REFUSED.labels(account.policy).inc()
                break
        return Counted(kind, address, account, place)

    def _enter(self) -> None:
        counted: Counted | None = request.environ.pop(COUNTED, None)
        if counted is None:
            counted = self.counted(request.environ, request.method, request.path, self.identify())
        request.remote_addr, g.counted = counted.address, counted
        if counted.account is not None and counted.place is not None and counted.is_refused:
            raise TooManyRequests(_too_many(counted.account), counted.place.reset_seconds)
        bound(request, counted.kind.max_body_bytes)

    def accounts(self, kind: RouteClass, address: str, caller: Caller | None) -> Iterator[Account]:
        """What this request is counted against; the last one is what the caller is told of."""
        quota = self.quotas.of(kind)
        if quota is None:
            return
        if caller is None or kind.by_address_only:
            yield Account(kind.name, subscriber(address), quota)
            return
        yield Account(f"{kind.name}-crowd", subscriber(address), quota.times(CROWD_FACTOR))
        factor = KEY_FACTOR if caller.kind == "key" else 1
        yield Account(f"{kind.name}-{caller.kind}", caller.name, quota.times(factor))


def asking() -> str:
    """The subscriber whose request has passed the gate."""
    return subscriber(request.remote_addr or UNKNOWN)


def _mark(response: Response) -> Response:
    counted: Counted | None = g.get("counted")
    if counted is not None:
        response.headers.extend(counted.headers())
    return response


def _too_many(account: Account) -> str:
    stretch = WORDS.get(account.quota.seconds, f"{account.quota.seconds} seconds")
    return (
        f"more than {account.quota.amount} requests in one {stretch} (policy {account.policy}); "
        "wait as long as Retry-After says"
    )
