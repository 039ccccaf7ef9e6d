"""What is true after a block: a small replay of the canonical chain's logs into plain dictionaries.

Shares no code with the program. A state is never changed, but copied where something changes, so that every
block of every branch keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from tests.property.model_chain import DEPLOYED_AT, Block, ModelChain
from tests.property.model_contracts import AGENT, AGENT2, MARKET, PEOPLE, RWA, RWA2
from tests.simulation.oracle import documents
from tests.simulation.oracle.reading import Said, meaning, spelled
from tests.simulation.oracle.sales import transfers_of_sales

NOBODY = "0x" + "0" * 40
ROLES = {RWA: "asset", RWA2: "asset", AGENT: "agent", AGENT2: "agent", MARKET: "marketplace"}
AT_FIRST = {
    "feeBps": 250, "feeCollector": PEOPLE[0], "marketplaceAsset": RWA, "agentAsset": RWA,
    "assetContracts": [RWA], "pricingAgents": {}, "minimumConfidence": 70, "owners": {},
}  # fmt: skip
Key = tuple[str, Any]


@dataclass
class Truth:
    """After a block: the states, and what the block itself added to the books."""

    block: Block
    market: dict[str, Any]
    assets: dict[Key, dict[str, Any]] = field(default_factory=dict)
    approvals: dict[Key, bool] = field(default_factory=dict)
    touched: set[Key] = field(default_factory=set)
    spoken: set[Key] = field(default_factory=set)
    """Owners whose approval the block says something of."""
    deeds: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    bad: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, Any] | None = None
    said: int = 0
    """Logs of ours up to here."""
    unreadable: int = 0
    rolling: bytes = bytes(32)


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
        _Transaction(self._now, block, logs, events).play()

    def _set_aside(self, block: Block, log: Any) -> None:
        self._now.unreadable += 1
        self._now.bad.append(documents.quarantined(block, log))


class Unheard(Exception):
    """An event speaks of a token whose mint was never seen."""


class _Transaction:
    """The events of one transaction, with what is known from looking at all of them first."""

    def __init__(self, now: Truth, block: Block, logs: Sequence[Any], events: list[Said]) -> None:
        self.now, self.block, self.logs, self.events = now, block, logs, events
        self.at = documents.place(block, logs)
        linked = now.market["marketplaceAsset"]
        self.sales = transfers_of_sales(events, linked, MARKET)
        self.minted = {(e.emitter, e.values["tokenId"]): e.values for e in events if e.name == "AssetMinted"}

    def play(self) -> None:
        for ordinal, event in enumerate(self.events):
            handler = getattr(self, f"_{event.name}", None)
            try:
                if handler is not None:
                    handler(ordinal, event, **event.values)
            except Unheard:
                self._set_aside(event)

    def _set_aside(self, event: Said) -> None:
        log = next(log for log in self.logs if int(log.log_index, 16) == event.at)
        self.now.unreadable += 1
        self.now.bad.append(documents.quarantined(self.block, log))

    # --- assets -----------------------------------------------------------------------

    def _Transfer(self, ordinal: int, event: Said, **said: Any) -> None:
        key = (event.emitter, said["tokenId"])
        if said["from"] == NOBODY:
            self._mint(ordinal, event, key, said["to"])
        elif ordinal in self.sales:
            sale = self.events[self.sales[ordinal]].values
            self._sell(ordinal, event, key, sale, moved=True)
        else:
            self._change(event, key, **self._moved(key, said["to"]))
            self._deed(ordinal, event, key, "transfer", None, said["from"], said["to"])

    def _mint(self, ordinal: int, event: Said, key: Key, to: str) -> None:
        told = self.minted.get(key, {})
        price, time = told.get("initialPrice"), self.block.header.timestamp
        place = (self.block.number, event.at)
        self._put(key, {
            "contract": key[0], "token": key[1], "owner": to, "since": time, "price": price or 0, "priceAt": time,
            "confidence": None, "approved": None, "listing": None, "mint": (*place, self.at["transactionHash"]),
            "mintedAt": time, "updated": place, "uri": told.get("tokenURI"), "initial": price,
            "metadata": metadata_of(self.block, key),
        })  # fmt: skip
        self._deed(ordinal, event, key, "mint", price, None, to)
        if price is not None:
            self._point(ordinal, event, key, "mint", price)

    def _sell(self, ordinal: int, event: Said, key: Key, sale: dict[str, Any], *, moved: bool) -> None:
        self._vacate(event, key)
        change = self._moved(key, sale["buyer"]) if moved else {}
        self._change(event, key, **change, listing=None)
        fee = sale["price"] * self.now.market["feeBps"] // 10_000
        self._deed(ordinal, event, key, "buy", sale["price"], sale["seller"], sale["buyer"], fee)
        self._point(ordinal, event, key, "sale", sale["price"])

    def _AssetSold(self, ordinal: int, event: Said, **said: Any) -> None:
        if ordinal not in self.sales.values():
            self._sell(ordinal, event, self._listed_key(said), said, moved=False)

    def _AssetListed(self, ordinal: int, event: Said, **said: Any) -> None:
        key = self._listed_key(said)
        self._vacate(event, key)
        self._change(event, key, listing=(said["seller"], said["price"], self.block.header.timestamp))
        self._deed(ordinal, event, key, "list", said["price"], said["seller"], None)
        self._point(ordinal, event, key, "user-listing", said["price"])

    def _AssetDelisted(self, ordinal: int, event: Said, **said: Any) -> None:
        key = self._listed_key(said)
        self._vacate(event, key)
        listing = self._asset(key)["listing"]
        self._change(event, key, listing=None)
        self._deed(ordinal, event, key, "delist", listing and listing[1], said["seller"], None)

    def _Approval(self, _: int, event: Said, **said: Any) -> None:
        approved = None if said["approved"] == NOBODY else said["approved"]
        self._change(event, (event.emitter, said["tokenId"]), approved=approved)

    def _PriceUpdated(self, ordinal: int, event: Said, **said: Any) -> None:
        if "dataSource" in said:
            return
        key, told = (event.emitter, said["tokenId"]), self._explanation(ordinal, event)
        score, source = told.get("confidenceScore"), told.get("dataSource")
        self._change(
            event, key, price=said["newPrice"], priceAt=self.block.header.timestamp, confidence=score
        )
        kind = "ai-oracle" if told else "direct"
        self._point(ordinal, event, key, kind, said["newPrice"], source, score)

    def _explanation(self, ordinal: int, event: Said) -> dict[str, Any]:
        """The agent's own log, directly after the one of the contract that it prices."""
        following = self.events[ordinal + 1 : ordinal + 2]
        for agent in following if event.emitter == self.now.market["agentAsset"] else ():
            if agent.name == "PriceUpdated" and all(
                agent.values.get(n) == v for n, v in event.values.items()
            ):
                return agent.values if "dataSource" in agent.values else {}
        return {}

    # --- configuration ----------------------------------------------------------------

    def _ApprovalForAll(self, _: int, event: Said, owner: str, operator: str, approved: bool) -> None:
        if operator == MARKET:
            key = (event.emitter, owner)
            self.now.spoken.add(key)
            self.now.approvals = {**self.now.approvals, key: approved}

    def _MarketplaceFeeUpdated(self, _: int, __: Said, **said: Any) -> None:
        self._configure(feeBps=said["newFee"])

    def _FeeCollectorUpdated(self, _: int, __: Said, **said: Any) -> None:
        self._configure(feeCollector=said["newCollector"])

    def _MinimumConfidenceScoreUpdated(self, _: int, event: Said, **said: Any) -> None:
        if event.emitter == AGENT:
            self._configure(minimumConfidence=said["newScore"])

    def _PricingAgentUpdated(self, _: int, event: Said, **said: Any) -> None:
        agents = {**self.now.market["pricingAgents"], event.emitter: said["newAgent"]}
        self._configure(pricingAgents=agents)

    def _OwnershipTransferred(self, _: int, event: Said, **said: Any) -> None:
        self._configure(owners={**self.now.market["owners"], event.emitter: said["newOwner"]})

    def _RWAAssetContractUpdated(self, _: int, event: Said, **said: Any) -> None:
        name = {MARKET: "marketplaceAsset", AGENT: "agentAsset"}.get(event.emitter)
        if name:
            known, new = self.now.market["assetContracts"], said["newContract"]
            contracts = known if new in known else [*known, new]
            self._configure(**{name: new, "assetContracts": contracts})

    def _configure(self, **changes: Any) -> None:
        self.now.market = {**self.now.market, **changes}

    # --- what they rest on --------------------------------------------------------------

    def _listed_key(self, said: dict[str, Any]) -> Key:
        return self.now.market["marketplaceAsset"], said["tokenId"]

    def _moved(self, key: Key, to: str) -> dict[str, Any]:
        asset = self._asset(key)
        since = asset["since"] if asset["owner"] == to else self.block.header.timestamp
        return {"owner": to, "since": since, "approved": None}

    def _change(self, event: Said, key: Key, **changes: Any) -> None:
        place = (self.block.number, event.at)
        self._put(key, {**self._asset(key), "updated": place, **changes})

    def _asset(self, key: Key) -> dict[str, Any]:
        if key not in self.now.assets:
            raise Unheard
        return self.now.assets[key]

    def _put(self, key: Key, asset: dict[str, Any]) -> None:
        self.now.touched.add(key)
        self.now.assets = {**self.now.assets, key: asset}

    def _vacate(self, event: Said, key: Key) -> None:
        """The marketplace has one listing per token id, whichever contract it points to at the time."""
        for contract in self.now.market["assetContracts"]:
            other = self.now.assets.get((contract, key[1]))
            if contract != key[0] and other is not None and other["listing"] is not None:
                self._change(event, (contract, key[1]), listing=None)

    def _deed(self, ordinal: int, event: Said, key: Key, *told: Any) -> None:
        self.now.deeds.append(documents.deed(self.at, ordinal, event.at, key, *told))

    def _point(self, ordinal: int, event: Said, key: Key, *told: Any) -> None:
        self.now.points.append(documents.point(self.at, ordinal, event.at, key, *told))


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


def metadata_of(block: Block, key: Key) -> list[Any] | None:
    """What the contract says of the token: it never changes."""
    told = block.contracts.collections[key[0]].texts.get(key[1])
    return (
        None if told is None else [t.decode("utf-8", "replace") if isinstance(t, bytes) else t for t in told]
    )


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
