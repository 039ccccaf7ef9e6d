"""At which block an answer is true, and answers that wait for a block."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from api.caching.answers import Edition
from api.limiting.gate import asking
from api.problems import NothingIndexed, NotYetIndexed
from api.services import Services, Whereabouts
from store.documents import CheckpointDocument
from store.moments import Moment, State
from store.reading import View

Answer = TypeVar("Answer")

POLL_SECONDS = 0.2
MAX_POLLS = 200
"""Above the longest wait divided by the pause: a bound that holds whatever the clock does."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of the chain must have been applied before an answer is wanted."""

    min_block: int | None
    after_tx: str | None

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> Wanted:
        lowest = [query[name] for name in ("min_block", "as_of_block") if name in query]
        return cls(max(lowest, default=None), query.get("after_tx"))

    def missing(self, view: View, services: Services) -> str | None:
        """What is not there yet, in words; None when all is there."""
        tip = tip_number(indexed(view))
        if self.min_block is not None and tip < self.min_block:
            return f"block {self.min_block} is not indexed yet, the tip is {tip}"
        if self.after_tx is not None and not _is_indexed(view, self.after_tx, tip, services):
            return f"transaction {self.after_tx} is not indexed as of block {tip}"
        return None


def _is_indexed(view: View, transaction_hash: str, tip: int, services: Services) -> bool:
    if view.transactions.of_hash(transaction_hash) or view.prices.of_hash(transaction_hash):
        return True
    if view.status.block_of(transaction_hash, indexed(view)):
        return True
    return is_applied(view, services.pending.find(transaction_hash), tip)


def is_applied(view: View, found: Whereabouts, tip: int) -> bool:
    """Did the node put it into a block that we have applied? Then, without traces, it was none of ours."""
    number = found.block_number
    if number is None or number > tip:
        return False
    return found.block_hash is None or view.status.header_hash(number) in (None, found.block_hash)


def indexed(view: View | State) -> CheckpointDocument:
    """The checkpoint of a view that has something to say; NothingIndexed otherwise."""
    checkpoint = view.checkpoint
    if checkpoint is None:
        raise NothingIndexed("nothing has been indexed yet: the indexer has not started on this database")
    if checkpoint["tip"] is None:
        raise NothingIndexed(f"no block has been applied yet; the indexer is {checkpoint['state']}")
    return checkpoint


def tip_number(checkpoint: CheckpointDocument) -> int:
    """Number of the tip, -1 while there is none."""
    return checkpoint["tip"]["number"] if checkpoint["tip"] else -1


def waiting(services: Services, seconds: int, attempt: Callable[[View], Answer | None]) -> Answer | None:
    """What the attempt gives once it gives something, each time on a fresh view; None after `seconds`.

    None at once where too many wait already, or too many of one subscriber: the rest of the server's threads
    are for those who do not wait, and the rest of the places for others.
    """
    deadline = services.clock.monotonic() + seconds
    answer = _once(services, attempt)
    if answer is not None or seconds == 0 or not services.waiters.take(who := asking()):
        return answer
    try:
        return _repeated(services, deadline, attempt)
    finally:
        services.waiters.leave(who)


def _repeated(services: Services, deadline: float, attempt: Callable[[View], Answer | None]) -> Answer | None:
    for _ in range(MAX_POLLS):
        if services.clock.monotonic() >= deadline:
            return None
        services.clock.sleep(POLL_SECONDS)
        answer = _once(services, attempt)
        if answer is not None:
            return answer
    return None


def _once(services: Services, attempt: Callable[[View], Answer | None]) -> Answer | None:
    with services.reading.view() as view:
        return attempt(view)


def when_fresh(services: Services, query: Mapping[str, Any], answer: Callable[[View], Answer]) -> Answer:
    """The answer of the first view that has what was wanted; NotYetIndexed if time runs out."""
    wanted, missing = Wanted.of(query), ""

    def attempt(view: View) -> tuple[Answer] | None:
        nonlocal missing
        missing = wanted.missing(view, services) or ""
        return None if missing else (answer(view),)

    found = waiting(services, query.get("wait", 0), attempt)
    if found is None:
        raise NotYetIndexed(f"{missing}; ask again, or with wait= up to 20 seconds")
    return found[0]


def present_as_of(
    checkpoint: CheckpointDocument, now: datetime, standing: CheckpointDocument | None = None
) -> dict[str, Any]:
    """The block that an answer speaks of; `standing`: where we stand, if it is of an earlier one."""
    behind = standing or checkpoint
    tip, finalized = checkpoint["tip"], checkpoint["finalized"]
    is_final = bool(tip and finalized and tip["number"] <= finalized["number"])
    shown: dict[str, Any] = {
        "blockNumber": tip["number"] if tip else None,
        "blockHash": tip["hash"] if tip else None,
        "timestamp": checkpoint["tipTimestamp"],
        "finality": "finalized" if is_final else "unfinalized",
        "lagBlocks": lag_blocks(behind),
        "lagSeconds": lag_seconds(behind, now),
    }
    if "stateOf" in checkpoint:
        shown["stateOf"] = checkpoint["stateOf"]
    return shown


def lag_blocks(checkpoint: CheckpointDocument) -> int:
    """How many blocks the tip is behind the head."""
    tip, head = checkpoint["tip"], checkpoint["head"]
    return max(0, head["number"] - tip["number"]) if tip and head else 0


def lag_seconds(checkpoint: CheckpointDocument, now: datetime) -> int:
    """Age of the tip while it is behind the head, else 0: a quiet chain does not lag."""
    if not lag_blocks(checkpoint) or checkpoint["tipTimestamp"] is None:
        return 0
    return max(0, int((now - checkpoint["tipTimestamp"]).total_seconds()))


def edition_of(moment: Moment, now: datetime) -> Edition:
    """Which version of all answers the moment stands for; while it lags, its age is part of every answer."""
    checkpoint = moment.state.checkpoint
    lag = lag_seconds(checkpoint, now) if checkpoint else 0
    return Edition(moment.time, lag, moment.state.name)


def etag_of(state: str, url: str) -> str:
    """Names a representation by state and URL. Not by lagSeconds, which changes without any news."""
    return hashlib.blake2b(f"{state} {url}".encode("utf-8", "replace"), digest_size=12).hexdigest()
