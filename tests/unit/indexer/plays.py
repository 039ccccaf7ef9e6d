"""Short spellings of events, addresses and folds for the tests of the indexer's core."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from chain.addresses import ZERO, to_checksum
from chain.events import (
    AgentPriceUpdated,
    Approval,
    ApprovalForAll,
    AssetDelisted,
    AssetListed,
    AssetMinted,
    AssetPriceUpdated,
    AssetSold,
    Event,
    MetadataUpdate,
    RWAAssetContractUpdated,
    Transfer,
)
from indexer.actions import Action, AssetAction, MarketAction, Minted
from indexer.fold import fold_asset, fold_market
from indexer.interpret import Interpreter
from indexer.state import AssetState, At, Links, MarketState, Metadata


def address(number: int) -> str:
    return to_checksum(f"0x{number:040x}")


RWA, RWA2, AGENT, MARKET = map(address, (0xA1, 0xA2, 0xA3, 0xA4))
SELLER, BUYER, CAROL, CONTRACT = map(address, (0xB1, 0xB2, 0xB3, 0xB4))
NOW = 1_700_000_000
METADATA = Metadata("house", "estate", "Oslo", 1_600_000_000, "a house", True)


def moved(from_: str, to: str, token: int = 1, contract: str = RWA) -> Transfer:
    return Transfer(contract, 0, from_, to, token)


def minted(to: str, token: int = 1, price: int = 9, contract: str = RWA) -> AssetMinted:
    return AssetMinted(contract, 0, token, "ipfs://1", price, to)


def noted(token: int = 1) -> MetadataUpdate:
    return MetadataUpdate(RWA, 0, token)


def listed(seller: str, price: int, token: int = 1) -> AssetListed:
    return AssetListed(MARKET, 0, token, seller, price, NOW)


def delisted(seller: str, token: int = 1) -> AssetDelisted:
    return AssetDelisted(MARKET, 0, token, seller, NOW)


def sold(seller: str, buyer: str, price: int, token: int = 1) -> AssetSold:
    return AssetSold(MARKET, 0, token, seller, buyer, price, NOW)


def approved(owner: str, to: str, token: int = 1) -> Approval:
    return Approval(RWA, 0, owner, to, token)


def approved_all(owner: str, operator: str, yes: bool = True) -> ApprovalForAll:
    return ApprovalForAll(RWA, 0, owner, operator, yes)


def priced(old: int, new: int, token: int = 1, contract: str = RWA) -> AssetPriceUpdated:
    return AssetPriceUpdated(contract, 0, token, old, new)


def explained(old: int, new: int, token: int = 1, score: int = 90, source: str = "feed") -> AgentPriceUpdated:
    return AgentPriceUpdated(AGENT, 0, token, old, new, NOW, source, score)


def linked(emitter: str, new: str, old: str = RWA) -> RWAAssetContractUpdated:
    return RWAAssetContractUpdated(emitter, 0, old, new)


def numbered(events: tuple[Event, ...], first: int) -> list[Event]:
    return [replace(event, log_index=first + at) for at, event in enumerate(events)]


def interpret(*events: Event, links: Links | None = None, first: int = 10) -> list[Action]:
    """The actions of a transaction whose logs begin at index `first`."""
    return Interpreter(MARKET, AGENT).interpret(numbered(events, first), links or Links(RWA, RWA))


def words(actions: list[Action]) -> list[tuple[str, int]]:
    """(kind, ordinal) of each action."""
    return [(type(action).__name__, action.ordinal) for action in actions]


def at(block: int = 5, seconds: int = NOW) -> At:
    return At(block, f"0x{block:064x}", seconds, datetime.fromtimestamp(seconds, UTC), f"0x{block:064x}")


def a_market(**changes: Any) -> MarketState:
    return replace(MarketState(250, SELLER, RWA, RWA, (RWA,), {RWA: AGENT}, 70, {RWA: SELLER}), **changes)


def an_asset(**changes: Any) -> AssetState:
    """Token 1, minted to the seller in block 1, for 9 wei."""
    born = Minted(0, 0, RWA, 1, SELLER, "ipfs://1", 9, METADATA)
    asset = fold_asset(None, born, at(1, NOW - 100), a_market()).asset
    return replace(asset, **changes)


def told(
    *events: Event, asset: AssetState | None = None, block: int = 5, market: MarketState | None = None
) -> Any:
    """(asset, rows) after a transaction about token 1."""
    market = market or a_market()
    rows: list[Any] = []
    for action in interpret(*events, links=Links(market.marketplace_asset, market.agent_asset)):
        if isinstance(action, AssetAction):
            folded = fold_asset(asset, action, at(block), market)
            asset, rows = folded.asset, rows + list(folded.rows)
        elif isinstance(action, MarketAction):
            market = fold_market(market, action)
    return asset, rows


NOBODY = ZERO
