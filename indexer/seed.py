"""What the constructors set without a log: asked of the contracts at the block that deployed them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chain.calls import (
    get_fee_collector,
    get_marketplace_fee,
    get_minimum_confidence_score,
    get_rwa_asset_contract,
)
from chain.decode import AbiEntry, Decoder
from chain.events import (
    Event,
    FeeCollectorUpdated,
    MarketplaceFeeUpdated,
    MinimumConfidenceScoreUpdated,
    Role,
    RWAAssetContractUpdated,
)
from chain.values import Address, Header, Reverted
from indexer.blocks import decode_block, logged_blocks
from indexer.deployment import deployment
from indexer.following import Contracts
from indexer.ports import Chain
from indexer.state import MarketState

Question = tuple[Callable[[Address], Any], type[Event], str]
"""A value of a contract, the log that changes it, and where that log tells the value before."""

FEE: Question = (get_marketplace_fee, MarketplaceFeeUpdated, "old_fee")
COLLECTOR: Question = (get_fee_collector, FeeCollectorUpdated, "old_collector")
ASSET_CONTRACT: Question = (get_rwa_asset_contract, RWAAssetContractUpdated, "old_contract")
CONFIDENCE: Question = (get_minimum_confidence_score, MinimumConfidenceScoreUpdated, "old_score")


class NoContract(RuntimeError):
    """A configured address has no code on this chain."""

    def __init__(self, name: str, address: Address, chain_id: int) -> None:
        super().__init__(
            f"{name} {address} has no code on chain {chain_id}: check the address, NETWORK and RPC_URLS"
        )
        self.address = address


class SilentSeed(RuntimeError):
    """The node could not tell a constructor's value at the deployment block."""

    def __init__(self, what: str, block: int, reason: str) -> None:
        super().__init__(
            f"the node cannot tell {what} at block {block} ({reason}): constructor values are in no log, so "
            "RPC_URLS needs an endpoint with the state of that block, once"
        )


class Seeding:
    """Asks for the configuration in force before the first log that will be folded."""

    def __init__(self, chain: Chain, abis: Mapping[Role, Iterable[AbiEntry]], start_block: int) -> None:
        self._chain = chain
        self._decoder = Decoder(abis)
        self._start_block = start_block

    def market(self, contracts: Contracts, head: Header) -> MarketState:
        """Raises SilentSeed, or Unknown while endpoints are on different branches."""
        fee, collector, market_asset = self._values(
            contracts.marketplace, "marketplace", [FEE, COLLECTOR, ASSET_CONTRACT], head
        )
        minimum, agent_asset = self._values(contracts.agent, "agent", [CONFIDENCE, ASSET_CONTRACT], head)
        return MarketState(
            fee_bps=fee,
            fee_collector=collector,
            marketplace_asset=market_asset,
            agent_asset=agent_asset,
            asset_contracts=tuple(dict.fromkeys([contracts.asset, market_asset, agent_asset])),
            pricing_agents={},
            minimum_confidence=minimum,
            owners={},
        )

    def _values(
        self, contract: Address, role: Role, questions: Sequence[Question], head: Header
    ) -> list[Any]:
        older = min(max(self._start_block - 1, 0), head.number)
        block = deployment(self._chain, contract, older, head)
        answers = self._chain.read([read(contract) for read, _, _ in questions], block.hash)
        for (read, _, _), answer in zip(questions, answers, strict=True):
            if isinstance(answer, Reverted):
                raise SilentSeed(f"{read.__name__} of {contract}", block.number, answer.message)
        events = self._events(contract, role, block)
        return [
            before_all(events, kind, name, after=answer)
            for (_, kind, name), answer in zip(questions, answers, strict=True)
        ]

    def _events(self, contract: Address, role: Role, block: Header) -> list[Event]:
        """What will be folded of the block that was asked: the seed comes before it."""
        if block.number < self._start_block:
            return []
        self._decoder.follow(contract, role)
        logs = self._chain.block_facts(block.hash, [contract]).logs
        decoded = [decode_block(each, self._decoder) for each in logged_blocks(logs, {block.number: block})]
        return [
            event for each in decoded for transaction in each.transactions for event in transaction.events
        ]


def before_all(events: Iterable[Event], kind: type[Event], name: str, after: Any) -> Any:
    """The value before the first event that changed it; the one after them all if none did."""
    return next((getattr(event, name) for event in events if isinstance(event, kind)), after)
