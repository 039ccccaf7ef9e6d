"""What our API answers, for the demo to read.

NotFollowed   the API does not show the chain's newest block in time
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from time import monotonic
from typing import Any

TIMEOUT_SECONDS = 10.0
FOLLOW_SECONDS = 60.0
PAUSE_SECONDS = 0.05
HTTP_OK = 200


class NotFollowed(RuntimeError):
    """The API did not come to show what it should; says what it last answered."""

    def __init__(self, what: str, last: object) -> None:
        super().__init__(
            f"{what} was not to be seen within {FOLLOW_SECONDS:.0f} s; the last answer was {last}"
        )


class Answers:
    """The API on a port of loopback; `pause` lets seconds pass and may raise."""

    def __init__(self, port: int, pause: Callable[[float], None]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._pause = pause

    def get(self, path: str) -> dict[str, Any] | None:
        """The JSON answered with 200; None while nobody answers that."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return dict(json.loads(body)) if response.status == HTTP_OK else None

    def follow(self, block_hash: str) -> dict[str, Any]:
        """Wait until the API stands at that block; returns its status. Raises NotFollowed."""
        deadline = monotonic() + FOLLOW_SECONDS
        while True:
            status = self.get("/api/status")
            if status and status["tip"] and status["tip"]["hash"] == block_hash:
                return status
            if monotonic() > deadline:
                raise NotFollowed(f"block {block_hash}", status)
            self._pause(PAUSE_SECONDS)

    def count(self, path: str) -> int:
        """How many a list has. Raises NotFollowed."""
        page = self.get(f"{path}?page=1&limit=1")
        if page is None:
            raise NotFollowed(path, page)
        return int(page["pagination"]["total"])
