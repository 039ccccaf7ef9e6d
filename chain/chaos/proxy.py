"""The proxy itself: a server on loopback before one node, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any, Self

import aiohttp
import msgspec
from aiohttp import web

from chain.chaos.exchange import Answer, Asked, Limits, Reply, Sight, matched, parsed
from chain.chaos.storm import Storm

logger = logging.getLogger(__name__)

HANG_SECONDS = 120.0
"""A silence longer than any deadline, and still not for ever."""
DRIP_SECONDS = 0.5
UPSTREAM_SECONDS = 30.0
START_SECONDS = 10.0
MAX_BODY_BYTES = 64 * 1024 * 1024
HEAD = Asked((parsed(b'{"id":0,"method":"eth_blockNumber","params":[]}').calls[0],), batched=False)


class ProxyUnavailable(RuntimeError):
    """The proxy could not listen; the message says why."""


class ChaosProxy:
    """Answers for the node at `upstream`, as the storm has it; use it as a context manager.

    `port` 0 takes any free one; `url` is where it listens.
    """

    def __init__(
        self,
        upstream: str,
        storm: Storm,
        *,
        limits: Limits | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._upstream = upstream
        self.storm = storm
        self._limits = limits or Limits()
        self._host, self._port = host, port
        self._first_head: int | None = None
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="chaos", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(START_SECONDS)
        if self._failure is not None or not self._ready.is_set():
            why = self._failure or "it did not start in time"
            raise ProxyUnavailable(
                f"cannot listen on {self._host}:{self._port}: {why}; choose another --port"
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._ended is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    # --- serving ---------------------------------------------------------------------------

    async def _serve(self) -> None:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port)
        timeout = aiohttp.ClientTimeout(total=UPSTREAM_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as self._session:
                await site.start()
                self._port = runner.addresses[0][1]
                self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
                self._ready.set()
                await self._ended.wait()
        except OSError as error:
            self._failure = error
            self._ready.set()
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = parsed(await request.read())
        except (ValueError, msgspec.DecodeError) as error:
            return _error(400, -32700, str(error))
        try:
            answer = await self._answered(asked)
        except (aiohttp.ClientError, TimeoutError, ValueError, msgspec.DecodeError) as error:
            logger.warning("the node did not answer", extra={"reason": repr(error)})
            return _error(502, -32603, f"the node behind the proxy did not answer: {error!r}")
        return await _delivered(request, answer, answer.encoded(asked.batched))

    async def _answered(self, asked: Asked) -> Answer:
        head = int((await self._told(HEAD)).replies[0]["result"], 16)
        if self._first_head is None:
            self._first_head = head
        sight = Sight(head, self._first_head, self.storm.exchanges, self._limits)
        strikes = self.storm.strikes(asked)
        honest = await self._told(self.storm.asking(asked, strikes, sight))
        return self.storm.spoilt(asked, honest, strikes, sight)

    async def _told(self, asked: Asked) -> Answer:
        """What the node says."""
        if self._session is None:
            raise ValueError("the proxy has ended")
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._upstream, data=asked.body(), headers=headers) as response:
            told: Reply | list[Reply] = msgspec.json.decode(await response.read())
        return matched(asked, told)


def _error(status: int, code: int, message: str) -> web.Response:
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


async def _delivered(request: web.Request, answer: Answer, body: bytes) -> web.StreamResponse:
    """The answer in its manner; what is not whole ends with the connection."""
    headers = {"Content-Type": "application/json", **answer.headers}
    if answer.manner == "whole":
        return web.Response(status=answer.status, headers=headers, body=body)
    if answer.manner == "hang":
        await asyncio.sleep(HANG_SECONDS)
    elif answer.manner != "drop":
        await _partly(request, answer, body, headers)
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=answer.status)


async def _partly(request: web.Request, answer: Answer, body: bytes, headers: dict[str, str]) -> None:
    response = web.StreamResponse(status=answer.status, headers={**headers, "Content-Length": str(len(body))})
    await response.prepare(request)
    if answer.manner == "cut":
        await response.write(body[: len(body) // 2])
        return
    for place in range(min(len(body) - 1, int(HANG_SECONDS / DRIP_SECONDS))):
        await response.write(body[place : place + 1])
        await asyncio.sleep(DRIP_SECONDS)
