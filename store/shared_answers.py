"""Answers that several processes share in Redis. Whatever is wrong with it, they are made anew instead."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from hashlib import blake2b

from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

PREFIX = "dvault:answer:"
KEEP_SECONDS = 3600
"""For the room: no answer is ever wrong, but those of states that are over are never asked for again."""
TIMEOUT_SECONDS = 0.25
"""Making an answer takes less than that."""
QUIET_SECONDS = 5.0
"""After a failure nobody asks for that long."""
SEAL_BYTES = 16
SMALLEST_BYTES = 512
"""Below that, asking another process costs more than it saves."""


class RedisAnswers:
    """Contents by key, sealed: what was not put there with our key, or is cut short, is not there.

    `scope` tells apart those who may not share: other databases, other programs, other secrets.
    """

    def __init__(
        self, url: str, scope: str, secret_key: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._key = blake2b(f"{scope} {secret_key}".encode()).digest()
        self._clock, self._quiet_until = clock, 0.0

    def get(self, key: str) -> bytes | None:
        """What was put there; None also while Redis is away."""
        if self._clock() < self._quiet_until:
            return None
        place = self._digest(key.encode()).hex()
        try:
            found: bytes | None = self._redis.get(PREFIX + place)  # type: ignore[assignment]
        except RedisError as error:
            self._fail(error)
            return None
        if found is None or found[:SEAL_BYTES] != self._digest(place.encode(), found[SEAL_BYTES:]):
            return None
        return found[SEAL_BYTES:]

    def put(self, key: str, content: bytes) -> None:
        """Keep it, as far as Redis can."""
        if self._clock() < self._quiet_until or len(content) < SMALLEST_BYTES:
            return
        place = self._digest(key.encode()).hex()
        try:
            self._redis.set(PREFIX + place, self._digest(place.encode(), content) + content, ex=KEEP_SECONDS)
        except RedisError as error:
            self._fail(error)

    def close(self) -> None:
        """Close the connections; they open again when needed."""
        self._redis.close()

    def _digest(self, *parts: bytes) -> bytes:
        made = blake2b(key=self._key, digest_size=SEAL_BYTES)
        for part in parts:
            made.update(part)
        return made.digest()

    def _fail(self, error: RedisError) -> None:
        logger.warning("answers are kept by each process alone", extra={"why": type(error).__name__})
        self._quiet_until = self._clock() + QUIET_SECONDS
