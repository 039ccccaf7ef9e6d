"""The answers of the present state, in this process and, where there is one, in a store that others share.

An answer is kept under the state that it was made from (store.moments) and its URL. A state that is over is
never asked for again: its answers are dropped, and nothing else expires. What does not fit into the bytes
allowed makes room for what was asked for more recently.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace
from prometheus_client import Counter
from werkzeug.http import parse_etags, unquote_etag

SERVED = Counter("dvault_kept_answers", "Answers about the chain by where they came from.", ["source"])
FROM_PROCESS, FROM_SHARED, MADE = (SERVED.labels(source) for source in ("process", "shared", "made"))
LARGEST_SHARE = 8
"""One answer may take that part of all the room: a few huge ones must not drive out all others."""
OVERHEAD_BYTES = 1000
"""About what Python needs for an entry beside its body."""


CONTENT_HEADERS = 2
"""Content-Type and Content-Length, which come first."""


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """An answer with status 200, without what differs between two requests for it."""

    body: bytes
    headers: tuple[tuple[str, str], ...]
    """Content-Type and Content-Length, where there is a body; then ETag and the like."""
    etag: str
    """As in the header, W/ and quotes included."""
    path: str
    rule: str
    """The route, for metrics and the log."""
    parameters: tuple[str, ...]
    """Names of the query's parameters, for the log."""

    def for_whoever_has(self, condition: str | None) -> Answer:
        """The answer, without its body where an If-None-Match names it: a 304 tells nothing of that."""
        if not condition or not self._is_meant_by(condition):
            return self
        return replace(self, body=b"", headers=self.headers[CONTENT_HEADERS:])

    def _is_meant_by(self, condition: str) -> bool:
        return condition == self.etag or parse_etags(condition).contains_weak(unquote_etag(self.etag)[0])

    @property
    def size(self) -> int:
        return len(self.body) + OVERHEAD_BYTES


class Shared(Protocol):
    """Where processes share answers. Never raises: what cannot be had is not there."""

    def get(self, key: str) -> bytes | None:
        """What was put there."""

    def put(self, key: str, content: bytes) -> None:
        """Keep it for a while."""


class Edition(msgspec.Struct, frozen=True, order=True):
    """One version of all answers, in the order of time: a state, and how many seconds it lags.

    Raising either makes other answers of it. `time` only orders: two editions with one name are one.
    """

    time: Any
    lag_seconds: int
    state: str

    @property
    def name(self) -> str:
        return f"{self.state}+{self.lag_seconds}"


class Answers:
    """Keeps answers. Safe between threads."""

    def __init__(self, max_bytes: int, shared: Shared | None = None) -> None:
        """`max_bytes` 0 keeps nothing at all."""
        self._max_bytes, self._shared = max_bytes, shared if max_bytes else None
        self._lock = Lock()
        self._newest: Edition | None = None
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0

    @property
    def keeps(self) -> bool:
        """Is anything kept at all?"""
        return self._max_bytes > 0

    @property
    def bytes_kept(self) -> int:
        return self._bytes

    def here(self, edition: Edition, url: str) -> Answer | None:
        """The answer of that edition, if this process has it."""
        with self._lock:
            if not self._is_newest(edition):
                return None
            found = self._kept.get(url)
            if found is not None:
                self._kept.move_to_end(url)
        return found

    def get(self, edition: Edition, url: str) -> Answer | None:
        """The answer of that edition, from here or from where it is shared."""
        if not self._max_bytes:
            return None
        found = self.here(edition, url)
        if found is not None:
            FROM_PROCESS.inc()
        elif self._shared is not None:
            content = self._shared.get(f"{edition.name} {url}")
            found = None if content is None else msgspec.msgpack.decode(content, type=Answer)
            if found is not None:
                FROM_SHARED.inc()
                self._keep(edition, url, found)
        return found

    def put(self, edition: Edition, url: str, answer: Answer) -> None:
        """Keep an answer that was made from the state of that edition."""
        MADE.inc()
        if self._keep(edition, url, answer) and self._shared is not None:
            self._shared.put(f"{edition.name} {url}", msgspec.msgpack.encode(answer))

    def _keep(self, edition: Edition, url: str, answer: Answer) -> bool:
        if answer.size * LARGEST_SHARE > self._max_bytes:
            return False
        with self._lock:
            if not self._is_newest(edition):
                return False
            before = self._kept.pop(url, None)
            self._bytes += answer.size - (before.size if before else 0)
            self._kept[url] = answer
            while self._bytes > self._max_bytes:
                self._bytes -= self._kept.popitem(last=False)[1].size
        return True

    def _is_newest(self, edition: Edition) -> bool:
        """Is it the one we keep answers of? One that is newer takes the place of the one before."""
        newest = self._newest
        if newest is not None and newest.state == edition.state and newest.lag_seconds == edition.lag_seconds:
            return True
        if newest is not None and edition < newest:
            return False
        self._newest = edition
        self._kept.clear()
        self._bytes = 0
        return True
