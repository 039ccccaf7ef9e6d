"""A market to act on: every deed as one method, on a development chain.

`MarketPlay(DevRpc(chain.url))` deploys the three contracts; each deed returns the node's receipt, its logs
included, and raises TransactionReverted where the contract refuses. Prices are wei. Strings may be bytes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import pytest
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain.contracts import encode_call, load_artifact
from chain.transactions import (
    Deployed,
    DevRpc,
    NodeReceipt,
    Transaction,
    TransactionReverted,
    accounts,
    deploy,
    deploy_market,
    execute,
    send,
    wait_receipt,
)
from chain.values import Address
from tests.integration.market_view import ABIS, MarketView

ETHER = 10**18
DEAD = to_checksum_address("0x" + 36 * "0" + "dead")
DEFAULT_ADMIN_ROLE = bytes(32)
ADMIN_ROLE = keccak(text="ADMIN_ROLE")
ORACLE_ROLE = keccak(text="ORACLE_ROLE")
Receipts = list[NodeReceipt]


class Metadata(NamedTuple):
    """AssetMetadata, in the ABI's order; `acquired_at` in Unix seconds, as the minter wrote it."""

    name: str | bytes = "Harbour warehouse"
    asset_type: str | bytes = "Real Estate"
    location: str | bytes = "Lisbon"
    acquired_at: int = 1_700_000_000
    description: str | bytes = "Brick, 1911"
    is_verified: bool = False


