"""HTTP POST with one total deadline per exchange: a synchronous face on one background event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from typing import NamedTuple, Protocol

import aiohttp

from chain.errors import Fatal, TimedOut, TooDense, Transient

MAX_RESPONSE_BYTES = 256 * 1024 * 1024
CONNECTIONS_PER_ENDPOINT = 16
KEEP_ALIVE_SECONDS = 30.0
START_SECONDS = 10.0
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class HttpAnswer(NamedTuple):
    """A complete HTTP response; the body is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Posting(Protocol):
    """What carries a body to an endpoint and brings the whole answer, or raises what went wrong."""

    def post(self, url: str, body: bytes, *, deadline_seconds: float) -> HttpAnswer: ...
    def close(self) -> None: ...


class Transport:
    """A keep-alive pool for all endpoints of one node; safe to use from many threads."""

    def __init__(self, *, max_response_bytes: int = MAX_RESPONSE_BYTES) -> None:
        self._max_response_bytes = max_response_bytes
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._session: aiohttp.ClientSession | None = None
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def post(self, url: str, body: bytes, *, deadline_seconds: float) -> HttpAnswer:
        """Send `body` and return the whole answer, or raise Transient, TimedOut or TooDense."""
        exchange = self._begin(url, body, deadline_seconds)
        try:
            return exchange.result()
        except CancelledError as error:
            raise Transient("the connection pool was closed") from error
        finally:
            exchange.cancel()

    def close(self) -> None:
        """Abandon what is under way, close every connection and end the thread; may be repeated."""
        with self._lock:
            self._closed = True
            thread, loop, stop = self._thread, self._loop, self._stop
        if thread is None or loop is None or stop is None or not thread.is_alive():
            return
        loop.call_soon_threadsafe(stop.set)
        thread.join()

    def _begin(self, url: str, body: bytes, deadline_seconds: float) -> Future[HttpAnswer]:
        # Under the lock: an exchange that reached the loop after its end would never be answered.
        with self._lock:
            if self._closed:
                raise Transient("the connection pool was closed")
            loop = self._loop or self._started()
            return asyncio.run_coroutine_threadsafe(self._exchange(url, body, deadline_seconds), loop)

    def _started(self) -> asyncio.AbstractEventLoop:
        self._thread = threading.Thread(target=self._run, name="rpc", daemon=True)
        self._thread.start()
        self._ready.wait(START_SECONDS)
        if self._loop is None:
            raise Transient("the connection pool did not start")
        return self._loop

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        connector = aiohttp.TCPConnector(
            limit=0,
            limit_per_host=CONNECTIONS_PER_ENDPOINT,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
        )
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=HEADERS) as session:
            self._session = session
            self._stop = asyncio.Event()
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self._stop.wait()
            await _cancel_the_rest()

    async def _exchange(self, url: str, body: bytes, deadline_seconds: float) -> HttpAnswer:
        if self._session is None:
            raise Transient("the connection pool was closed")
        try:
            async with (
                asyncio.timeout(deadline_seconds),
                self._session.post(url, data=body, allow_redirects=False) as response,
            ):
                return HttpAnswer(response.status, response.headers, await self._whole_body(response))
        except TimeoutError as error:
            raise TimedOut(f"no complete answer within {deadline_seconds:g} s") from error
        except aiohttp.InvalidURL as error:
            raise Fatal(f"not a URL of an endpoint: {error}") from error
        except aiohttp.ClientError as error:
            raise Transient(f"{type(error).__name__}: {error}") from error

    async def _whole_body(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_response_bytes:
                raise TooDense(f"the response is too large: more than {self._max_response_bytes} bytes")
        return b"".join(chunks)


async def _cancel_the_rest() -> None:
    """End the exchanges under way before their session closes beneath them."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
