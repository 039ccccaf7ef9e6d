"""What the constructors set without a log: asked of the contracts at the block that deployed them."""

from __future__ import annotations

from typing import Any

from chain.calls import (
    get_fee_collector,
    get_marketplace_fee,
    get_minimum_confidence_score,
    get_rwa_asset_contract,
)
from chain.values import Address, Header, Reverted
from indexer.following import Contracts
from indexer.ports import Chain
from indexer.state import MarketState


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


def deployment_block(chain: Chain, address: Address, lowest: int, highest: int) -> int | None:
    """The first block in [lowest, highest] after which the address has code; None if it never has."""
    if not chain.code(address, highest):
        return None
    while lowest < highest:
        middle = (lowest + highest) // 2
        if chain.code(address, middle):
            highest = middle
        else:
            lowest = middle + 1
    return lowest


def seed_market(chain: Chain, contracts: Contracts, lowest: int, head: Header) -> MarketState:
    """Configuration in force before the first log. Raises SilentSeed."""
    fee, collector, market_asset = _read_at_deployment(
        chain,
        contracts.marketplace,
        [get_marketplace_fee, get_fee_collector, get_rwa_asset_contract],
        lowest,
        head,
    )
    minimum, agent_asset = _read_at_deployment(
        chain, contracts.agent, [get_minimum_confidence_score, get_rwa_asset_contract], lowest, head
    )
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


def _read_at_deployment(
    chain: Chain, contract: Address, reads: list[Any], lowest: int, head: Header
) -> list[Any]:
    # A contract older than the start block is asked before it: the start block's own logs are folded later.
    block = deployment_block(chain, contract, min(max(lowest - 1, 0), head.number), head.number)
    at = head.number if block is None else block
    answers = chain.read([read(contract) for read in reads], at)
    for read, answer in zip(reads, answers, strict=True):
        if isinstance(answer, Reverted):
            raise SilentSeed(f"{read.__name__} of {contract}", at, answer.message)
    return answers
