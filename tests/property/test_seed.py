"""What was in force before the first log, whatever branches the endpoints stand on and whatever came at once."""

from __future__ import annotations

from typing import Any

import pytest

from chain.errors import Unknown
from indexer.deployment import deployment
from indexer.seed import Seeding
from indexer.state import MarketState
from tests.property.indexed import ABIS, CONTRACTS
from tests.property.model_chain import DEPLOYED_AT, Block, ModelChain
from tests.property.model_contracts import MARKET

CHANGES = ((("fee", 2, 0, 0), ("collector", 1, 0, 0)), (("link_market", 1, 0, 0), ("minimum", 2, 0, 0)))
FEES_TWICE = ((("fee", 1, 0, 0), ("fee", 2, 0, 0)), (("fee", 3, 0, 0),))


def seeded(chain: Any, start_block: int = DEPLOYED_AT) -> MarketState:
    return Seeding(chain, ABIS, start_block).market(CONTRACTS, chain.head())


def deployed_with(*transactions: Any) -> tuple[ModelChain, Block]:
    """A chain whose contracts came in one block with these transactions."""
    chain = ModelChain()
    first = chain.mine(chain.genesis, transactions)
    chain.view = chain.mine_empty(first, 3)
    return chain, first


@pytest.mark.parametrize("transactions", [CHANGES, FEES_TWICE])
def test_what_changes_in_the_block_of_the_deployment_is_not_what_the_constructor_set(
    transactions: Any,
) -> None:
    chain, first = deployed_with(*transactions)

    assert seeded(chain) == seeded(ModelChain())
    assert first.contracts.fee != ModelChain().view.contracts.fee


def test_what_changed_before_the_start_block_is_in_force() -> None:
    chain, first = deployed_with(*CHANGES)

    assert seeded(chain, DEPLOYED_AT + 1).fee_bps == first.contracts.fee


def test_a_contract_without_code_is_looked_at_where_the_chain_ends() -> None:
    chain = ModelChain()

    assert deployment(chain, "0x" + "5" * 40, 0, chain.head()) == chain.head()


class TwoBranches:
    """Heights are told by an endpoint that stands `behind` blocks below the one that knows hashes."""

    def __init__(self, chain: ModelChain, says_code: bool) -> None:
        self.chain = chain
        self.says_code = says_code

    def code(self, address: str, at: int | str) -> bytes:
        if isinstance(at, int) and at < self.chain.head().number:
            return b"\x60" if self.says_code else b""
        return self.chain.code(address, at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chain, name)


@pytest.mark.parametrize("says_code", [False, True])
def test_heights_of_another_branch_are_not_believed(says_code: bool) -> None:
    chain, _ = deployed_with(*CHANGES)

    with pytest.raises(Unknown, match="endpoints are on different branches"):
        deployment(TwoBranches(chain, says_code), MARKET, 0, chain.head())


def test_a_block_that_is_gone_meanwhile_is_asked_for_again_later() -> None:
    chain, _ = deployed_with(*CHANGES)
    other = chain.head()
    chain.header = lambda _: None  # type: ignore[method-assign]

    with pytest.raises(Unknown):
        deployment(chain, MARKET, 0, other)