class MarketPlay(MarketView):
    """Three contracts and the people around them: `owner` is also admin, oracle and fee collector."""

    def __init__(self, rpc: DevRpc, deployed: Deployed | None = None) -> None:
        self.people = accounts(rpc)
        self.owner, self.alice, self.bob, self.carol, self.dave = self.people[:5]
        super().__init__(rpc, deployed or deploy_market(rpc, self.owner))
        self._actors: dict[tuple[Any, ...], Address] = {}
        self._held: list[str] | None = None

    # --- the asset contract ---

    def mint(
        self,
        to: Address | None = None,
        price_wei: int = 10 * ETHER,
        uri: str | bytes = "ipfs://harbour",
        metadata: Metadata | None = None,
    ) -> NodeReceipt:
        """Mint the next token; `token_of(receipt)` says which."""
        return self.act(
            self.owner, self.asset, "mint", to or self.alice, uri, price_wei, metadata or Metadata()
        )

    def mint_token(self, to: Address | None = None, price_wei: int = 10 * ETHER) -> int:
        """Mint, and return the token's id."""
        return self.token_of(self.mint(to, price_wei))

    def transfer(self, sender: Address, to: Address, token_id: int) -> NodeReceipt:
        return self.act(sender, self.asset, "transferFrom", sender, to, token_id)

    def safe_transfer(self, sender: Address, to: Address, token_id: int) -> NodeReceipt:
        """Transfer, and call a receiving contract."""
        name = "safeTransferFrom(address,address,uint256)"
        return self.act(sender, self.asset, name, sender, to, token_id)

    def approve(self, owner: Address, token_id: int, approved: Address | None = None) -> NodeReceipt:
        """Let someone (the marketplace) move one token; ZERO takes it back."""
        return self.act(owner, self.asset, "approve", approved or self.market, token_id)

    def approve_all(
        self, owner: Address, approved: bool = True, operator: Address | None = None
    ) -> NodeReceipt:
        """Let someone (the marketplace) move all tokens of an owner."""
        return self.act(owner, self.asset, "setApprovalForAll", operator or self.market, approved)

    def set_pricing_agent(self, agent: Address) -> NodeReceipt:
        return self.act(self.owner, self.asset, "setPricingAgent", agent)

    def set_price_directly(self, agent: Address, token_id: int, price_wei: int) -> NodeReceipt:
        """Set a price as the pricing agent itself, which an ordinary account can be."""
        return self.act(agent, self.asset, "updatePrice", token_id, price_wei)

    # --- the pricing agent ---

    def set_price(
        self, token_id: int, price_wei: int, source: str | bytes = "model-v3", score: int = 90
    ) -> NodeReceipt:
        """Set a price through the agent, as its oracle."""
        return self.act(self.owner, self.agent, "updatePrice", token_id, price_wei, source, score)

    def set_minimum_confidence(self, score: int) -> NodeReceipt:
        return self.act(self.owner, self.agent, "updateMinimumConfidenceScore", score)

    def grant(self, role: bytes, account: Address) -> NodeReceipt:
        return self.act(self.owner, self.agent, "grantRole", role, account)

    def revoke(self, role: bytes, account: Address) -> NodeReceipt:
        return self.act(self.owner, self.agent, "revokeRole", role, account)

    def renounce(self, role: bytes, account: Address) -> NodeReceipt:
        return self.act(account, self.agent, "renounceRole", role, account)

    def repoint_agent(self, asset: Address) -> NodeReceipt:
        return self.act(self.owner, self.agent, "updateRWAAssetContract", asset)

    # --- the marketplace ---

    def list(self, seller: Address, token_id: int, price_wei: int) -> NodeReceipt:
        """Offer a token the marketplace is approved for already."""
        return self.act(seller, self.market, "listAsset", token_id, price_wei)

    def approve_and_list(self, seller: Address, token_id: int, price_wei: int) -> NodeReceipt:
        """Approve the marketplace in one transaction and list in the next; returns the second receipt."""
        self.approve(seller, token_id)
        return self.list(seller, token_id, price_wei)

    def delist(self, seller: Address, token_id: int) -> NodeReceipt:
        return self.act(seller, self.market, "delistAsset", token_id)

    def buy(self, buyer: Address, token_id: int, value_wei: int | None = None) -> NodeReceipt:
        """Buy at the listed price, or send another amount."""
        value = self.listing(token_id)["price"] if value_wei is None else value_wei
        return self.act(buyer, self.market, "buy", token_id, value_wei=value)

    def set_fee(self, basis_points: int) -> NodeReceipt:
        return self.act(self.owner, self.market, "updateMarketplaceFee", basis_points)

    def set_collector(self, collector: Address) -> NodeReceipt:
        return self.act(self.owner, self.market, "updateFeeCollector", collector)

    def repoint_market(self, asset: Address) -> NodeReceipt:
        return self.act(self.owner, self.market, "updateRWAAssetContract", asset)

    # --- either of the two owned contracts ---

    def transfer_ownership(
        self, contract: Address, to: Address, sender: Address | None = None
    ) -> NodeReceipt:
        return self.act(sender or self.owner, contract, "transferOwnership", to)

    def renounce_ownership(self, contract: Address, sender: Address | None = None) -> NodeReceipt:
        return self.act(sender or self.owner, contract, "renounceOwnership")

    # --- more contracts ---

    def second_asset(self, name: str = "Second Vault", symbol: str = "DV2") -> Self:
        """Deploy another asset contract; return the same play with `asset` being that one."""
        address, _ = deploy(self.rpc, self.owner, "RWAAssetContract", name, symbol)
        self.known[address] = ("RWA2", "RWAAssetContract")
        other = copy.copy(self)
        other.asset = address
        return other

    def actor(self, name: str, *args: Any) -> Address:
        """Deploy a contract of contracts/actors, once for the same arguments (default: the marketplace)."""
        wants = any(entry["type"] == "constructor" and entry["inputs"] for entry in load_artifact(name).abi)
        key = (name, args or ((self.market,) if wants else ()))
        if key not in self._actors:
            self._actors[key], _ = deploy(self.rpc, self.owner, name, *key[1])
            self.known[self._actors[key]] = (name, name)
        return self._actors[key]

    def buy_and_relist(
        self, actor: Address, token_id: int, new_price_wei: int, value_wei: int, on_ether: bool = False
    ) -> NodeReceipt:
        """Have a Relister or SelfBuyer buy and list again within its callback."""
        args = (token_id, new_price_wei, on_ether)
        return self.act(self.dave, actor, "buyAndRelist", *args, value_wei=value_wei)

    def batch_buy(self, token_ids: Sequence[int]) -> NodeReceipt:
        """Buy several listed tokens in one transaction, through the BatchBuyer."""
        total = sum(self.listing(token_id)["price"] for token_id in token_ids)
        return self.act(self.dave, self.actor("BatchBuyer"), "buyAll", token_ids, value_wei=total)

    def batch_mint(self, to: Address, count: int, price_wei: int = ETHER) -> NodeReceipt:
        """Mint several tokens in one transaction, through the MultiMinter, which owns RWA meanwhile."""
        minter = self.actor("MultiMinter", self.asset)
        self.transfer_ownership(self.asset, minter)
        receipt = self.act(self.owner, minter, "mintMany", to, count, "ipfs://many", price_wei, Metadata())
        self.act(self.owner, minter, "handBack", self.owner)
        return receipt

    def batch_prices(self, token_ids: Sequence[int], prices_wei: Sequence[int]) -> NodeReceipt:
        """Set several prices in one transaction, through the BatchOracle."""
        oracle = self.actor("BatchOracle", self.agent)
        self.grant(ORACLE_ROLE, oracle)
        return self.act(self.owner, oracle, "updatePrices", token_ids, prices_wei, "model-v3", 90)

    def emit_raw(self, address: Address, topics: Sequence[bytes], data: bytes = b"") -> NodeReceipt:
        """Make any address, a followed contract even, log anything at all; not inside `one_block`."""
        own_code = self.rpc.call("eth_getCode", address, "latest")
        emitter = self.rpc.call("eth_getCode", self.actor("RawEmitter"), "latest")
        self.rpc.call("anvil_setCode", address, emitter)
        try:
            call = encode_call(load_artifact("RawEmitter").abi, "emitRaw", (topics, data))
            return self.perform(Transaction(self.owner, address, call))
        finally:
            self.rpc.call("anvil_setCode", address, own_code)

    # --- doing ---

    def act(self, sender: Address, to: Address, function: str, *args: Any, value_wei: int = 0) -> NodeReceipt:
        """Call any function of a contract this play knows."""
        return self.perform(Transaction(sender, to, encode_call(self.abi_of(to), function, args), value_wei))

    def perform(self, transaction: Transaction) -> NodeReceipt:
        """Send; inside `one_block` the answer holds nothing but the hash, and no logs yet."""
        if self._held is None:
            return execute(self.rpc, transaction, ABIS)
        self._held.append(send(self.rpc, transaction))
        return {"transactionHash": self._held[-1], "logs": []}

    @contextmanager
    def one_block(self) -> Iterator[Receipts]:
        """Put everything done inside into one block; the list has the receipts, refused ones too, after it."""
        self.rpc.call("evm_setAutomine", False)
        receipts: Receipts = []
        self._held = []
        try:
            yield receipts
            self.rpc.call("evm_mine")
            receipts.extend(wait_receipt(self.rpc, sent) for sent in self._held)
        finally:
            self._held = None
            self.rpc.call("evm_setAutomine", True)

    @contextmanager
    def refused(self, reason: str) -> Iterator[None]:
        """Require that what is done inside is mined, refused for this reason, and logs nothing."""
        with pytest.raises(TransactionReverted) as caught:
            yield
        assert reason in caught.value.reason
        assert (caught.value.receipt["status"], caught.value.receipt["logs"]) == ("0x0", [])
