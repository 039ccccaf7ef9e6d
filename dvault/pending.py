"""The nodes, as the API may ask them of a transaction that has not reached us yet."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Lock, Semaphore

from api import Whereabouts
from chain.errors import RpcError
from chain.node import Node

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 1.5
"""A caller waits for this answer, and the thread of the server with it."""
REMEMBERED_SECONDS = 1.0
"""Those who wait ask five times a second, and blocks do not come that fast."""
MAX_REMEMBERED = 1000
QUIET_SECONDS = 3.0
"""After a failure nobody is asked for that long: one caller waits in vain, not all of them."""
MAX_AT_ONCE = 4
UNKNOWN = Whereabouts(known=False)


class AskedNode:
    """Asks nodes where a transaction is; connects at the first question. Never raises.

    Unknown is also the answer while the nodes fail or are busy with earlier questions.
    """

    def __init__(self, urls: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._urls, self._clock = urls, clock
        self._node: Node | None = None
        self._lock = Lock()
        self._places = Semaphore(MAX_AT_ONCE)
        self._remembered: dict[str, tuple[float, Whereabouts]] = {}
        self._quiet_until = 0.0

    def find(self, transaction_hash: str) -> Whereabouts:
        """Where the transaction is, as of a second ago at most."""
        now = self._clock()
        until, remembered = self._remembered.get(transaction_hash, (0.0, UNKNOWN))
        if now < max(until, self._quiet_until) or not self._places.acquire(blocking=False):
            return remembered
        try:
            return self._remember(transaction_hash, self._asked(transaction_hash))
        finally:
            self._places.release()

    def close(self) -> None:
        """Close the connections, if there are any."""
        with self._lock:
            if self._node is not None:
                self._node.close()

    def _asked(self, transaction_hash: str) -> Whereabouts:
        try:
            place = self._connected().transaction(transaction_hash)
        except RpcError as error:
            logger.warning("no node could be asked of a transaction", extra={"why": str(error)})
            self._quiet_until = self._clock() + QUIET_SECONDS
            return UNKNOWN
        return UNKNOWN if place is None else Whereabouts(True, place.block_number, place.block_hash)

    def _connected(self) -> Node:
        with self._lock:
            if self._node is None:
                self._node = Node(self._urls, deadline_seconds=DEADLINE_SECONDS)
            return self._node

    def _remember(self, transaction_hash: str, found: Whereabouts) -> Whereabouts:
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[transaction_hash] = (self._clock() + REMEMBERED_SECONDS, found)
        return found
