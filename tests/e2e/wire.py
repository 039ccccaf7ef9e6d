"""A wire between a program and a server, which a test can cut, block or slow down."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Literal, Self

State = Literal["open", "cut", "blocked"]


class Wire:
    """Listens on a port of its own and passes everything on. `cut`: nobody is there; `blocked`: no answer ever comes."""

    def __init__(self, port: int, delay_seconds: float = 0.0) -> None:
        self._target = port
        self.delay_seconds = delay_seconds
        self._state: State = "open"
        self._changed = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.become("cut")
        self._listener.close()

    def become(self, state: State) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()
        if state == "cut":
            for each in list(self._sockets):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._state == "cut":
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                self._sockets |= {client, server}
                back = threading.Thread(target=self._pass, args=(server, client, 0.0), daemon=True)
                back.start()
                self._pass(client, server, self.delay_seconds)
                back.join()
                self._sockets -= {client, server}

    def _pass(self, source: socket.socket, target: socket.socket, delay: float) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                with self._changed:
                    self._changed.wait_for(lambda: self._state != "blocked")
                if self._state == "cut":
                    break
                time.sleep(delay)
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
