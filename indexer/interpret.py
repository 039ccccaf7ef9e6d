"""The logs of one transaction → what it did.

One log does not say what happened: a mint is told by three logs, the oracle's price by two, a sale by
a Transfer and, after whatever the buyer's contract does in its callback, an AssetSold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chain.addresses import ZERO
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
    FeeCollectorUpdated,
    MarketplaceFeeUpdated,
    MinimumConfidenceScoreUpdated,
    OwnershipTransferred,
    PricingAgentUpdated,
    RWAAssetContractUpdated,
    Transfer,
)
from chain.values import Address
from indexer.actions import (
    Action,
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
from indexer.state import AssetKey, Links


class Interpreter:
    """Knows the marketplace, since only approvals given to it and sales made on it matter."""

    def __init__(self, marketplace: Address, agent: Address) -> None:
        self.marketplace = marketplace
        self.agent = agent

    def interpret(self, events: Sequence[Event], links: Links) -> list[Action]:
        """The actions of one transaction, in log order; `links` are those in force before it."""
        return _Reading(events, links, self).actions()


class _Reading:
    """One transaction being read; an `ordinal` is the position of an event in it."""

    def __init__(self, events: Sequence[Event], links: Links, known: Interpreter) -> None:
        self.events = events
        self.marketplace = known.marketplace
        self.agent = known.agent
        self.marketplace_asset, self.agent_asset = links
        self.sales: dict[int, AssetSold] = {}
        self.paired: set[int] = set()
        self.mints: dict[AssetKey, AssetMinted] = {}
        if len(events) > 1:
            self._look_ahead()

    def _look_ahead(self) -> None:
        """Find what is told later in the transaction than it happened."""
        for event in self.events:
            if type(event) is AssetMinted:
                self.mints[event.contract, event.token_id] = event
            elif type(event) is AssetSold and not self.sales:
                self.sales = pair_sales(self.events, self.marketplace_asset, self.marketplace)
                self.paired = {id(sold) for sold in self.sales.values()}

    def actions(self) -> list[Action]:
        found: list[Action] = []
        for ordinal, event in enumerate(self.events):
            read = _READERS.get(type(event))
            action = read(self, ordinal, event) if read is not None else None
            if action is not None:
                found.append(action)
        return found

    def _explained_by_agent(self, ordinal: int, priced: AssetPriceUpdated) -> AgentPriceUpdated | None:
        """The agent's log directly after the asset contract's, about the same change."""
        if priced.contract != self.agent_asset or ordinal + 1 >= len(self.events):
            return None
        follower = self.events[ordinal + 1]
        if type(follower) is not AgentPriceUpdated:
            return None
        told = (follower.token_id, follower.old_price, follower.new_price)
        return follower if told == (priced.token_id, priced.old_price, priced.new_price) else None

    def transfer(self, ordinal: int, event: Transfer) -> Action:
        if event.from_ == ZERO:
            return self._mint(ordinal, event)
        sold = self.sales.get(ordinal)
        if sold is not None:
            return Sold(
                event.log_index, ordinal, event.contract, event.token_id, sold.seller, sold.buyer, sold.price
            )
        return Transferred(event.log_index, ordinal, event.contract, event.token_id, event.from_, event.to)

    def _mint(self, ordinal: int, event: Transfer) -> Minted:
        minted = self.mints.get((event.contract, event.token_id))
        uri, price = (minted.token_uri, minted.initial_price) if minted else (None, None)
        return Minted(event.log_index, ordinal, event.contract, event.token_id, event.to, uri, price)

    def price(self, ordinal: int, event: AssetPriceUpdated) -> Action:
        told = self._explained_by_agent(ordinal, event)
        source, score = (told.data_source, told.confidence_score) if told else (None, None)
        return PriceSet(
            event.log_index, ordinal, event.contract, event.token_id, event.new_price, source, score
        )

    def listed(self, ordinal: int, event: AssetListed) -> Action:
        return Listed(
            event.log_index, ordinal, self.marketplace_asset, event.token_id, event.seller, event.price
        )

    def delisted(self, ordinal: int, event: AssetDelisted) -> Action:
        return Delisted(event.log_index, ordinal, self.marketplace_asset, event.token_id, event.seller)

    def sold(self, ordinal: int, event: AssetSold) -> Action | None:
        if id(event) in self.paired:
            return None
        return Sold(
            event.log_index,
            ordinal,
            self.marketplace_asset,
            event.token_id,
            event.seller,
            event.buyer,
            event.price,
            moved=False,
        )

    def approval(self, ordinal: int, event: Approval) -> Action:
        approved = None if event.approved == ZERO else event.approved
        return Approved(event.log_index, ordinal, event.contract, event.token_id, approved)

    def approval_for_all(self, ordinal: int, event: ApprovalForAll) -> Action | None:
        if event.operator != self.marketplace:
            return None
        return OperatorSet(event.log_index, ordinal, event.contract, event.owner, event.approved)

    def linked(self, ordinal: int, event: RWAAssetContractUpdated) -> Action | None:
        if event.contract == self.marketplace:
            self.marketplace_asset = event.new_contract
            return MarketplaceLinked(event.log_index, ordinal, event.new_contract)
        if event.contract != self.agent:
            return None
        self.agent_asset = event.new_contract
        return AgentLinked(event.log_index, ordinal, event.new_contract)


def pair_sales(events: Sequence[Event], linked: Address, marketplace: Address) -> dict[int, AssetSold]:
    """Find the Transfer of each AssetSold: ordinal of the Transfer → the sale it belongs to.

    AssetSold is logged last, after the callbacks of buyer and seller. Its Transfer is the first unpaired
    seller→buyer one after the bought listing, or of the whole transaction if the listing is older; the
    last one where none follows a listing at the same price (a re-list in the callback).
    """
    transfers: dict[tuple[Address, int, Address, Address], list[int]] = {}
    listings: dict[tuple[int, Address, int], int] = {}
    sales: dict[int, AssetSold] = {}
    for ordinal, event in enumerate(events):
        if isinstance(event, Transfer):
            move = (event.contract, event.token_id, event.from_, event.to)
            transfers.setdefault(move, []).append(ordinal)
        elif isinstance(event, AssetListed):
            listings[event.token_id, event.seller, event.price] = ordinal
        elif isinstance(event, RWAAssetContractUpdated) and event.contract == marketplace:
            linked = event.new_contract
        elif isinstance(event, AssetSold):
            candidates = transfers.get((linked, event.token_id, event.seller, event.buyer))
            if candidates:
                listed = listings.get((event.token_id, event.seller, event.price), -1)
                chosen = next((n for n in candidates if n > listed), candidates[-1])
                sales[chosen] = event
                candidates.remove(chosen)
    return sales


_READERS: dict[type[Event], Callable[..., Action | None]] = {
    Transfer: _Reading.transfer,
    AssetPriceUpdated: _Reading.price,
    AssetListed: _Reading.listed,
    AssetDelisted: _Reading.delisted,
    AssetSold: _Reading.sold,
    Approval: _Reading.approval,
    ApprovalForAll: _Reading.approval_for_all,
    RWAAssetContractUpdated: _Reading.linked,
    MarketplaceFeeUpdated: lambda _, n, e: FeeSet(e.log_index, n, e.new_fee),
    FeeCollectorUpdated: lambda _, n, e: FeeCollectorSet(e.log_index, n, e.new_collector),
    MinimumConfidenceScoreUpdated: lambda r, n, e: (
        MinimumConfidenceSet(e.log_index, n, e.new_score) if e.contract == r.agent else None
    ),
    PricingAgentUpdated: lambda _, n, e: PricingAgentSet(e.log_index, n, e.contract, e.new_agent),
    OwnershipTransferred: lambda _, n, e: ContractOwnerSet(e.log_index, n, e.contract, e.new_owner),
}
