"""What contracts do that act within the transactions of others, or many times in one."""

from __future__ import annotations

from chain.transactions import NodeReceipt
from tests.integration.market_play import ETHER, MarketPlay
from tests.integration.market_row import NOTHING, RELISTED, SOLD, Rows, listed

LOOKS = "Transfer AssetMinted AssetListed Transfer AssetSold PriceUpdated"

ROWS = Rows()


@ROWS.leaves(f"{SOLD} {SOLD}")
def two_buys_in_one_transaction(play: MarketPlay) -> NodeReceipt:
    tokens = [listed(play, 2 * ETHER), listed(play, 3 * ETHER)]
    receipt = play.batch_buy(tokens)
    assert {play.owner_of(token) for token in tokens} == {play.actor("BatchBuyer")}
    return receipt


@ROWS.leaves("RWA.Approval MARKET.AssetListed MARKET.AssetDelisted MARKET.AssetListed")
def list_delist_list_in_one_transaction(play: MarketPlay) -> NodeReceipt:
    lister = play.actor("BatchLister")
    token = play.mint_token(lister)
    receipt = play.act(play.dave, lister, "listDelistList", token, 5, 6)
    assert (play.listing(token)["isActive"], play.listing(token)["price"]) == (True, 6)
    return receipt


@ROWS.leaves(RELISTED)
def relist_when_the_token_arrives(play: MarketPlay) -> NodeReceipt:
    return relist(play, on_ether=False)


@ROWS.leaves(RELISTED)
def relist_when_the_refund_arrives(play: MarketPlay) -> NodeReceipt:
    return relist(play, on_ether=True)


def relist(play: MarketPlay, on_ether: bool) -> NodeReceipt:
    token, relister = listed(play, 6), play.actor("Relister")
    receipt = play.buy_and_relist(relister, token, 9, value_wei=7, on_ether=on_ether)
    assert [play.events(receipt)[at].args["price"] for at in (2, 3)] == [9, 6]
    assert play.owner_of(token) == play.listing(token)["seller"] == relister
    assert (play.listing(token)["isActive"], play.listing(token)["price"]) == (True, 9)
    return receipt


@ROWS.leaves("RWA.Transfer RWA.Transfer MARKET.AssetSold")
def forward_what_was_bought(play: MarketPlay) -> NodeReceipt:
    token = listed(play, 6)
    forwarder = play.actor("Forwarder", play.market, play.carol)
    receipt = play.act(play.dave, forwarder, "buy", token, value_wei=7)
    assert play.events(receipt)[2].args["buyer"] == forwarder
    assert play.owner_of(token) == play.carol
    return receipt


@ROWS.leaves("RWA.Transfer RWA.Approval MARKET.AssetListed RWA.MetadataUpdate RWA.AssetMinted")
def mint_to_a_contract_that_lists(play: MarketPlay) -> NodeReceipt:
    receiver = play.actor("ListingMinterReceiver", play.market, 8 * ETHER)
    receipt = play.mint(receiver)
    assert play.listing(play.token_of(receipt))["price"] == 8 * ETHER
    return receipt


@ROWS.leaves("RWA.Transfer RWA.Transfer RWA.MetadataUpdate RWA.AssetMinted")
def mint_to_a_contract_that_forwards(play: MarketPlay) -> NodeReceipt:
    forwarder = play.actor("Forwarder", play.market, play.carol)
    receipt = play.mint(forwarder)
    assert play.events(receipt)[3].args["owner"] == forwarder
    assert play.owner_of(play.token_of(receipt)) == play.carol
    return receipt


@ROWS.leaves(RELISTED)
def buy_its_own_listing_and_relist(play: MarketPlay) -> NodeReceipt:
    buyer = play.actor("SelfBuyer")
    token = play.mint_token(buyer)
    play.act(play.dave, buyer, "list", token, 7)
    receipt = play.buy_and_relist(buyer, token, 8, value_wei=7)
    sold = play.events(receipt)[3].args
    assert (sold["seller"], sold["buyer"], sold["price"]) == (buyer, buyer, 7)
    assert (play.listing(token)["isActive"], play.listing(token)["price"]) == (True, 8)
    return receipt


@ROWS.leaves("")
def seller_that_refuses_ether(play: MarketPlay) -> NodeReceipt:
    refuser = play.actor("EtherRefuser")
    token = play.mint_token(refuser)
    play.act(play.dave, refuser, "list", token, ETHER)
    with play.refused("MarketplaceContract: Failed to send funds to seller"):
        play.buy(play.bob, token)
    assert play.listing(token)["isActive"] is True
    return NOTHING


@ROWS.leaves(" ".join(f"LookAlike.{name}" for name in LOOKS.split()))
def look_alike(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token(play.alice)
    receipt = play.act(play.dave, play.actor("LookAlike"), "pretend", token, play.bob, play.carol, 1)
    assert play.owner_of(token) == play.alice
    return receipt
