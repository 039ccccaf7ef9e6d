"""The real contracts on a development chain, with one eventful block at a time, and reorgs."""

from __future__ import annotations

import time
from typing import NamedTuple

from chain.contracts import load_abi
from chain.transactions import Deployed, DevRpc, Transaction, accounts, call_transaction, deploy_market, send

METADATA = ("A house", "real-estate", "Lisbon, PT", 1_600_000_000, "A house with a garden.", False)
EVENTS_PER_BLOCK = 5
ETHER = 10**18


class Mined(NamedTuple):
    """A new head; `at` is the monotonic clock (`time.perf_counter`) when the node had made it."""

    number: int
    hash: str
    at: float


class LiveMarket:
    """Deploys the contracts, then makes blocks on demand."""

    def __init__(self, rpc: DevRpc) -> None:
        self.rpc = rpc
        self.deployer, self.holder = accounts(rpc)[:2]
        self.deployed: Deployed = deploy_market(rpc, self.deployer)
        self.tokens = 0
        rpc.call("evm_setAutomine", False)

    def mine(self) -> Mined:
        """One block with five events: a mint (three logs) and the oracle's price of it (two)."""
        self.tokens += 1
        for transaction in (self._mint(), self._price(self.tokens, 2 * ETHER)):
            send(self.rpc, transaction)
        self.rpc.call("evm_mine")
        return self._head()

    def reorg(self, depth: int) -> Mined:
        """Replace the newest blocks by as many others, each with another price of the first token."""
        replacements = [[self._price(1, (3 + index) * ETHER).request(), index] for index in range(depth)]
        self.rpc.call("anvil_reorg", depth, replacements)
        mined = self._head()
        # The mints of the replaced blocks are gone, and so are their token ids.
        self.tokens -= depth
        return mined

    def _head(self) -> Mined:
        at = time.perf_counter()
        block = self.rpc.call("eth_getBlockByNumber", "latest", False)
        return Mined(int(block["number"], 16), str(block["hash"]), at)

    def _mint(self) -> Transaction:
        arguments = (self.holder, f"ipfs://asset/{self.tokens}.json", ETHER, METADATA)
        asset = self.deployed.asset
        return call_transaction(self.deployer, asset, load_abi("RWAAssetContract"), "mint", *arguments)

    def _price(self, token: int, price_wei: int) -> Transaction:
        arguments = (token, price_wei, "county-registry", 90)
        agent = self.deployed.agent
        return call_transaction(
            self.deployer, agent, load_abi("DynamicPricingAgent"), "updatePrice", *arguments
        )
