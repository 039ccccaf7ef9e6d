"""What happens to assets outside the marketplace: mints, prices, approvals, transfers."""

from __future__ import annotations

from chain.transactions import NodeReceipt
from tests.integration.market_play import DEAD, ETHER, MarketPlay, Metadata
from tests.integration.market_row import MINTED, NOTHING, PRICED, Rows
from tests.integration.market_view import ZERO

ROWS = Rows()


@ROWS.leaves(MINTED)
def mint(play: MarketPlay) -> NodeReceipt:
    receipt = play.mint(play.alice, 15_123456789012345678, "ipfs://one", Metadata(is_verified=True))
    token = play.token_of(receipt)
    assert play.events(receipt)[2].args == {
        "tokenId": token,
        "tokenURI": "ipfs://one",
        "initialPrice": 15_123456789012345678,
        "owner": play.alice,
    }
    assert play.view(play.asset, "getAssetMetadata", token)["isVerified"] is True
    assert play.price(token) == play.view(play.asset, "getInitialPrice", token) == 15_123456789012345678
    return receipt


@ROWS.leaves(MINTED)
def mint_at_the_limits(play: MarketPlay) -> NodeReceipt:
    metadata = Metadata(b"\xff\x00\xfe\x80", "", "x" * 5_000, 2**256 - 1)
    receipt = play.mint(play.bob, 2**256 - 1, b"\xff\xfe", metadata)
    token = play.token_of(receipt)
    assert play.price(token) == 2**256 - 1
    assert play.view(play.asset, "getAssetMetadata", token)["acquisitionDate"] == 2**256 - 1
    return receipt


@ROWS.leaves("")
def mint_by_a_stranger(play: MarketPlay) -> NodeReceipt:
    with play.refused("OwnableUnauthorizedAccount"):
        play.act(play.bob, play.asset, "mint", play.bob, "", 1, Metadata())
    return NOTHING


@ROWS.leaves(PRICED)
def price_by_the_oracle(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token(price_wei=10 * ETHER)
    receipt = play.set_price(token, 18 * ETHER, "model-v3", 91)
    asset, agent = play.events(receipt)
    assert asset.args == {"tokenId": token, "oldPrice": 10 * ETHER, "newPrice": 18 * ETHER}
    assert (agent.args["dataSource"], agent.args["confidenceScore"]) == ("model-v3", 91)
    latest = play.view(play.agent, "getLatestPriceUpdate", token)
    assert latest == agent.args
    assert play.view(play.agent, "getPriceUpdateHistory", token, 0, 10) == [latest]
    return receipt


@ROWS.leaves(PRICED)
def same_price_again(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token(price_wei=10 * ETHER)
    return play.set_price(token, 10 * ETHER)


@ROWS.leaves(PRICED)
def price_zero_from_an_unreadable_source(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token()
    receipt = play.set_price(token, 0, b"\xff\x00\xfe\x80", 70)
    assert play.price(token) == 0
    return receipt


@ROWS.leaves("")
def price_with_too_little_confidence(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token()
    with play.refused("DynamicPricingAgent: Confidence score below minimum"):
        play.set_price(token, 1, score=69)
    with play.refused("DynamicPricingAgent: Confidence score must be between 0 and 100"):
        play.set_price(token, 1, score=101)
    with play.refused("AccessControlUnauthorizedAccount"):
        play.act(play.bob, play.agent, "updatePrice", token, 1, "", 90)
    return NOTHING


@ROWS.leaves("RWA.PriceUpdated")
def price_by_an_ordinary_account(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token()
    play.set_pricing_agent(play.dave)
    with play.refused("RWAAssetContract: Only pricing agent can update prices"):
        play.set_price(token, 3)
    receipt = play.set_price_directly(play.dave, token, 7 * ETHER)
    play.set_pricing_agent(play.agent)
    assert play.price(token) == 7 * ETHER
    return receipt


@ROWS.leaves(f"{PRICED} {PRICED}")
def two_equal_prices_in_one_transaction(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token()
    return play.batch_prices([token, token], [5 * ETHER, 5 * ETHER])


@ROWS.leaves("RWA.Approval")
def approve(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token(play.alice)
    receipt = play.approve(play.alice, token)
    assert play.view(play.asset, "getApproved", token) == play.market
    return receipt


@ROWS.leaves("RWA.ApprovalForAll")
def approve_all(play: MarketPlay) -> NodeReceipt:
    receipt = play.approve_all(play.carol)
    assert play.view(play.asset, "isApprovedForAll", play.carol, play.market) is True
    play.approve_all(play.carol, False)
    return receipt


@ROWS.leaves("RWA.Transfer")
def self_transfer(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token(play.alice)
    receipt = play.transfer(play.alice, play.alice, token)
    assert play.owner_of(token) == play.alice
    return receipt


@ROWS.leaves("RWA.Transfer")
def send_to_the_dead_address(play: MarketPlay) -> NodeReceipt:
    token = play.mint_token(play.alice)
    with play.refused("ERC721InvalidReceiver"):
        play.transfer(play.alice, ZERO, token)
    return play.transfer(play.alice, DEAD, token)


@ROWS.leaves(" ".join([MINTED] * 3))
def three_mints_in_one_transaction(play: MarketPlay) -> NodeReceipt:
    receipt = play.batch_mint(play.carol, 3)
    assert play.view(play.asset, "owner") == play.owner
    return receipt
