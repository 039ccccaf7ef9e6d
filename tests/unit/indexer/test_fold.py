"""state + action → state + rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.events import MarketplaceFeeUpdated
from indexer.actions import (
    AgentLinked,
    ContractOwnerSet,
    Delisted,
    FeeCollectorSet,
    FeeSet,
    MarketplaceLinked,
    MinimumConfidenceSet,
    PricingAgentSet,
    Sold,
)
from indexer.asset_documents import asset_state, new_asset, unavailable_reason
from indexer.fold import UnknownAsset, fee_of, fold_asset, fold_market
from indexer.market_documents import market_document, market_state
from indexer.state import Listing
from tests.unit.indexer.plays import (
    AGENT,
    BUYER,
    CAROL,
    CONTRACT,
    MARKET,
    METADATA,
    NOBODY,
    NOW,
    RWA,
    RWA2,
    SELLER,
    a_market,
    an_asset,
    approved,
    at,
    delisted,
    explained,
    listed,
    minted,
    moved,
    noted,
    priced,
    sold,
    told,
)

OFFER = Listing(SELLER, 12, NOW - 50)
UINT256 = st.integers(0, 2**256 - 1)


def kinds(rows: Any) -> list[str]:
    return [getattr(row, "type", None) or row.source for row in rows]


def test_a_mint_begins_an_asset_with_a_deed_and_a_price() -> None:
    asset, rows = told(moved(NOBODY, SELLER), noted(), minted(SELLER))

    assert (asset.owner, asset.owner_since, asset.price_wei, asset.confidence) == (SELLER, NOW, 9, None)
    assert (asset.mint_block, asset.mint_log_index, asset.initial_price_wei) == (5, 10, 9)
    assert [type(row).__name__ for row in rows] == ["Deed", "PricePoint"]
    assert (rows[0].buyer, rows[0].seller, rows[0].price_wei) == (SELLER, None, 9)


def test_a_mint_without_a_price_has_no_price_point() -> None:
    asset, rows = told(moved(NOBODY, SELLER))

    assert (asset.price_wei, asset.initial_price_wei, kinds(rows)) == (0, None, ["mint"])


def test_a_mint_for_nothing_has_a_price_point_of_nothing() -> None:
    _, rows = told(moved(NOBODY, SELLER), minted(SELLER, price=0))

    assert [row.price_wei for row in rows] == [0, 0]


def test_a_minted_token_forwarded_in_the_callback_belongs_to_the_receiver() -> None:
    asset, rows = told(moved(NOBODY, CONTRACT), moved(CONTRACT, CAROL), noted(), minted(CONTRACT))

    assert asset.owner == CAROL
    assert kinds(rows) == ["mint", "mint", "transfer"]


def test_a_minted_token_listed_in_the_callback_is_for_sale() -> None:
    asset, _ = told(
        moved(NOBODY, CONTRACT), approved(CONTRACT, MARKET), listed(CONTRACT, 7), minted(CONTRACT)
    )

    assert asset.is_for_sale
    assert asset.approved == MARKET


def test_a_sale_moves_the_token_closes_the_listing_and_keeps_the_price() -> None:
    asset, rows = told(
        moved(SELLER, BUYER), sold(SELLER, BUYER, 12), asset=an_asset(listing=OFFER, price_wei=18)
    )

    assert (asset.owner, asset.owner_since, asset.listing, asset.price_wei) == (BUYER, NOW, None, 18)
    assert kinds(rows) == ["buy", "sale"]


def test_a_sale_whose_buyer_lists_again_leaves_the_new_listing() -> None:
    asset, rows = told(
        moved(SELLER, CONTRACT), approved(CONTRACT, MARKET), listed(CONTRACT, 9), sold(SELLER, CONTRACT, 6),
        asset=an_asset(listing=OFFER),
    )  # fmt: skip

    assert asset.listing == Listing(CONTRACT, 9, NOW)
    assert asset.is_for_sale
    assert kinds(rows) == ["buy", "sale", "list", "user-listing"]


def test_a_wash_sale_with_a_new_listing_is_a_sale_and_stays_listed() -> None:
    since = an_asset().owner_since
    asset, rows = told(
        moved(SELLER, SELLER), listed(SELLER, 8), sold(SELLER, SELLER, 7), asset=an_asset(listing=OFFER)
    )

    assert (asset.listing.price_wei, asset.owner_since) == (8, since)
    assert rows[0].seller == rows[0].buyer == SELLER


@pytest.mark.parametrize(
    ("price", "bps", "fee"),
    [(3, 250, 0), (39, 250, 0), (40, 250, 1), (12 * 10**18, 500, 6 * 10**17), (10, 0, 0), (10, 10_000, 10)],
)
def test_the_fee_is_rounded_down_to_the_wei(price: int, bps: int, fee: int) -> None:
    assert fee_of(price, bps) == fee


def test_a_fee_set_before_or_after_a_sale_of_the_same_transaction_counts_in_order() -> None:
    change = MarketplaceFeeUpdated(MARKET, 0, 250, 1000)
    sale = (moved(SELLER, BUYER), sold(SELLER, BUYER, 1000))

    assert told(change, *sale, asset=an_asset())[1][0].fee_wei == 100
    assert told(*sale, change, asset=an_asset())[1][0].fee_wei == 25


def test_a_self_transfer_is_a_deed_and_does_not_restart_the_ownership() -> None:
    before = an_asset(approved=MARKET, listing=OFFER)

    asset, rows = told(moved(SELLER, SELLER), asset=before)

    assert (asset.owner_since, asset.approved, asset.listing) == (before.owner_since, None, OFFER)
    assert kinds(rows) == ["transfer"]


def test_a_listing_is_stale_while_the_token_is_away_and_lives_again_on_its_return() -> None:
    away, _ = told(moved(SELLER, CAROL), asset=an_asset(listing=OFFER))
    back, rows = told(moved(CAROL, SELLER), asset=away, block=6)

    assert (away.listing, away.is_for_sale) == (OFFER, False)
    assert unavailable_reason(away, MARKET, operator_approved=True) == "owner-changed"
    assert (back.listing, back.is_for_sale) == (OFFER, True)
    assert kinds(rows) == ["transfer"]


def test_a_stale_listing_taken_back_by_the_old_owner_is_gone() -> None:
    asset, rows = told(delisted(SELLER), asset=an_asset(owner=CAROL, listing=OFFER))

    assert asset.listing is None
    assert (rows[0].seller, rows[0].price_wei) == (SELLER, 12)


def test_list_delist_list_ends_with_the_last_listing() -> None:
    asset, rows = told(listed(SELLER, 5), delisted(SELLER), listed(SELLER, 6), asset=an_asset())

    assert asset.listing.price_wei == 6
    assert kinds(rows) == ["list", "user-listing", "delist", "list", "user-listing"]


def test_a_transfer_clears_the_approval_of_the_token() -> None:
    before = an_asset(approved=MARKET, listing=OFFER)

    asset, _ = told(moved(SELLER, CAROL), moved(CAROL, SELLER), asset=before)

    assert unavailable_reason(before, MARKET, operator_approved=False) is None
    assert unavailable_reason(asset, MARKET, operator_approved=False) == "not-approved"
    assert unavailable_reason(asset, MARKET, operator_approved=True) is None


def test_an_oracle_price_has_confidence_and_a_direct_one_takes_it_away() -> None:
    sure, points = told(priced(9, 12), explained(9, 12), asset=an_asset())
    unsure, more = told(priced(12, 13), asset=sure)

    assert (sure.price_wei, sure.confidence, points[0].source) == (12, 90, "ai-oracle")
    assert (unsure.price_wei, unsure.confidence, more[0].source) == (13, None, "direct")


def test_a_sale_without_a_move_closes_the_listing_and_leaves_the_owner() -> None:
    action = Sold(3, 0, RWA, 1, SELLER, BUYER, 5, moved=False)

    asset = fold_asset(an_asset(listing=OFFER), action, at(), a_market()).asset

    assert (asset.owner, asset.listing) == (SELLER, None)


def test_an_action_on_a_token_nobody_minted_is_refused() -> None:
    with pytest.raises(UnknownAsset, match="START_BLOCK"):
        fold_asset(None, Delisted(3, 0, RWA, 1, SELLER), at(), a_market())


@pytest.mark.parametrize("price", [0, 1, 2**63, 2**256 - 1])
def test_any_price_is_kept_to_the_wei(price: int) -> None:
    asset, _ = told(priced(9, price), listed(SELLER, price or 1), asset=an_asset())
    document = new_asset(asset, MARKET, operator_approved=False)

    assert document["currentPrice"]["valueWei"] == str(price)
    assert int.from_bytes(document["currentPrice"]["valueKey"], "big") == price
    assert asset_state(document) == asset


@pytest.mark.parametrize("seconds", [0, 1, 253_402_300_799, 253_402_300_800, 1_700_000_000_000, 2**256 - 1])
def test_any_acquisition_date_can_be_kept(seconds: int) -> None:
    asset = an_asset(metadata=replace(METADATA, acquisition_date=seconds))
    document = new_asset(asset, MARKET, operator_approved=False)

    assert (document["metadata"]["acquisitionDate"] is not None) == (0 < seconds < 253_402_300_800)
    assert asset_state(document) == asset


@given(
    price=UINT256,
    initial=st.none() | UINT256,
    confidence=st.none() | st.integers(0, 255),
    owner=st.sampled_from([SELLER, BUYER, MARKET]),
    to=st.none() | st.sampled_from([MARKET, CAROL]),
    offer=st.none() | st.builds(Listing, st.sampled_from([SELLER, BUYER]), UINT256, st.integers(0, 2**33)),
    metadata=st.none() | st.builds(type(METADATA), *[st.text()] * 3, UINT256, st.text(), st.booleans()),
    uri=st.none() | st.text(),
)
def test_a_state_is_read_back_as_it_was_written(
    price: int, initial: Any, confidence: Any, owner: str, to: Any, offer: Any, metadata: Any, uri: Any
) -> None:
    asset = an_asset(
        price_wei=price, initial_price_wei=initial, confidence=confidence, owner=owner, approved=to, listing=offer,
        metadata=metadata, token_uri=uri,
    )  # fmt: skip

    for operator_approved in (True, False):
        document = new_asset(asset, MARKET, operator_approved)
        assert asset_state(document) == asset
        status = document["marketStatus"]
        assert status["isListed"] == asset.is_for_sale
        assert status["isPurchasable"] == (asset.is_for_sale and status["unavailableReason"] is None)


@pytest.mark.parametrize(
    ("action", "changes"),
    [
        (FeeSet(0, 0, 300), {"fee_bps": 300}),
        (FeeCollectorSet(0, 0, CAROL), {"fee_collector": CAROL}),
        (MinimumConfidenceSet(0, 0, 0), {"minimum_confidence": 0}),
        (PricingAgentSet(0, 0, RWA2, AGENT), {"pricing_agents": {RWA: AGENT, RWA2: AGENT}}),
        (ContractOwnerSet(0, 0, MARKET, NOBODY), {"owners": {RWA: SELLER, MARKET: NOBODY}}),
        (MarketplaceLinked(0, 0, RWA2), {"marketplace_asset": RWA2, "asset_contracts": (RWA, RWA2)}),
        (MarketplaceLinked(0, 0, RWA), {}),
        (AgentLinked(0, 0, RWA2), {"agent_asset": RWA2, "asset_contracts": (RWA, RWA2)}),
    ],
)
def test_a_change_of_configuration_changes_just_that(action: Any, changes: Any) -> None:
    market = fold_market(a_market(), action)

    assert market == a_market(**changes)
    assert market_state(market_document(market)) == market
