"""Which log wrote what we say of a token: the fold again, with somebody watching."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from chain.events import EVENTS, ApprovalForAll, AssetMinted, Event
from chain.values import Address, Hash
from indexer.actions import (
    Approved,
    AssetAction,
    Delisted,
    Listed,
    Minted,
    PriceSet,
    Sold,
    Transferred,
)
from indexer.blocks import DecodedBlock, DecodedTransaction
from indexer.following import Prepared
from indexer.interpret import Interpreter, pair_sales
from indexer.state import AssetKey, AssetState, At, MarketState, OperatorKey
from indexer.world import World

NAMES = {kind: name for events in EVENTS.values() for name, kind in events.items()}
"""Our class → name in the ABI."""


class Written(msgspec.Struct, frozen=True):
    """A log, where it stands; timestamp in Unix seconds."""

    event: str
    contract: Address
    block_number: int
    block_hash: Hash
    timestamp: int
    transaction_hash: Hash
    log_index: int


class Facts(msgspec.Struct):
    """The log that last wrote each fact of a token; None where none ever did."""

    minted: Written
    described: Written | None
    """AssetMinted, which tells URI and first price."""
    price: Written
    confidence: Written | None
    owner: Written
    since: Written
    """The transfer that the present owner's time counts from."""
    touched: Written
    listing: Written | None = None
    """What offered it, or ended the offer."""
    approval: Written | None = None
    """The token's own approval; a transfer clears it."""
    operator: Written | None = None
    """The owner's approval for all tokens."""


class Witness(World):
    """A world that watches one token."""

    def __init__(self, interpreter: Interpreter, market: MarketState, key: AssetKey) -> None:
        super().__init__(interpreter, market)
        self.key = key
        self.facts: Facts | None = None

    def _fold_asset(
        self, action: AssetAction, transaction: DecodedTransaction, decoded: DecodedBlock
    ) -> None:
        before = self.assets.get(self.key)
        super()._fold_asset(action, transaction, decoded)
        after = self.assets.get(self.key)
        if after is None or after is before:
            return
        if (action.contract, action.token_id) == self.key:
            self._note(action, transaction, before, after)
        else:
            self._vacated(_written(_at_log(transaction.events, action.log_index), transaction.at))

    def _note(
        self,
        action: AssetAction,
        transaction: DecodedTransaction,
        before: AssetState | None,
        after: AssetState,
    ) -> None:
        at, events = transaction.at, transaction.events
        written = _written(events[action.ordinal], at)
        if isinstance(action, Minted):
            self.facts = _of_mint(action, events, at, written)
            return
        facts = self.facts
        assert facts is not None
        assert before is not None
        facts.touched = written
        match action:
            case PriceSet():
                facts.price = written
                facts.confidence = (
                    _written(events[action.ordinal + 1], at) if action.data_source is not None else None
                )
            case Listed() | Delisted():
                facts.listing = written
            case Approved():
                facts.approval = written
            case Sold():
                facts.listing = _written(self._sale(action, events), at)
                if action.moved:
                    _moved(facts, written, before, after)
            case Transferred():
                _moved(facts, written, before, after)

    def _sale(self, action: Sold, events: list[Event]) -> Event:
        """The AssetSold of a sale, which is told last."""
        if not action.moved:
            return events[action.ordinal]
        return pair_sales(events, action.contract, self.interpreter.marketplace)[action.ordinal]

    def _vacated(self, written: Written) -> None:
        assert self.facts is not None
        self.facts.listing = self.facts.touched = written


def approval_of(key: OperatorKey, marketplace: Address, prepared: Prepared) -> Written | None:
    """The last log of a block by which an owner let the marketplace move everything, or took that back."""
    told: Written | None = None
    for event, at in _events([*prepared.adopted, prepared.decoded]):
        if isinstance(event, ApprovalForAll) and (event.contract, event.owner) == key:
            told = _written(event, at) if event.operator == marketplace else told
    return told


def _events(blocks: Iterable[DecodedBlock]) -> Iterator[tuple[Event, At]]:
    for block in blocks:
        for transaction in block.transactions:
            for event in transaction.events:
                yield event, transaction.at


def _of_mint(action: Minted, events: list[Event], at: At, written: Written) -> Facts:
    told = [
        event
        for event in events
        if isinstance(event, AssetMinted)
        and (event.contract, event.token_id) == (action.contract, action.token_id)
    ]
    described = _written(told[-1], at) if told else None
    return Facts(written, described, described or written, None, written, written, written)


def _moved(facts: Facts, written: Written, before: AssetState, after: AssetState) -> None:
    facts.owner = facts.approval = written
    if before.owner != after.owner:
        facts.since = written


def _at_log(events: Iterable[Event], log_index: int) -> Event:
    return next(event for event in events if event.log_index == log_index)


def _written(event: Event, at: At) -> Written:
    return Written(
        NAMES[type(event)],
        event.contract,
        at.block_number,
        at.block_hash,
        at.timestamp,
        at.transaction_hash,
        event.log_index,
    )
