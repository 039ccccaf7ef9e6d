"""Streams of a real server: they hear blocks and reorgs, cost others nothing, and end with the server."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson

from api.app import STREAMS_EACH
from dvault.commands.serving import STREAMS
from tests.e2e.running import Market, Running, market, wait_for

SECONDS = 30.0


class Listener:
    """One open stream, read by a thread; `events` are (type, data) so far."""

    def __init__(self, url: str, path: str = "/api/stream", address: str = "192.0.2.255") -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
        self.connection.request("GET", path, headers={"X-Forwarded-For": address})
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        kind = ""
        try:
            for raw in iter(self.response.readline, b""):
                name, _, value = raw.decode().strip().partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    self.events.append((kind, orjson.loads(value)))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            return  # closed by the test, or with the server

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events]

    def close(self) -> None:
        if self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def get(url: str, path: str) -> tuple[int, Any]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, orjson.loads(answer.read())
    finally:
        connection.close()


@contextmanager
def served(stage: Market) -> Iterator[tuple[Running, str]]:
    """The API of the market's database, answering."""
    server = stage.dvault.start("serve", "--port", "0")

    def url() -> str | None:
        return next((word for word in server.said.split() if word.startswith("http://")), None)

    found = server.waited("the server's address", url)

    def answers() -> bool:
        try:
            return get(found, "/readyz")[0] == 200
        except OSError:
            return False

    server.waited("the server to answer", answers)
    yield server, found


def test_streams_hear_blocks_and_reorgs_and_others_are_served_meanwhile(connection, mongo_uri, tmp_path):
    with (
        market(connection, mongo_uri, tmp_path, confirmations=50, TRUSTED_PROXIES="1") as stage,
        ExitStack() as listeners,
    ):
        running = stage.dvault.start("run")
        stage.await_current(running)
        with served(stage) as (server, url):
            open_streams = [
                Listener(url, address=f"192.0.2.{number % (STREAMS // STREAMS_EACH)}")
                for number in range(STREAMS)
            ]
            for listener in open_streams:
                listeners.callback(listener.close)
            assert {listener.status for listener in open_streams} == {200}
            assert get(url, "/api/stream")[0] == 503
            assert get(url, "/api/assets")[0] == 200

            stage.trade(1)
            stage.await_current(running)
            tip = stage.head()["number"]
            for listener in open_streams:
                wait_for(
                    "every stream to hear the block",
                    lambda: any(
                        kind == "block" and data["blockNumber"] == tip
                        for kind, data in listener.events  # noqa: B023
                    ),
                )
            stage.reorg(2)
            stage.await_current(running)
            for listener in open_streams:
                wait_for("every stream to hear the reorg", lambda: "reorg" in listener.kinds())  # noqa: B023
                assert "retraction" in listener.kinds()
            assert len({tuple(listener.kinds()[:8]) for listener in open_streams}) == 1

            for listener in open_streams[:10]:
                listener.close()
            stage.mine(1)
            wait_for("places of those who left to be free again", lambda: _is_taken(url))
            assert server.stop() == 0


def _is_taken(url: str) -> bool:
    listener = Listener(url)
    try:
        return listener.status == 200
    finally:
        listener.close()
