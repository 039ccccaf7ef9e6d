"""A client that asks the API every few milliseconds which block it stands at, and notes when it changed."""

from __future__ import annotations

import http.client
import json
import threading
import time
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.005
NOT_YET = frozenset({404, 503})
"""What the API answers while nothing is indexed."""


class NeverVisible(RuntimeError):
    """The API did not show the block in time."""

    def __init__(self, block_hash: str, seconds: float, shown: object) -> None:
        super().__init__(f"the API did not show block {block_hash} within {seconds} s; it shows {shown}")


class StatusRefused(RuntimeError):
    """The API answered the poll with an error."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"GET /api/status answered {status}: {body[:500]!r}")


class Watcher:
    """Polls `GET /api/status` in a thread; times are `time.perf_counter` when the answer had arrived."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._seen: dict[str, float] = {}
        self._shown: str | None = None
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def seen(self, block_hash: str, seconds: float) -> float:
        """When the API first showed this block as its tip; waits for it, then raises NeverVisible."""
        with self._changed:
            self._changed.wait_for(lambda: block_hash in self._seen or self._failure is not None, seconds)
            if self._failure is not None:
                raise self._failure
            if block_hash not in self._seen:
                raise NeverVisible(block_hash, seconds, self._shown)
            return self._seen[block_hash]

    def _watch(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            while not self._stopping.is_set():
                self._note(self._tip(connection), time.perf_counter())
                self._stopping.wait(POLL_SECONDS)
        except (OSError, http.client.HTTPException, StatusRefused) as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
        finally:
            connection.close()

    def _tip(self, connection: http.client.HTTPConnection) -> str | None:
        connection.request("GET", "/api/status")
        response = connection.getresponse()
        body = response.read()
        if response.status in NOT_YET:
            return None
        if response.status != http.HTTPStatus.OK:
            raise StatusRefused(response.status, body)
        return tip_hash(body)

    def _note(self, block_hash: str | None, at: float) -> None:
        if block_hash is None or block_hash == self._shown:
            return
        with self._changed:
            self._shown = block_hash
            self._seen.setdefault(block_hash, at)
            self._changed.notify_all()


def tip_hash(body: bytes) -> str | None:
    """The hash of the block that an answer of the API is true at; None while there is none."""
    as_of = json.loads(body).get("asOf") or {}
    found = as_of.get("blockHash")
    return None if found is None else str(found)
