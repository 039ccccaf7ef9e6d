"""The API as two worker processes over one real database, and many who ask it at the same moment."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import psutil

from store.connection import Connection
from tests.api.signing import Wallet
from tests.e2e.running import Dvault, settings_of

ANN = Wallet("ann")
SECONDS = 90
NOBODY = "http://127.0.0.1:9"
WITHOUT_LIMITS = {"RATE_LIMIT_AUTH": "off", "RATE_LIMIT_READ": "off", "RATE_LIMIT_WRITE": "off"}
"""Everybody here comes from one address."""


class Server:
    """The API as two processes behind one port; every request comes by a connection of its own."""

    def __init__(self, port: int, connection: Connection) -> None:
        self.port, self.database = port, connection.database

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            text = None if body is None else json.dumps(body)
            wire.request(method, path, text, {"Content-Type": "application/json", **(headers or {})})
            response = wire.getresponse()
            return response.status, json.loads(response.read())
        finally:
            wire.close()

    def proof(self, wallet: Wallet = ANN) -> dict[str, str]:
        return wallet.proof(self.ask("GET", f"/api/auth/nonce?walletAddress={wallet.address}")[1]["nonce"])

    def sign_in(self, wallet: Wallet = ANN) -> dict[str, Any]:
        status, tokens = self.ask("POST", "/api/auth/verify", self.proof(wallet))
        assert status == 200, tokens
        return dict(tokens)

    def refresh(self, token: str) -> tuple[int, Any]:
        return self.ask("POST", "/api/auth/refresh", {"refreshToken": token})

    def sessions(self, tokens: dict[str, Any]) -> int:
        return self.ask("GET", "/api/auth/sessions", headers=bearer(tokens))[0]


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['accessToken']}"}


@contextmanager
def two_workers(mongo_uri: str, connection: Connection, folder: Path) -> Iterator[Server]:
    """A server of two processes with an empty database of its own."""
    name = f"test_races_{os.getpid()}"
    environ = {**settings_of(NOBODY, mongo_uri, name, folder), **WITHOUT_LIMITS, "API_WORKERS": "2"}
    dvault = Dvault(folder, environ)
    try:
        serving = dvault.start("serve", "--port", "0")
        port = int(
            serving.waited("address", lambda: serving.said.partition("127.0.0.1:")[2].split("\n")[0], SECONDS)
        )
        served = Server(port, Connection(connection.client, connection.client[name]))
        serving.waited("answer", lambda: answers(served), SECONDS)
        assert len(psutil.Process(serving.pid).children()) >= 2
        yield served
    finally:
        dvault.stop_all()
        connection.client.drop_database(name)


def answers(server: Server) -> bool:
    try:
        return server.ask("GET", "/livez")[0] == 200
    except OSError:
        return False


def at_once(many: int, act: Callable[[], Any]) -> list[Any]:
    together = Barrier(many)

    def begin(_: int) -> Any:
        together.wait()
        return act()

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(begin, range(many)))
