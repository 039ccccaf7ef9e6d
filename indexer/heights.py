"""The digests at any height of our history, folded from the stored events."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.digest import to_text
from indexer.following import Following
from indexer.opening import UnfinishedRebuild
from indexer.replay import NothingIndexed, replay
from indexer.rolling import START
from indexer.standing import standing_of
from store.ledger import Ledger

ATTEMPTS = 3
"""Times that a reorg under our feet is outrun."""


class NotIndexedYet(RuntimeError):
    """The block is above our tip."""

    def __init__(self, number: int, tip: int) -> None:
        super().__init__(f"block {number} is not indexed yet, our tip is block {tip}")


class AlteredUnderway(RuntimeError):
    """The events do not give the rolling digest that is stored with them."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"the stored events up to block {number} do not give its stored rolling digest: "
            "`dvault rebuild --check` names the first block that was altered"
        )


@dataclass(frozen=True, slots=True)
class Digests:
    """Everything up to a block in two numbers of 64 hex digits; `events` are counted up to it, too."""

    block: int
    rolling: str
    state: str
    events: int


def digests_at(ledger: Ledger, following: Following, number: int) -> Digests:
    """Fold history up to a block. Raises NotIndexedYet, AlteredUnderway, UnfinishedRebuild."""
    for _ in range(ATTEMPTS):
        document = ledger.checkpoint()
        if document is None or document["tip"] is None:
            raise NothingIndexed
        if document.get("unfinished"):
            raise UnfinishedRebuild(document["unfinished"])
        if number > document["tip"]["number"]:
            raise NotIndexedYet(number, document["tip"]["number"])
        replayed = replay(ledger, following, standing_of(document), number)
        if not replayed.altered and replayed.rolling == (ledger.rolling_at(number) or START):
            return Digests(number, replayed.rolling.hex(), to_text(replayed.digest()), replayed.events)
    raise AlteredUnderway(number)
