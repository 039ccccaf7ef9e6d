"""The kinds of value of settings for what stands before the API: quotas, proxies, origins, kept answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from config.values import Expects

_QUOTA = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour)")
_QUOTA_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests in so many seconds; spelled as in `600/minute`."""

    amount: int
    seconds: int

    def __str__(self) -> str:
        words = {seconds: word for word, seconds in _QUOTA_SECONDS.items()}
        return f"{self.amount}/{words[self.seconds]}"


def _quota(given: str | Quota) -> Quota | Literal["off"]:
    if isinstance(given, Quota):
        return given
    if given.lower() == "off":
        return "off"
    found = _QUOTA.fullmatch(given.lower().replace(" ", ""))
    if not found:
        raise ValueError("this is neither `off` nor a number of requests in a stretch of time")
    return Quota(int(found[1]), _QUOTA_SECONDS[found[2]])


def _cache_size(given: str | int) -> Literal["off"] | int:
    text = str(given).lower()
    if text == "off":
        return "off"
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise ValueError("this is neither `off` nor a number of megabytes")
    return int(text)


def _origins(given: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in given.split(",") if part.strip())
    for position, origin in enumerate(origins, start=1):
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or origin != _origin(origin):
            raise ValueError(f"origin {position} is not scheme://host or scheme://host:port in lower case")
    return origins


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _redis_url(given: str) -> str:
    if not re.match(r"(rediss?://[^/\s]+|unix://\S+)", given):
        raise ValueError("this is not the address of a Redis server")
    return given


RedisUrl = Annotated[
    str, AfterValidator(_redis_url), Expects("redis://host:port/0, rediss://… for TLS, or unix:///path")
]
CacheSize = Annotated[
    Literal["off"] | int,
    BeforeValidator(_cache_size),
    Expects("`off`, or a whole number of megabytes, 1 or more"),
]
Origins = Annotated[
    tuple[str, ...],
    BeforeValidator(_origins),
    Expects("origins such as https://app.example with commas between them, without a path and without *"),
]
RateLimit = Annotated[
    Quota | Literal["off"],
    BeforeValidator(_quota),
    Expects("`off`, or a number of requests per second, minute or hour, such as 600/minute"),
]
ProxyCount = Annotated[int, Field(ge=0, le=10), Expects("a whole number from 0 (no proxy) to 10")]
ProxyHeader = Annotated[Literal["X-Forwarded-For", "Forwarded"], Expects("X-Forwarded-For or Forwarded")]
