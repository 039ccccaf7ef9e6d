"""Endpoint URLs without their secrets: keys travel in the user part, the path and the query."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

LONGEST_PLAIN_SEGMENT = 12
"""Path words such as `ext`, `rpc`, `v3` are shorter; provider keys start at 16 characters."""
HIDDEN = "***"


@lru_cache(maxsize=256)
def redacted(url: str) -> str:
    """Return the URL with every part hidden that may be a credential."""
    parts = urlsplit(url)
    path = "/".join(_hidden_if_long(segment) for segment in parts.path.split("/"))
    query = "?" + HIDDEN if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}{query}"


def scrubbed(text: str, url: str) -> str:
    """Return `text` (an error message) with the credentials of `url` hidden."""
    for secret in _secrets(url):
        text = text.replace(secret, HIDDEN)
    return text


@lru_cache(maxsize=256)
def _secrets(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    found = [segment for segment in parts.path.split("/") if len(segment) > LONGEST_PLAIN_SEGMENT]
    found += [value for _, value in parse_qsl(parts.query)]
    found += [word for word in (parts.password, parts.username) if word]
    return tuple(sorted((word for word in found if len(word) > 3), key=len, reverse=True))


def _hidden_if_long(segment: str) -> str:
    return HIDDEN if len(segment) > LONGEST_PLAIN_SEGMENT else segment
