"""Bodies that end where they must: what is longer is refused before it is read whole."""

from __future__ import annotations

import io
from typing import Any

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Nothing of ours reads the body of such a request."""


def bound(request: Request, limit_bytes: int) -> None:
    """Refuse a body that says it is longer, and cut off one that turns out to be."""
    if request.method in BODILESS:
        return
    if (request.content_length or 0) > limit_bytes:
        raise too_long(limit_bytes)
    if request.content_length is None and request.environ.get("wsgi.input_terminated"):
        # Left to the framework, a chunked body would be truncated at the limit without a word.
        request.environ["wsgi.input"] = BoundedStream(request.environ["wsgi.input"], limit_bytes)
    else:
        request.max_content_length = limit_bytes


def too_long(limit_bytes: int) -> RequestEntityTooLarge:
    """Says how much may be sent."""
    return RequestEntityTooLarge(f"the body is longer than the {limit_bytes:,} bytes that this path takes")


class BoundedStream(io.RawIOBase):
    """A stream of unknown length that raises RequestEntityTooLarge when it is too long."""

    def __init__(self, stream: Any, limit_bytes: int) -> None:
        self._stream, self._left, self._limit_bytes = stream, limit_bytes, limit_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data: bytes = self._stream.read(min(len(buffer), self._left + 1))
        if len(data) > self._left:
            raise too_long(self._limit_bytes)
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)
