"""Endpoint URLs without their secrets: keys travel in the user part, the path and the query."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

HIDDEN = "***"
ID_DIGITS = 6
SHORTEST_SECRET = 4
LONGEST_PLAIN_SEGMENT = 12
"""Path words such as `ext`, `rpc`, `v3` are shorter; provider keys start at 16 characters."""


@lru_cache(maxsize=256)
def endpoint_name(url: str) -> str:
    """Return host and port, and a short id of the whole URL: two keys at one provider are two endpoints."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    return f"{host}#{hashlib.sha256(url.encode()).hexdigest()[:ID_DIGITS]}"


def scrubbed(text: str, url: str) -> str:
    """Return `text` (an error message) with the credentials of `url` hidden."""
    for secret in _secrets(url):
        text = text.replace(secret, HIDDEN)
    return text


@lru_cache(maxsize=256)
def _secrets(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    segments = parts.path.split("/")
    found = [parts.path, parts.query, *(one for one in segments if len(one) > LONGEST_PLAIN_SEGMENT)]
    found += [value for _, value in parse_qsl(parts.query)]
    found += [word for word in (parts.password, parts.username) if word]
    return tuple(sorted({word for word in found if len(word) >= SHORTEST_SECRET}, key=len, reverse=True))
