"""What views may ask for, handed in by whoever composes the application."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol, cast

from flask import current_app

from api.auth.key_mint import KeyMint
from api.auth.options import Auth
from api.auth.tokens import KeyRing
from api.auth.usage import UsageCounts
from api.newest import Newest
from api.pagination import Cursors
from api.past_problems import HistoryUnavailable
from api.places import Places
from store.chronicle import Chronicle
from store.documents import AssetDocument, MarketDocument
from store.reading import Reading

if TYPE_CHECKING:
    from api.caching.answers import Answers
    from api.caching.recipes import Recipes

EXTENSION = "dynamicvault"
NOT_HERE = "this server has not been told how to read history"


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


class Then(Protocol):
    """The configuration and assets after a block, without what people wrote."""

    @property
    def market(self) -> MarketDocument: ...
    @property
    def assets(self) -> Sequence[AssetDocument]: ...


ActType = Literal[
    "approval",
    "approval-for-all",
    "fee",
    "fee-collector",
    "minimum-confidence",
    "marketplace-contract",
    "agent-contract",
    "pricing-agent",
    "contract-owner",
]


@dataclass(frozen=True, slots=True)
class Act:
    """What a transaction did beside deeds and prices. `account` is whom it is about, None for nobody; `value`
    basis points, a score, or whether an approval was given."""

    type: ActType
    log_index: int
    contract: str | None = None
    token_id: int | None = None
    account: str | None = None
    value: int | None = None


class History(Protocol):
    """What was true at earlier blocks. Every method raises HistoryUnavailable."""

    def whole(self, chronicle: Chronicle, number: int) -> Then:
        """All assets after a block."""

    def some(self, chronicle: Chronicle, number: int, finalized: int, token_ids: Sequence[int]) -> Then:
        """Those of the assets that were there after a block, of whatever contract."""

    def facts(
        self, chronicle: Chronicle, number: int, finalized: int, contract: str, token_id: int
    ) -> Facts | None:
        """Which logs made an asset what it was after a block; None if it was not there."""

    def acts(self, chronicle: Chronicle, number: int, finalized: int, transaction_hash: str) -> Sequence[Act]:
        """What a transaction of a block of ours did beside deeds and prices."""


class Written(Protocol):
    """A log, where it stands; timestamp in Unix seconds."""

    @property
    def event(self) -> str: ...
    @property
    def contract(self) -> str: ...
    @property
    def block_number(self) -> int: ...
    @property
    def block_hash(self) -> str: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def transaction_hash(self) -> str: ...
    @property
    def log_index(self) -> int: ...


class Facts(Protocol):
    """The log that last wrote each fact of an asset; None where none ever did."""

    @property
    def minted(self) -> Written: ...
    @property
    def described(self) -> Written | None: ...
    @property
    def price(self) -> Written: ...
    @property
    def confidence(self) -> Written | None: ...
    @property
    def owner(self) -> Written: ...
    @property
    def since(self) -> Written: ...
    @property
    def touched(self) -> Written: ...
    @property
    def listing(self) -> Written | None: ...
    @property
    def approval(self) -> Written | None: ...
    @property
    def operator(self) -> Written | None: ...


class NoHistory:
    """Stands in where nobody can fold: the past is never known."""

    def whole(self, *_: object) -> Then:
        raise HistoryUnavailable(NOT_HERE)

    def some(self, *_: object) -> Then:
        raise HistoryUnavailable(NOT_HERE)

    def facts(self, *_: object) -> Facts | None:
        raise HistoryUnavailable(NOT_HERE)

    def acts(self, *_: object) -> Sequence[Act]:
        raise HistoryUnavailable(NOT_HERE)


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
    waiters: Places
    """How many requests may wait at once: each keeps a thread of the server."""
    auth: Auth
    keys: KeyRing
    mint: KeyMint
    usage: UsageCounts
    streams: Places
    """How many streams may be open at once: each keeps a thread of its own."""
    newest: Newest
    answers: Answers
    recipes: Recipes
    history: History


def services() -> Services:
    """The services of the application that handles this request."""
    return cast("Services", current_app.extensions[EXTENSION])
