"""What people do on the marketplace."""

from __future__ import annotations

from chain.transactions import NodeReceipt
from tests.integration.market_play import ETHER, MarketPlay
from tests.integration.market_row import NOTHING, SOLD, Rows, listed
from tests.integration.market_view import ZERO

ROWS = Rows()


@ROWS.leaves("MARKET.AssetListed")
def list_asset(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token(play.alice)
    with play.refused("MarketplaceContract: Marketplace not approved"):
        play.list(play.alice, token, ETHER)
    with play.refused("MarketplaceContract: Only token owner can list"):
        play.list(play.bob, token, ETHER)
    with play.refused("MarketplaceContract: Price must be greater than 0"):
        play.list(play.alice, token, 0)
    receipt = play.approve_and_list(play.alice, token, 2**256 - 1)
    listing = play.listing(token)
    assert (listing["isActive"], listing["seller"], listing["price"]) == (True, play.alice, 2**256 - 1)
    assert token in play.active()
    return receipt


@ROWS.leaves("MARKET.AssetDelisted")
def delist(play: MarketPlay) -> NodeReceipt:
    token = listed(play)
    receipt = play.delist(play.alice, token)
    assert (play.listing(token)["isActive"], token in play.active()) == (False, False)
    with play.refused("MarketplaceContract: Asset not listed"):
        play.delist(play.alice, token)
    return receipt


@ROWS.leaves(SOLD)
def buy(play: MarketPlay) -> NodeReceipt:
    token = listed(play, 12 * ETHER)
    play.set_price(token, 18 * ETHER)
    play.set_fee(500)
    play.set_collector(play.carol)
    before = [play.balance(who) for who in (play.alice, play.bob, play.carol)]
    receipt = play.buy(play.bob, token, 13 * ETHER)
    after = [play.balance(who) for who in (play.alice, play.bob, play.carol)]
    gas = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    changes = [now - then for now, then in zip(after, before, strict=True)]
    assert changes == [ETHER * 114 // 10, -12 * ETHER - gas, ETHER * 6 // 10]
    assert (play.owner_of(token), play.price(token)) == (play.bob, 18 * ETHER)
    assert play.listing(token)["isActive"] is False
    play.set_fee(250)
    play.set_collector(play.owner)
    return receipt


@ROWS.leaves(SOLD)
def buy_for_three_wei(play: MarketPlay) -> NodeReceipt:
    token = listed(play, 3)
    before = play.balance(play.owner)
    receipt = play.buy(play.bob, token)
    assert play.balance(play.owner) == before
    return receipt


@ROWS.leaves("")
def buy_for_too_little(play: MarketPlay) -> NodeReceipt:
    token = listed(play, 12)
    with play.refused("MarketplaceContract: Insufficient funds"):
        play.buy(play.bob, token, 11)
    return NOTHING


@ROWS.leaves("")
def buy_after_the_approval_was_withdrawn(play: MarketPlay) -> NodeReceipt:
    token = listed(play, 12)
    play.approve(play.alice, token, ZERO)
    with play.refused("ERC721InsufficientApproval"):
        play.buy(play.bob, token)
    assert play.listing(token)["isActive"] is True
    return NOTHING


@ROWS.leaves("RWA.Transfer")
def transfer_while_listed(play: MarketPlay) -> NodeReceipt:
    token = listed(play)
    receipt = play.transfer(play.alice, play.bob, token)
    assert (play.owner_of(token), play.listing(token)["isActive"]) == (play.bob, True)
    assert play.view(play.asset, "getApproved", token) == ZERO
    with play.refused("MarketplaceContract: Seller no longer owns the asset"):
        play.buy(play.carol, token)
    with play.refused("MarketplaceContract: Asset already listed"):
        play.approve_and_list(play.bob, token, ETHER)
    with play.refused("MarketplaceContract: Only seller can delist"):
        play.delist(play.bob, token)
    return receipt


@ROWS.leaves("RWA.Transfer")
def transfer_back_to_the_lister(play: MarketPlay) -> NodeReceipt:
    token = listed(play)
    play.transfer(play.alice, play.bob, token)
    receipt = play.transfer(play.bob, play.alice, token)
    assert (play.listing(token)["isActive"], play.listing(token)["price"]) == (True, 12 * ETHER)
    play.approve(play.alice, token)
    play.buy(play.carol, token)
    assert play.owner_of(token) == play.carol
    return receipt


@ROWS.leaves("MARKET.AssetDelisted")
def stale_delist_by_the_former_owner(play: MarketPlay) -> NodeReceipt:
    token = listed(play)
    play.transfer(play.alice, play.bob, token)
    receipt = play.delist(play.alice, token)
    assert play.events(receipt)[0].args["seller"] == play.alice
    assert play.listing(token)["isActive"] is False
    return receipt


@ROWS.leaves(SOLD)
def wash_buy(play: MarketPlay) -> NodeReceipt:
    receipt = play.buy(play.alice, listed(play))
    sold = play.events(receipt)[1].args
    assert sold["seller"] == sold["buyer"] == play.alice
    return receipt
