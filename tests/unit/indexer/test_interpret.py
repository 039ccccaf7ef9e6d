"""What transactions did: every sequence of logs that the contracts were seen to emit."""

from __future__ import annotations

from typing import Any

import pytest

from chain.events import (
    BatchMetadataUpdate,
    FeeCollectorUpdated,
    MarketplaceFeeUpdated,
    MinimumConfidenceScoreUpdated,
    OwnershipTransferred,
    PricingAgentUpdated,
    RoleAdminChanged,
    RoleGranted,
    RoleRevoked,
)
from indexer.actions import (
    AgentLinked,
    Approved,
    ContractOwnerSet,
    Delisted,
    FeeCollectorSet,
    FeeSet,
    Listed,
    MarketplaceLinked,
    MinimumConfidenceSet,
    Minted,
    OperatorSet,
    PriceSet,
    PricingAgentSet,
    Sold,
    Transferred,
)
from indexer.state import Links
from tests.unit.indexer.plays import (
    AGENT,
    BUYER,
    CAROL,
    CONTRACT,
    MARKET,
    NOBODY,
    RWA,
    RWA2,
    SELLER,
    approved,
    approved_all,
    delisted,
    explained,
    interpret,
    linked,
    listed,
    minted,
    moved,
    noted,
    priced,
    sold,
    words,
)


def test_a_mint_is_one_action_at_its_transfer() -> None:
    assert interpret(moved(NOBODY, SELLER), noted(), minted(SELLER)) == [
        Minted(10, 0, RWA, 1, SELLER, "ipfs://1", 9)
    ]


def test_a_mint_without_its_last_word_is_still_a_mint() -> None:
    assert interpret(moved(NOBODY, SELLER)) == [Minted(10, 0, RWA, 1, SELLER, None, None)]


def test_a_mint_whose_receiver_lists_at_once_is_a_mint_and_then_a_listing() -> None:
    actions = interpret(
        moved(NOBODY, CONTRACT), approved(CONTRACT, MARKET), listed(CONTRACT, 7), noted(), minted(CONTRACT)
    )

    assert words(actions) == [("Minted", 0), ("Approved", 1), ("Listed", 2)]


def test_a_mint_whose_receiver_forwards_belongs_to_the_last_receiver() -> None:
    actions = interpret(moved(NOBODY, CONTRACT), moved(CONTRACT, CAROL), noted(), minted(CONTRACT))

    assert actions == [
        Minted(10, 0, RWA, 1, CONTRACT, "ipfs://1", 9),
        Transferred(11, 1, RWA, 1, CONTRACT, CAROL),
    ]


def test_ten_mints_in_one_transaction_are_ten_actions() -> None:
    logs = [
        log for n in range(1, 11) for log in (moved(NOBODY, SELLER, n), noted(n), minted(SELLER, n, price=n))
    ]

    actions: Any = interpret(*logs)

    assert [(each.token_id, each.initial_price_wei) for each in actions] == [(n, n) for n in range(1, 11)]


def test_an_oracle_price_is_one_action_with_source_and_confidence() -> None:
    assert interpret(priced(9, 12), explained(9, 12)) == [PriceSet(10, 0, RWA, 1, 12, "feed", 90)]


@pytest.mark.parametrize("new", [0, 9, 2**256 - 1])
def test_the_same_price_or_none_or_the_highest_is_still_a_price(new: int) -> None:
    assert interpret(priced(9, new), explained(9, new, score=0)) == [PriceSet(10, 0, RWA, 1, new, "feed", 0)]


def test_a_price_without_the_agents_word_has_no_source() -> None:
    assert interpret(priced(9, 12)) == [PriceSet(10, 0, RWA, 1, 12, None, None)]


def test_an_empty_source_is_a_source() -> None:
    assert interpret(priced(9, 12), explained(9, 12, source="")) == [PriceSet(10, 0, RWA, 1, 12, "", 90)]


@pytest.mark.parametrize(
    "follower",
    [explained(9, 12, token=2), explained(8, 12), explained(9, 13), noted()],
    ids=["another token", "another old price", "another new price", "another log"],
)
def test_a_log_about_something_else_explains_no_price(follower: Any) -> None:
    assert interpret(priced(9, 12), follower)[0] == PriceSet(10, 0, RWA, 1, 12, None, None)


def test_the_agents_word_explains_only_the_collection_it_speaks_of() -> None:
    actions = interpret(priced(9, 12), explained(9, 12), links=Links(RWA, RWA2))

    assert actions == [PriceSet(10, 0, RWA, 1, 12, None, None)]


