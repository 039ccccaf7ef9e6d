"""When the contracts were set up otherwise, and who let the marketplace move their tokens, block by block.

No token's own history tells these, and they decide how it is read. They are few: found once and kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from chain.decode import event_topic
from indexer.blocks import LoggedBlock
from indexer.following import Rereading
from indexer.interpret import Interpreter
from indexer.rolling import START
from indexer.state import MarketState, OperatorKey
from indexer.world import World
from store.chronicle import Topics

SPOKEN_OF: tuple[Topics, ...] = (
    Topics(event_topic("ApprovalForAll(address,address,bool)"), 3),
    Topics(event_topic("RWAAssetContractUpdated(address,address)"), 3),
    Topics(event_topic("PricingAgentUpdated(address,address)"), 3),
    Topics(event_topic("OwnershipTransferred(address,address)"), 3),
    Topics(event_topic("FeeCollectorUpdated(address,address)"), 3),
    Topics(event_topic("MarketplaceFeeUpdated(uint256,uint256)"), 1),
    Topics(event_topic("MinimumConfidenceScoreUpdated(uint8,uint8)"), 1),
)
_FIRST = frozenset(topics.first for topics in SPOKEN_OF)


class Annals:
    """Everything of the kind up to a block; `before` are the annals that these go on from."""

    def __init__(self, seed: MarketState, number: int = -1, before: Annals | None = None) -> None:
        self.market: MarketState = before.market if before else seed
        self.number: int = before.number if before else number
        self.rolling: bytes = before.rolling if before else START
        self._before = before
        self._blocks: list[LoggedBlock] = []
        self._approvals: dict[OperatorKey, tuple[list[int], list[bool]]] = {}

    def take(self, blocks: Iterable[LoggedBlock], rereading: Rereading, interpreter: Interpreter) -> None:
        """Go on with later blocks, in order, of which none that matters may be left out."""
        world = World(interpreter, self.market)
        for block in blocks:
            world.start_batch()
            told = only_configuration(block)
            prepared = rereading.remember(told, world.market)
            world.apply(prepared.decoded, prepared.adopted)
            if told.adopted or world.market != world.market_before:
                self._blocks.append(told)
            for key in world.operators_before:
                numbers, words = self._approvals.setdefault(key, ([], []))
                numbers.append(block.number)
                words.append(bool(world.operators[key]))
        self.market = world.market

    def blocks(self, up_to: int) -> list[LoggedBlock]:
        """Blocks that change the configuration, up to a height, without the logs of tokens; in order."""
        earlier = self._before.blocks(up_to) if self._before else []
        return [*earlier, *(block for block in self._blocks if block.number <= up_to)]

    def is_approved(self, key: OperatorKey, at: int) -> bool:
        """Had that owner let the marketplace move all its tokens, after a block?"""
        last = self.last_word(key, at)
        return last is not None and last[1]

    def last_word(self, key: OperatorKey, at: int) -> tuple[int, bool] | None:
        """The block in which that owner last said so, or the opposite, and which of them; None if never."""
        numbers, words = self._approvals.get(key, ([], []))
        place = bisect_right(numbers, at)
        if place:
            return numbers[place - 1], words[place - 1]
        return self._before.last_word(key, at) if self._before else None


def only_configuration(block: LoggedBlock) -> LoggedBlock:
    """The block without the logs that concern one token."""
    transactions = [
        replace(transaction, logs=[log for log in transaction.logs if log.topics[:32] in _FIRST])
        for transaction in block.transactions
    ]
    return replace(block, transactions=[each for each in transactions if each.logs], metadata={})


def concerning(document: Mapping[str, Any], words: Sequence[bytes]) -> Mapping[str, Any]:
    """The same entry of `chainEvents`, without transactions that concern neither these tokens (as words of 32
    bytes, which every event that moves one has among its topics) nor the configuration."""
    return {
        **document,
        "transactions": [
            transaction
            for transaction in document["transactions"]
            if any(_concerns(log["topics"], words) for log in transaction["logs"])
        ],
    }


def _concerns(topics: bytes, words: Sequence[bytes]) -> bool:
    return topics[:32] in _FIRST or any(word in topics for word in words)
