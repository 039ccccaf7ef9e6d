"""Which contracts are followed: the configured ones, and those they have been pointed to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace

from chain.addresses import ZERO, to_checksum
from chain.decode import Decoder, event_topic
from chain.events import PricingAgentUpdated, RWAAssetContractUpdated
from chain.values import Address, BlockRef, Header
from indexer.blocks import DecodedBlock, LoggedBlock, decode_block
from indexer.gather import Gatherer
from indexer.settled import check_parent, linked
from indexer.state import MarketState

MAX_LINKS_PER_BLOCK = 16
ASSET_LINK = event_topic("RWAAssetContractUpdated(address,address)")
LINKS = frozenset({ASSET_LINK, event_topic("PricingAgentUpdated(address,address)")})


class EndlessLinks(RuntimeError):
    """A block links ever more contracts; somebody is playing with us."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """The configured addresses."""

    asset: Address
    agent: Address
    marketplace: Address


class Prepared(NamedTuple):
    """A block decoded with every contract that it links, and their earlier history."""

    decoded: DecodedBlock
    adopted: tuple[DecodedBlock, ...] = ()


class Rereading:
    """Decodes blocks that we keep; the node is not asked."""

    def __init__(self, contracts: Contracts, decoder: Decoder) -> None:
        self.contracts = contracts
        self._decoder = decoder
        decoder.follow(contracts.asset, "asset")
        decoder.follow(contracts.agent, "agent")
        decoder.follow(contracts.marketplace, "marketplace")

    def remember(self, block: LoggedBlock, market: MarketState) -> Prepared:
        """Decode a block of ours again; what it linked, it brought with it."""
        self._follow(market.asset_contracts, market)
        for topic, address in announced_in(block):
            self._decoder.follow(address, "asset" if topic == ASSET_LINK else "agent")
        decoded = decode_block(block, self._decoder)
        return Prepared(decoded, tuple(decode_block(earlier, self._decoder) for earlier in block.adopted))

    def _follow(self, asset_contracts: Iterable[Address], market: MarketState) -> None:
        for contract in asset_contracts:
            self._decoder.follow(contract, "asset")
        for agent in market.pricing_agents.values():
            if agent is not None:
                self._decoder.follow(agent, "agent")


class Following(Rereading):
    """Keeps the decoder and the address filter in step with the links the chain announces."""

    def __init__(
        self, contracts: Contracts, decoder: Decoder, gatherer: Gatherer, start_block: int, step: int
    ) -> None:
        super().__init__(contracts, decoder)
        self._gatherer = gatherer
        self._start_block = start_block
        self._step = step

    def news(self) -> dict[str, Any]:
        """What was found out about the chain's blooms and the checkpoint does not say yet."""
        return self._gatherer.blooms.news()

    def addresses(self, market: MarketState) -> list[Address]:
        """Everything whose logs we want, under the given configuration."""
        agents = [agent for agent in market.pricing_agents.values() if agent is not None]
        wanted = [self.contracts.agent, self.contracts.marketplace, *market.asset_contracts, *agents]
        return list(dict.fromkeys(wanted))

    def decode(self, block: LoggedBlock, market: MarketState) -> DecodedBlock:
        """Decode a block all of whose emitters the market state knows."""
        self._follow(market.asset_contracts, market)
        return decode_block(block, self._decoder)

    def prepare(
        self,
        header: Header,
        block: LoggedBlock | None,
        market: MarketState,
        unfinalized: Sequence[Header] = (),
    ) -> Prepared:
        """Decode a block, asking again for it as long as it links contracts we did not follow.

        `unfinalized` are the blocks below it that are not final, oldest first, as far as its parent.
        """
        asset_contracts = list(market.asset_contracts)
        known = self.addresses(market)
        for _ in range(MAX_LINKS_PER_BLOCK):
            block = block or self._gatherer.block(header, known)
            self._follow(asset_contracts, market)
            decoded = decode_block(block, self._decoder)
            joining = [address for address in self._new_assets_in(decoded) if address not in asset_contracts]
            agents = [address for address in new_agents_in(decoded) if address not in known]
            if not joining and not agents:
                fresh = [a for a in asset_contracts if a not in market.asset_contracts]
                return self._with_history(decoded, [*unfinalized, header], fresh)
            asset_contracts += joining
            known = list(dict.fromkeys([*known, *joining, *agents]))
            for agent in agents:
                self._decoder.follow(agent, "agent")
            block = None
        raise EndlessLinks(f"block {header.number} links more than {MAX_LINKS_PER_BLOCK} contracts")

    def links_strangers(self, decoded: DecodedBlock, addresses: Iterable[Address]) -> bool:
        """Whether other logs are wanted after this block: a contract joins, or an agent is replaced."""
        known, agents = set(addresses), new_agents_in(decoded)
        replaced = bool(agents) and any(
            agent != self.contracts.agent for agent in (*agents, *old_agents_in(decoded))
        )
        return replaced or any(a not in known for a in (*self._new_assets_in(decoded), *agents))

    def _with_history(
        self, decoded: DecodedBlock, branch: Sequence[Header], fresh: Sequence[Address]
    ) -> Prepared:
        if not fresh:
            return Prepared(decoded)
        earlier = [*self._final_history(fresh, branch[0]), *self._late_history(fresh, branch[:-1])]
        block = replace(decoded.block, adopted=tuple(earlier))
        adopted = tuple(decode_block(each, self._decoder) for each in earlier)
        return Prepared(decoded._replace(block=block), adopted)

    def _final_history(self, contracts: Sequence[Address], above: Header) -> Iterator[LoggedBlock]:
        """What newly linked asset contracts logged in final blocks, below one that is on our branch."""
        starts = range(self._start_block, above.number, self._step)
        ranges = (
            self._gatherer.range(first, min(first + self._step, above.number) - 1, contracts)
            for first in starts
        )
        tip: BlockRef | None = None
        for fetched in linked(ranges, None):
            yield from fetched.blocks
            tip = fetched.to_header.ref
        if tip is not None:
            check_parent(above.number, above.parent_hash, tip)

    def _late_history(self, contracts: Sequence[Address], branch: Iterable[Header]) -> Iterator[LoggedBlock]:
        """What they logged in blocks that may still be taken back: asked by hash, heights are ambiguous."""
        for header in branch:
            block = self._gatherer.block(header, contracts)
            if block.transactions:
                yield block

    def _new_assets_in(self, decoded: DecodedBlock) -> list[Address]:
        """Asset contracts that the marketplace or our agent is pointed to; no other agent counts."""
        speakers = (self.contracts.agent, self.contracts.marketplace)
        return [
            event.new_contract
            for transaction in decoded.transactions
            for event in transaction.events
            if type(event) is RWAAssetContractUpdated and event.contract in speakers
        ]


def announced_in(block: LoggedBlock) -> Iterator[tuple[bytes, Address]]:
    """topic0 and new address of every link, read from the raw logs: the emitters may not be followed yet."""
    for transaction in block.transactions:
        for log in transaction.logs:
            if log.topics[:32] in LINKS and len(log.topics) == 96:
                yield log.topics[:32], to_checksum(log.topics[76:96])


def may_link(block: LoggedBlock) -> bool:
    """Whether a raw block announces a link at all; cheap, since almost none does."""
    topics = [log.topics[:32] for transaction in block.transactions for log in transaction.logs]
    return not LINKS.isdisjoint(topics)


def old_agents_in(decoded: DecodedBlock) -> list[Address]:
    """Pricing agents that are replaced; nobody, before the first one."""
    return [
        event.old_agent
        for transaction in decoded.transactions
        for event in transaction.events
        if type(event) is PricingAgentUpdated and event.old_agent != ZERO
    ]


def new_agents_in(decoded: DecodedBlock) -> list[Address]:
    """Pricing agents that an asset contract is pointed to; one without code costs nothing to follow."""
    return [
        event.new_agent
        for transaction in decoded.transactions
        for event in transaction.events
        if type(event) is PricingAgentUpdated
    ]
