"""What views may ask for, handed in by whoever composes the application."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Semaphore
from typing import TYPE_CHECKING, Protocol, cast

from flask import current_app

from api.auth.key_mint import KeyMint
from api.auth.options import Auth
from api.auth.tokens import KeyRing
from api.auth.usage import UsageCounts
from api.newest import Newest
from api.pagination import Cursors
from store.reading import Reading

if TYPE_CHECKING:
    from api.caching.answers import Answers
    from api.caching.recipes import Recipes

EXTENSION = "dynamicvault"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What the node says of a transaction: unknown, waiting (known, no block), or mined in that block."""

    known: bool
    block_number: int | None = None
    block_hash: str | None = None


class PendingTransactions(Protocol):
    """The chain, as far as a transaction may not have reached us yet."""

    def find(self, transaction_hash: str) -> Whereabouts:
        """Where the transaction is; unknown as well when the node cannot be asked. Never raises."""


class Clock(Protocol):
    """Time, as waiting and lag need it."""

    def now(self) -> datetime:
        """Wall clock, aware UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class NoNode:
    """Stands in where no node can be asked: every transaction we do not have is unknown."""

    def find(self, transaction_hash: str) -> Whereabouts:  # noqa: ARG002
        return Whereabouts(known=False)


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one application."""

    reading: Reading
    cursors: Cursors
    pending: PendingTransactions
    clock: Clock
    waiters: Semaphore
    """How many requests may wait at once: each keeps a thread of the server."""
    auth: Auth
    keys: KeyRing
    mint: KeyMint
    usage: UsageCounts
    streams: Semaphore
    """How many streams may be open at once: each keeps a thread of its own."""
    newest: Newest
    answers: Answers
    recipes: Recipes


def services() -> Services:
    """The services of the application that handles this request."""
    return cast("Services", current_app.extensions[EXTENSION])
