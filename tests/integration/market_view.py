"""What a market looks like: the views of its contracts, and what receipts say in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain.contracts import Abi, decode_arguments, load_artifact, signature
from chain.transactions import Deployed, DevRpc, NodeReceipt, view
from chain.values import Address

ZERO = "0x" + 40 * "0"
ROLES = {"RWA": "RWAAssetContract", "AGENT": "DynamicPricingAgent", "MARKET": "MarketplaceContract"}
ABIS = [load_artifact(name).abi for name in ROLES.values()]


class Said(NamedTuple):
    """A decoded log: `RWA.Transfer` and its arguments by ABI name; `?.…` from an address we do not know."""

    name: str
    args: dict[str, Any]


class MarketView:
    """Three deployed contracts to ask; `asset` is the asset contract in use."""

    def __init__(self, rpc: DevRpc, deployed: Deployed) -> None:
        self.rpc, self.deployed = rpc, deployed
        self.asset, self.agent, self.market = deployed.asset, deployed.agent, deployed.marketplace
        self.known: dict[Address, tuple[str, str]] = dict(
            zip((self.asset, self.agent, self.market), ROLES.items(), strict=True)
        )

    def view(self, contract: Address, function: str, *args: Any, block: str = "latest") -> Any:
        """Ask a contract; structs come back as dicts by field name."""
        return view(self.rpc, contract, self.abi_of(contract), function, *args, block=block)

    def owner_of(self, token_id: int) -> Address:
        return str(self.view(self.asset, "ownerOf", token_id))

    def price(self, token_id: int) -> int:
        return int(self.view(self.asset, "getPrice", token_id))

    def listing(self, token_id: int) -> dict[str, Any]:
        """tokenId, seller, price, isActive, listedTimestamp."""
        return dict(self.view(self.market, "getListing", token_id))

    def active(self) -> Sequence[int]:
        """Ids the marketplace calls active, stale ones included, in its order."""
        return [listing["tokenId"] for listing in self.view(self.market, "getActiveListings")]

    def balance(self, address: Address) -> int:
        return int(self.rpc.call("eth_getBalance", address, "latest"), 16)

    def token_of(self, receipt: NodeReceipt) -> int:
        """Return the first token minted in a transaction."""
        minted = [said for said in self.events(receipt) if said.name.endswith(".Transfer")]
        return int(next(said.args["tokenId"] for said in minted if said.args["from"] == ZERO))

    def names(self, receipt: NodeReceipt) -> Sequence[str]:
        """Return what was logged, in order: `RWA.Transfer`, `MARKET.AssetSold`, …"""
        return [said.name for said in self.events(receipt)]

    def events(self, receipt: NodeReceipt) -> Sequence[Said]:
        """Decode a receipt's logs by what their addresses are known to be."""
        return [self._decode(log) for log in receipt["logs"]]

    def abi_of(self, contract: Address) -> Abi:
        """Return the ABI of a contract this market knows."""
        return load_artifact(self.known[contract][1]).abi

    def _decode(self, log: dict[str, Any]) -> Said:
        label, artifact = self.known.get(to_checksum_address(log["address"]), ("?", ""))
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        events = load_artifact(artifact).abi if artifact else []
        for entry in (entry for entry in events if entry["type"] == "event"):
            if topics and keccak(text=signature(entry)) == topics[0]:
                return Said(f"{label}.{entry['name']}", _arguments(entry, topics[1:], log["data"]))
        return Said(f"{label}.unknown", {"topics": topics, "data": log["data"]})


def _arguments(entry: dict[str, Any], topics: Sequence[bytes], data: str) -> dict[str, Any]:
    indexed = [argument for argument in entry["inputs"] if argument["indexed"]]
    plain = [argument for argument in entry["inputs"] if not argument["indexed"]]
    values = decode_arguments(indexed, b"".join(topics)) + decode_arguments(plain, bytes.fromhex(data[2:]))
    named = dict(zip([argument["name"] for argument in indexed + plain], values, strict=True))
    return {argument["name"]: named[argument["name"]] for argument in entry["inputs"]}