def test_the_agents_word_alone_is_nothing() -> None:
    assert interpret(explained(9, 12)) == []


def test_several_updates_of_one_token_in_one_transaction_keep_their_own_sources() -> None:
    actions: Any = interpret(
        priced(9, 12), explained(9, 12, score=80),
        priced(12, 9),
        priced(9, 12), explained(9, 12, score=95),
        priced(12, 12),
    )  # fmt: skip

    assert [(each.price_wei, each.confidence) for each in actions] == [
        (12, 80),
        (9, None),
        (12, 95),
        (12, None),
    ]


def test_updates_of_several_tokens_are_not_mixed() -> None:
    actions: Any = interpret(
        priced(9, 12, 1), explained(9, 12, 1, score=80), priced(9, 12, 2), explained(9, 12, 2, score=95)
    )

    assert [(each.token_id, each.confidence) for each in actions] == [(1, 80), (2, 95)]


def test_an_approval_names_who_may_move_the_token() -> None:
    assert interpret(approved(SELLER, MARKET), approved(SELLER, NOBODY)) == [
        Approved(10, 0, RWA, 1, MARKET),
        Approved(11, 1, RWA, 1, None),
    ]


def test_only_the_marketplace_is_an_operator_that_matters() -> None:
    actions = interpret(
        approved_all(SELLER, CAROL), approved_all(SELLER, MARKET), approved_all(SELLER, MARKET, False)
    )

    assert actions == [OperatorSet(11, 1, RWA, SELLER, True), OperatorSet(12, 2, RWA, SELLER, False)]


def test_list_delist_list_in_one_transaction_are_three_deeds() -> None:
    actions = interpret(approved(SELLER, MARKET), listed(SELLER, 5), delisted(SELLER), listed(SELLER, 6))

    assert actions[1:] == [
        Listed(11, 1, RWA, 1, SELLER, 5),
        Delisted(12, 2, RWA, 1, SELLER),
        Listed(13, 3, RWA, 1, SELLER, 6),
    ]


def test_a_sale_is_one_action_at_its_transfer() -> None:
    assert interpret(moved(SELLER, BUYER), sold(SELLER, BUYER, 12)) == [
        Sold(10, 0, RWA, 1, SELLER, BUYER, 12)
    ]


def test_a_sale_whose_buyer_lists_again_in_its_callback_keeps_the_new_listing() -> None:
    actions = interpret(
        moved(SELLER, CONTRACT), approved(CONTRACT, MARKET), listed(CONTRACT, 9), sold(SELLER, CONTRACT, 6)
    )

    assert words(actions) == [("Sold", 0), ("Approved", 1), ("Listed", 2)]


def test_a_sale_whose_buyer_forwards_in_its_callback_ends_with_the_last_receiver() -> None:
    actions = interpret(moved(SELLER, CONTRACT), moved(CONTRACT, CAROL), sold(SELLER, CONTRACT, 6))

    assert words(actions) == [("Sold", 0), ("Transferred", 1)]


@pytest.mark.parametrize("again", [8, 7], ids=["another price", "the same price"])
def test_a_contract_that_buys_its_own_listing_and_lists_again_is_still_listed(again: int) -> None:
    actions = interpret(
        moved(CONTRACT, CONTRACT),
        approved(CONTRACT, MARKET),
        listed(CONTRACT, again),
        sold(CONTRACT, CONTRACT, 7),
    )

    assert words(actions) == [("Sold", 0), ("Approved", 1), ("Listed", 2)]


def test_two_buys_in_one_transaction_are_two_sales() -> None:
    actions = interpret(
        moved(SELLER, BUYER, 1), sold(SELLER, BUYER, 5, 1), moved(SELLER, BUYER, 2), sold(SELLER, BUYER, 6, 2)
    )

    assert actions == [Sold(10, 0, RWA, 1, SELLER, BUYER, 5), Sold(12, 2, RWA, 2, SELLER, BUYER, 6)]


def test_a_token_that_is_sold_twice_in_one_transaction_has_two_sales() -> None:
    actions = interpret(
        moved(SELLER, BUYER), sold(SELLER, BUYER, 5),
        listed(BUYER, 6), moved(BUYER, SELLER), sold(BUYER, SELLER, 6),
        listed(SELLER, 5), moved(SELLER, BUYER), sold(SELLER, BUYER, 5),
    )  # fmt: skip

    assert words(actions) == [("Sold", 0), ("Listed", 2), ("Sold", 3), ("Listed", 5), ("Sold", 6)]


