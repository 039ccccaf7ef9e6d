"""What owners and administrators change."""

from __future__ import annotations

from chain.transactions import NodeReceipt
from tests.integration.market_play import DEFAULT_ADMIN_ROLE, ETHER, ORACLE_ROLE, MarketPlay
from tests.integration.market_row import Rows, listed
from tests.integration.market_view import ZERO

ROWS = Rows()


@ROWS.leaves("MARKET.MarketplaceFeeUpdated")
def fee_change(play: MarketPlay) -> NodeReceipt:
    receipt = play.set_fee(1000)
    assert play.events(receipt)[0].args == {"oldFee": 250, "newFee": 1000}
    with play.refused("MarketplaceContract: Fee cannot exceed 10%"):
        play.set_fee(1001)
    play.set_fee(250)
    return receipt


@ROWS.leaves("MARKET.FeeCollectorUpdated")
def collector_change(play: MarketPlay) -> NodeReceipt:
    token = listed(play, 12)
    receipt = play.set_collector(play.actor("EtherRefuser"))
    play.buy(play.bob, token)  # 12 wei pay no fee
    dear = listed(play, ETHER)
    with play.refused("MarketplaceContract: Failed to send fee to collector"):
        play.buy(play.bob, dear)
    play.set_collector(play.owner)
    assert play.view(play.market, "getFeeCollector") == play.owner
    return receipt


@ROWS.leaves("AGENT.MinimumConfidenceScoreUpdated")
def minimum_confidence(play: MarketPlay) -> NodeReceipt:
    receipt = play.set_minimum_confidence(80)
    assert play.events(receipt)[0].args == {"oldScore": 70, "newScore": 80}
    play.set_minimum_confidence(70)
    return receipt


@ROWS.leaves("AGENT.RoleGranted")
def grant(play: MarketPlay) -> NodeReceipt:
    receipt = play.grant(ORACLE_ROLE, play.bob)
    assert play.view(play.agent, "hasRole", ORACLE_ROLE, play.bob) is True
    play.revoke(ORACLE_ROLE, play.bob)
    return receipt


@ROWS.leaves("")
def grant_again(play: MarketPlay) -> NodeReceipt:
    play.grant(ORACLE_ROLE, play.carol)
    receipt = play.grant(ORACLE_ROLE, play.carol)
    assert receipt["status"] == "0x1"
    play.revoke(ORACLE_ROLE, play.carol)
    return receipt


@ROWS.leaves("AGENT.RoleRevoked")
def revoke(play: MarketPlay) -> NodeReceipt:
    play.grant(ORACLE_ROLE, play.carol)
    return play.revoke(ORACLE_ROLE, play.carol)


@ROWS.leaves("AGENT.RoleRevoked")
def renounce(play: MarketPlay) -> NodeReceipt:
    play.grant(ORACLE_ROLE, play.carol)
    receipt = play.renounce(ORACLE_ROLE, play.carol)
    said = play.events(receipt)[0].args
    assert said["account"] == said["sender"] == play.carol
    with play.refused("AccessControlBadConfirmation"):
        play.act(play.bob, play.agent, "renounceRole", DEFAULT_ADMIN_ROLE, play.owner)
    return receipt


@ROWS.leaves("RWA.PricingAgentUpdated")
def set_pricing_agent(play: MarketPlay) -> NodeReceipt:
    receipt = play.set_pricing_agent(play.dave)
    assert play.events(receipt)[0].args == {"oldAgent": play.agent, "newAgent": play.dave}
    play.set_pricing_agent(play.agent)
    return receipt


@ROWS.leaves("MARKET.RWAAssetContractUpdated")
def repoint_the_market(play: MarketPlay) -> NodeReceipt:
    token = listed(play)
    other = play.second_asset()
    receipt = play.repoint_market(other.asset)
    for _ in range(token):
        last = other.mint_token(play.bob)
    with play.refused("MarketplaceContract: Asset already listed"):
        other.approve_and_list(play.bob, last, ETHER)
    play.repoint_market(play.asset)
    assert play.view(play.market, "getRWAAssetContract") == play.asset
    return receipt


@ROWS.leaves("AGENT.RWAAssetContractUpdated")
def repoint_the_agent(play: MarketPlay) -> NodeReceipt:
    other = play.second_asset()
    receipt = play.repoint_agent(other.asset)
    other.set_pricing_agent(play.agent)
    assert play.names(other.set_price(other.mint_token(), 4)) == ["RWA2.PriceUpdated", "AGENT.PriceUpdated"]
    play.repoint_agent(play.asset)
    return receipt


@ROWS.leaves("RWA.OwnershipTransferred")
def transfer_ownership_of_the_asset_contract(play: MarketPlay) -> NodeReceipt:
    receipt = play.transfer_ownership(play.asset, play.bob)
    play.transfer_ownership(play.asset, play.owner, sender=play.bob)
    assert play.view(play.asset, "owner") == play.owner
    return receipt


@ROWS.leaves("MARKET.OwnershipTransferred")
def transfer_ownership_of_the_marketplace(play: MarketPlay) -> NodeReceipt:
    receipt = play.transfer_ownership(play.market, play.bob)
    play.transfer_ownership(play.market, play.owner, sender=play.bob)
    return receipt


@ROWS.leaves("RWA2.OwnershipTransferred")
def renounce_ownership(play: MarketPlay) -> NodeReceipt:
    other = play.second_asset()
    receipt = other.renounce_ownership(other.asset)
    assert play.events(receipt)[0].args["newOwner"] == ZERO
    return receipt
