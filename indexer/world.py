"""The states a fold works on, and what folding blocks does to them. Pure: everything was gathered before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from chain.events import (
    AgentPriceUpdated,
    Approval,
    ApprovalForAll,
    AssetDelisted,
    AssetListed,
    AssetPriceUpdated,
    AssetSold,
    Event,
    RWAAssetContractUpdated,
    Transfer,
)
from indexer.actions import Action, AssetAction, Delisted, Listed, MarketAction, Minted, OperatorSet, Sold
from indexer.blocks import BadLog, DecodedBlock, DecodedTransaction
from indexer.fold import UnknownAsset, fold_asset, fold_market
from indexer.interpret import Interpreter
from indexer.rows import Deed, PricePoint
from indexer.state import AssetKey, AssetState, Links, MarketState, Metadata, OperatorKey

OF_ASSET_CONTRACT = frozenset({Transfer, Approval, AssetPriceUpdated})
OF_MARKETPLACE = frozenset({AssetListed, AssetDelisted, AssetSold})


class Needs(msgspec.Struct):
    """What must be loaded before blocks can be folded."""

    assets: set[AssetKey]
    operators: set[OperatorKey]
    changed_operators: set[OperatorKey]
    """Owners whose approval changes: everything they have listed is rewritten."""


class World:
    """States by key; None where we know that there is no such asset, or that an owner never said a word.

    Collects what a batch of blocks changed: rows, rejected logs, and the states as they were `before`.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        market: MarketState,
        assets: dict[AssetKey, AssetState | None] | None = None,
        operators: dict[OperatorKey, bool | None] | None = None,
    ) -> None:
        self.market = market
        self.assets = assets if assets is not None else {}
        self.operators = operators if operators is not None else {}
        self.interpreter = interpreter
        self.start_batch()

    def start_batch(self) -> None:
        """Forget what the last batch changed; the states stay."""
        self.before: dict[AssetKey, AssetState | None] = {}
        self.operators_before: dict[OperatorKey, bool | None] = {}
        self.market_before = self.market
        self.deeds: list[Deed] = []
        self.points: list[PricePoint] = []
        self.rejected: list[tuple[DecodedBlock, BadLog]] = []

    def apply(self, decoded: DecodedBlock, adopted: Iterable[DecodedBlock] = ()) -> None:
        """Fold one block, after the earlier blocks of contracts it adopts."""
        for earlier in adopted:
            self.apply(earlier)
        for bad in decoded.undecodable:
            self.rejected.append((decoded, bad))
        for transaction in decoded.transactions:
            links = Links(self.market.marketplace_asset, self.market.agent_asset)
            for action in self.interpreter.interpret(transaction.events, links):
                self._fold(action, transaction, decoded)

    def is_operator_approved(self, key: OperatorKey) -> bool:
        return bool(self.operators.get(key))

    def _fold(self, action: Action, transaction: DecodedTransaction, decoded: DecodedBlock) -> None:
        if isinstance(action, AssetAction):
            self._fold_asset(action, transaction, decoded)
        elif isinstance(action, MarketAction):
            self.market = fold_market(self.market, action)
        elif isinstance(action, OperatorSet):
            key = (action.contract, action.owner)
            self.operators_before.setdefault(key, self.operators.get(key))
            self.operators[key] = action.approved

    def _fold_asset(
        self, action: AssetAction, transaction: DecodedTransaction, decoded: DecodedBlock
    ) -> None:
        if isinstance(action, Listed | Delisted | Sold):
            self._vacate(action, transaction.at.block_number)
        key = (action.contract, action.token_id)
        if type(action) is Minted:
            action = self._with_metadata(action, decoded.block.metadata)
        known = self.assets.get(key)
        try:
            folded = fold_asset(known, action, transaction.at, self.market)
        except UnknownAsset as error:
            log = next(log for log in transaction.logs if log.log_index == action.log_index)
            self.rejected.append((decoded, BadLog(transaction.at.transaction_hash, log, str(error))))
            return
        self.before.setdefault(key, known)
        self.assets[key] = folded.asset
        for row in folded.rows:
            if type(row) is Deed:
                self.deeds.append(row)
            elif type(row) is PricePoint:
                self.points.append(row)

    def _vacate(self, action: AssetAction, block_number: int) -> None:
        """The marketplace keeps one listing per token id, whichever contract it points to at the time."""
        for contract in self.market.asset_contracts:
            key = (contract, action.token_id)
            state = self.assets.get(key)
            if contract == action.contract or state is None or state.listing is None:
                continue
            self.before.setdefault(key, state)
            self.assets[key] = msgspec.structs.replace(
                state, listing=None, updated_block=block_number, updated_log_index=action.log_index
            )

    def _with_metadata(self, action: Minted, metadata: Mapping[AssetKey, Metadata]) -> Minted:
        known = metadata.get((action.contract, action.token_id))
        return msgspec.structs.replace(action, metadata=known) if known is not None else action


def needs_of(events: Iterable[Event], market: MarketState) -> Needs:
    """The states that folding these events may read: a superset, since links may change on the way."""
    linked = list(dict.fromkeys([market.marketplace_asset, *market.asset_contracts]))
    needs = Needs(set(), set(), set())
    assets, operators = needs.assets, needs.operators
    for event in events:
        kind = type(event)
        if kind is AgentPriceUpdated:
            continue
        if kind in OF_ASSET_CONTRACT:
            assets.add((event.contract, event.token_id))  # type: ignore[attr-defined]
        elif kind in OF_MARKETPLACE:
            for contract in linked:
                assets.add((contract, event.token_id))  # type: ignore[attr-defined]
                operators.add((contract, event.seller))  # type: ignore[attr-defined]
        elif isinstance(event, ApprovalForAll):
            operators.add((event.contract, event.owner))
            needs.changed_operators.add((event.contract, event.owner))
        elif isinstance(event, RWAAssetContractUpdated):
            linked.append(event.new_contract)
    return needs