def test_a_move_before_the_listing_is_not_the_sale() -> None:
    actions = interpret(
        moved(SELLER, BUYER),
        moved(BUYER, SELLER),
        listed(SELLER, 5),
        moved(SELLER, BUYER),
        sold(SELLER, BUYER, 5),
    )

    assert words(actions) == [("Transferred", 0), ("Transferred", 1), ("Listed", 2), ("Sold", 3)]


def test_a_move_back_and_forth_before_a_sale_leaves_one_sale_and_the_right_owner() -> None:
    """Which of two like moves was the sale no log says; what holds is that there is one."""
    actions = interpret(
        moved(SELLER, BUYER), moved(BUYER, SELLER), moved(SELLER, BUYER), sold(SELLER, BUYER, 5)
    )

    assert sorted(type(each).__name__ for each in actions) == ["Sold", "Transferred", "Transferred"]


def test_a_move_of_another_token_or_to_somebody_else_is_not_the_sale() -> None:
    actions = interpret(
        moved(SELLER, BUYER, 2), moved(SELLER, CAROL, 3), moved(SELLER, BUYER), sold(SELLER, BUYER, 5)
    )

    assert words(actions) == [("Transferred", 0), ("Transferred", 1), ("Sold", 2)]


def test_a_move_of_another_collection_is_not_the_sale() -> None:
    actions = interpret(moved(SELLER, BUYER, contract=RWA2), moved(SELLER, BUYER), sold(SELLER, BUYER, 5))

    assert words(actions) == [("Transferred", 0), ("Sold", 1)]


def test_a_sale_without_a_move_is_told_without_one() -> None:
    assert interpret(sold(SELLER, BUYER, 5)) == [Sold(10, 0, RWA, 1, SELLER, BUYER, 5, moved=False)]


def test_market_logs_speak_of_the_collection_in_force_at_their_place() -> None:
    actions: Any = interpret(
        listed(SELLER, 5), linked(MARKET, RWA2), listed(SELLER, 6), moved(SELLER, BUYER, contract=RWA2),
        sold(SELLER, BUYER, 6),
    )  # fmt: skip

    assert [each.contract for each in actions] == [RWA, RWA2, RWA2, RWA2]
    assert words(actions) == [("Listed", 0), ("MarketplaceLinked", 1), ("Listed", 2), ("Sold", 3)]


@pytest.mark.parametrize(
    ("event", "action"),
    [
        (MarketplaceFeeUpdated(MARKET, 0, 250, 300), FeeSet(10, 0, 300)),
        (FeeCollectorUpdated(MARKET, 0, SELLER, CAROL), FeeCollectorSet(10, 0, CAROL)),
        (MinimumConfidenceScoreUpdated(AGENT, 0, 70, 80), MinimumConfidenceSet(10, 0, 80)),
        (PricingAgentUpdated(RWA, 0, NOBODY, AGENT), PricingAgentSet(10, 0, RWA, AGENT)),
        (OwnershipTransferred(MARKET, 0, SELLER, NOBODY), ContractOwnerSet(10, 0, MARKET, NOBODY)),
        (linked(MARKET, RWA2), MarketplaceLinked(10, 0, RWA2)),
        (linked(AGENT, RWA2), AgentLinked(10, 0, RWA2)),
    ],
)
def test_a_change_of_configuration_is_an_action(event: Any, action: Any) -> None:
    assert interpret(event) == [action]


@pytest.mark.parametrize(
    "event",
    [
        RoleGranted(AGENT, 0, bytes(32), SELLER, SELLER),
        RoleRevoked(AGENT, 0, bytes(32), SELLER, SELLER),
        RoleAdminChanged(AGENT, 0, bytes(32), bytes(32), bytes(32)),
        BatchMetadataUpdate(RWA, 0, 1, 9),
        noted(),
    ],
)
def test_what_changes_nothing_we_keep_is_no_action(event: Any) -> None:
    assert interpret(event) == []


def test_ordinals_do_not_depend_on_where_the_transaction_stands() -> None:
    logs = (moved(SELLER, BUYER), sold(SELLER, BUYER, 5), listed(BUYER, 6))

    early, late = interpret(*logs, first=0), interpret(*logs, first=700)

    assert words(early) == words(late)
    assert [each.log_index for each in late] == [700, 702]
