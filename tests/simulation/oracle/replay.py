"""What is true after a block: a small replay of the canonical chain's logs into plain dictionaries.

Shares no code with the program. A state is never changed, but copied where something changes, so that every
block of every branch keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from tests.property.model_chain import DEPLOYED_AT, Block, ModelChain
from tests.property.model_contracts import AGENT, AGENT2, MARKET, PEOPLE, RWA, RWA2
from tests.simulation.oracle import documents
from tests.simulation.oracle.reading import Said, meaning, spelled
from tests.simulation.oracle.transaction import Transaction
from tests.simulation.oracle.truth import Truth

ROLES = {RWA: "asset", RWA2: "asset", AGENT: "agent", AGENT2: "agent", MARKET: "marketplace"}
AT_FIRST = {
    "feeBps": 250, "feeCollector": PEOPLE[0], "marketplaceAsset": RWA, "agentAsset": RWA,
    "assetContracts": [RWA], "pricingAgents": {}, "minimumConfidence": 70, "owners": {},
}  # fmt: skip


class Oracle:
    """Answers for any block of the tree; what was computed once is kept."""

    def __init__(self, chain: ModelChain) -> None:
        self._chain = chain
        genesis = chain.genesis
        self._known = {genesis.hash: Truth(genesis, AT_FIRST)}

    def after(self, block: Block) -> Truth:
        missing = []
        while block.hash not in self._known:
            missing.append(block)
            block = self._chain.blocks[block.header.parent_hash]
        for each in reversed(missing):
            before = self._known[each.header.parent_hash]
            self._known[each.hash] = Turn(self._chain, before, each).truth()
        return self._known[missing[0].hash if missing else block.hash]

    def line(self, tip: Block) -> list[Truth]:
        """Of every block from the first that is indexed up to a tip."""
        self.after(tip)
        return [self._known[each.hash] for each in self._chain.branch(tip)[DEPLOYED_AT:]]


class Turn:
    """One block being replayed."""

    def __init__(self, chain: ModelChain, before: Truth, block: Block) -> None:
        self._chain, self._before, self._block = chain, before, block
        self._now = Truth(
            block, before.market, before.assets, before.approvals,
            said=before.said, unreadable=before.unreadable, rolling=before.rolling,
        )  # fmt: skip

    def truth(self) -> Truth:
        if not self._block.logs:
            return self._now
        logs, joined = self._followed()
        earlier = list(self._history(joined))
        for block, some in [*earlier, (self._block, logs)]:
            for transaction in in_transactions(some):
                self._play(block, transaction)
        count = len(logs) + sum(len(some) for _, some in earlier)
        if count:
            self._now.said += count
            self._now.rolling = self._rolled(logs, earlier)
            self._now.events = documents.events_of(self._block, logs, earlier, self._now.rolling)
        return self._now

    # --- whose logs count -------------------------------------------------------------

    def _followed(self) -> tuple[list[Any], list[str]]:
        """The block's logs of contracts followed before or linked in it, and the asset contracts that join."""
        market = self._before.market
        wanted = {AGENT, MARKET, *market["assetContracts"], *market["pricingAgents"].values()}
        while True:
            logs = [log for log in self._block.logs if spelled(log.address) in wanted]
            linked = {address for log in logs for address in links(log)}
            if linked <= wanted:
                break
            wanted |= linked
        known = set(market["assetContracts"])
        return logs, [each for log in logs for each in asset_links(log) if each not in known]

    def _history(self, joined: Iterable[str]) -> Iterator[tuple[Block, list[Any]]]:
        """What asset contracts logged before the block that links them for the first time."""
        fresh = set(joined)
        for block in self._chain.branch(self._block)[DEPLOYED_AT:-1] if fresh else ():
            logs = [log for log in block.logs if spelled(log.address) in fresh]
            if logs:
                yield block, logs

    def _rolled(self, logs: Sequence[Any], earlier: Iterable[tuple[Block, Sequence[Any]]]) -> bytes:
        told = [*said_of(self._block, logs), [[*said_of(block, some), []] for block, some in earlier]]
        return sha256(self._before.rolling + msgspec.msgpack.encode(told)).digest()

    # --- what a transaction did ---------------------------------------------------------

    def _play(self, block: Block, logs: Sequence[Any]) -> None:
        events: list[Said] = []
        for log in logs:
            told = meaning(ROLES[spelled(log.address)], tuple(log.topics), log.data)
            if told is None:
                self._set_aside(block, log)
            else:
                events.append(Said(spelled(log.address), int(log.log_index, 16), *told))
        Transaction(self._now, block, logs, events).play()

    def _set_aside(self, block: Block, log: Any) -> None:
        self._now.unreadable += 1
        self._now.bad.append(documents.quarantined(block, log))


def in_transactions(logs: Sequence[Any]) -> list[list[Any]]:
    found: dict[str, list[Any]] = {}
    for log in logs:
        found.setdefault(log.transaction_hash, []).append(log)
    return list(found.values())


def said_of(block: Block, logs: Sequence[Any]) -> list[Any]:
    """What the rolling digest takes in of a block."""
    transactions = [
        [some[0].transaction_hash, int(some[0].transaction_index, 16), [documents.raw(log) for log in some]]
        for some in in_transactions(logs)
    ]
    return [block.number, block.hash, transactions]


def asset_links(log: Any) -> list[str]:
    """The asset contract that the marketplace or the agent is pointed to."""
    emitter = spelled(log.address)
    told = meaning(ROLES[emitter], tuple(log.topics), log.data)
    linking = told is not None and told[0] == "RWAAssetContractUpdated" and emitter in (MARKET, AGENT)
    return [told[1]["newContract"]] if told is not None and linking else []


def links(log: Any) -> list[str]:
    """The same, and the pricing agent that an asset contract is pointed to."""
    told = meaning(ROLES[spelled(log.address)], tuple(log.topics), log.data)
    agent = [told[1]["newAgent"]] if told is not None and told[0] == "PricingAgentUpdated" else []
    return agent + asset_links(log)
