"""What one transaction did, by its events: to assets, to approvals, and to how the contracts are set up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.property.model_chain import Block
from tests.property.model_contracts import AGENT, MARKET
from tests.simulation.oracle import documents
from tests.simulation.oracle.reading import Said
from tests.simulation.oracle.sales import transfers_of_sales
from tests.simulation.oracle.truth import Key, Truth

NOBODY = "0x" + "0" * 40


class Unheard(Exception):
    """An event speaks of a token whose mint was never seen."""


class Transaction:
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


def metadata_of(block: Block, key: Key) -> list[Any] | None:
    """What the contract says of the token: it never changes."""
    told = block.contracts.collections[key[0]].texts.get(key[1])
    return (
        None if told is None else [t.decode("utf-8", "replace") if isinstance(t, bytes) else t for t in told]
    )
