"""The gate that every request passes first: before its body is read, and before the database is asked.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy: "read";q=3000;w=60` says
what is allowed in a window of so many seconds, `RateLimit: "read";r=2999;t=57` how many are left, and when
there are more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from flask import Flask, Response, g, request
from prometheus_client import Counter

from api.body_sizes import bound
from api.limiting.addresses import TrustedProxies, subscriber
from api.limiting.quotas import CROWD_FACTOR, KEY_FACTOR, Quota, Quotas, RouteClass, class_of
from api.limiting.windows import Standing, Windows
from api.problems import TooManyRequests

REFUSED = Counter("dvault_rate_limited", "Requests refused because there were too many", ["policy"])
WORDS = {1: "second", 60: "minute", 3600: "hour"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has proven who it is without the database having been asked: by a signature, say."""

    kind: Literal["session", "key"]
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """What a request is counted against: the policy's name, who, and how much."""

    policy: str
    owner: str
    quota: Quota


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

    def _enter(self) -> None:
        kind = class_of(request.method, request.path)
        request.remote_addr = address = self.proxies.client(request.environ)
        for account in self.accounts(kind, address):
            place = self.windows.take(f"{account.policy}/{account.owner}", account.quota)
            g.rate_limit = account.policy, account.quota, place
            if not place.allowed:
                REFUSED.labels(account.policy).inc()
                raise TooManyRequests(_too_many(account), place.reset_seconds)
        bound(request, kind.max_body_bytes)

    def accounts(self, kind: RouteClass, address: str) -> Iterator[Account]:
        """What this request is counted against; the last one is what the caller is told of."""
        quota = self.quotas.of(kind)
        if quota is None:
            return
        caller = None if kind.by_address_only else self.identify()
        if caller is None:
            yield Account(kind.name, subscriber(address), quota)
            return
        yield Account(f"{kind.name}-crowd", subscriber(address), quota.times(CROWD_FACTOR))
        factor = KEY_FACTOR if caller.kind == "key" else 1
        yield Account(f"{kind.name}-{caller.kind}", caller.name, quota.times(factor))


def _mark(response: Response) -> Response:
    told: tuple[str, Quota, Standing] | None = g.get("rate_limit")
    if told is not None:
        policy, quota, place = told
        response.headers["RateLimit-Policy"] = f'"{policy}";q={quota.amount};w={quota.seconds}'
        response.headers["RateLimit"] = f'"{policy}";r={place.remaining};t={place.reset_seconds}'
    return response


def _too_many(account: Account) -> str:
    stretch = WORDS.get(account.quota.seconds, f"{account.quota.seconds} seconds")
    return (
        f"more than {account.quota.amount} requests in one {stretch} (policy {account.policy}); "
        "wait as long as Retry-After says"
    )
