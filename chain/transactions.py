"""Transactions on a development chain, whose node signs for its own accounts.

Synchronous and for development only: the demo and the tests act on the market through it.

DevRpcError              the node refused a request
├── NodeGone             nobody answered
├── NotMined             the transaction is in no block yet
└── TransactionReverted  it is in a block, and the contract refused it
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec
from eth_utils.address import to_checksum_address

from chain.contracts import Abi, decode_result, decode_revert, encode_call, encode_deploy, load_artifact
from chain.values import Address, Hash

NodeReceipt = dict[str, Any]
"""A receipt, its `logs` included, exactly as the node spells it."""

RPC_SECONDS = 60.0
MINED_SECONDS = 10.0
POLL_SECONDS = 0.01
HTTP_OK = 200
BASE_GAS = 3_000_000
GAS_PER_BYTE = 900
"""Storing a byte of a string costs about 700, sending it 40."""
MOST_GAS = 16_000_000
"""Ethereum refuses a transaction that asks for more than 2^24."""


class DevRpcError(RuntimeError):
    """The node refused a request; `code` and `data` as in its JSON-RPC answer."""

    def __init__(self, message: str, code: int | None = None, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.data = code, data


class NodeGone(DevRpcError):
    """Nobody answers at that address; start the development chain first."""


class NotMined(DevRpcError):
    """The transaction is in no block yet; mine one, or wait longer."""


class TransactionReverted(DevRpcError):
    """The contract refused; `reason` is its own text or custom error, the receipt has status 0."""

    def __init__(self, reason: str, receipt: NodeReceipt) -> None:
        super().__init__(f"transaction {receipt['transactionHash']} reverted: {reason}")
        self.reason, self.receipt = reason, receipt


class DevRpc:
    """One kept-alive HTTP connection to a node; threads take turns."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self._path = parts.path or "/"
        self._connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port, timeout=RPC_SECONDS
        )
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the next call connects again."""
        self._connection.close()

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one request."""
        return self.batch([(method, params)])[0]

    def batch(self, requests: Iterable[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of `(method, params)` requests, in their order; the first error is raised."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(requests)
        ]
        if not body:
            return []
        with self._turn:
            answers = self._post(msgspec.json.encode(body))
        return [_result(answer) for answer in sorted(answers, key=lambda answer: int(answer["id"]))]

    def _post(self, body: bytes) -> list[dict[str, Any]]:
        try:
            self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NodeGone(f"no answer from {self.url}: {error!r}; is the development chain up?") from error
        if response.status != HTTP_OK:
            raise DevRpcError(f"{self.url} answered HTTP {response.status}: {text[:200]!r}")
        return msgspec.json.decode(text, type=list[dict[str, Any]])


@dataclass(frozen=True, slots=True)
class Transaction:
    """What to send: `data` is hex with 0x, `to` None creates a contract."""

    sender: Address
    to: Address | None
    data: str = "0x"
    value_wei: int = 0
    gas: int | None = None
    """None: plenty, by the length of the data. Never estimated, so that a refused one is mined too."""

    def request(self) -> dict[str, Any]:
        """Say it as `eth_sendTransaction` wants it."""
        gas = self.gas or min(BASE_GAS + GAS_PER_BYTE * (len(self.data) // 2), MOST_GAS)
        asked = {"from": self.sender, "data": self.data, "value": hex(self.value_wei), "gas": hex(gas)}
        return {**asked, "to": self.to} if self.to else asked


def accounts(rpc: DevRpc) -> list[Address]:
    """Return the accounts the node signs for, EIP-55."""
    return [to_checksum_address(account) for account in rpc.call("eth_accounts")]


def call_transaction(sender: Address, to: Address, abi: Abi, function: str, *args: Any) -> Transaction:
    """Return the transaction that calls a function without sending ether."""
    return Transaction(sender, to, encode_call(abi, function, args))


def send(rpc: DevRpc, transaction: Transaction) -> Hash:
    """Hand a transaction to the node and return its hash; it may not be mined yet."""
    return str(rpc.call("eth_sendTransaction", transaction.request()))


def execute(rpc: DevRpc, transaction: Transaction, abis: Iterable[Abi] = ()) -> NodeReceipt:
    """Send, wait until mined, and return the receipt; `abis` name the custom errors of a revert."""
    return succeeded(rpc, wait_receipt(rpc, send(rpc, transaction)), abis)


def wait_receipt(rpc: DevRpc, transaction_hash: Hash, seconds: float = MINED_SECONDS) -> NodeReceipt:
    """Return the receipt once the transaction is mined, whatever its status."""
    deadline = time.monotonic() + seconds
    while (receipt := rpc.call("eth_getTransactionReceipt", transaction_hash)) is None:
        if time.monotonic() > deadline:
            raise NotMined(f"{transaction_hash} is in no block after {seconds} s; does the node mine?")
        time.sleep(POLL_SECONDS)
    return dict(receipt)


def succeeded(rpc: DevRpc, receipt: NodeReceipt, abis: Iterable[Abi] = ()) -> NodeReceipt:
    """Return the receipt if the transaction worked, else raise TransactionReverted with the reason."""
    if int(receipt["status"], 16) == 1:
        return receipt
    trace = rpc.call("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
    raise TransactionReverted(decode_revert(trace.get("output", "0x"), abis), receipt)


def view(rpc: DevRpc, to: Address, abi: Abi, function: str, *args: Any, block: str = "latest") -> Any:
    """Return what a view function answers, decoded; `block` is a tag or a number as hex."""
    data = encode_call(abi, function, args)
    return decode_result(abi, function, rpc.call("eth_call", {"to": to, "data": data}, block))


def deploy(rpc: DevRpc, sender: Address, name: str, *args: Any) -> tuple[Address, NodeReceipt]:
    """Create one of our compiled contracts; return its address and the receipt."""
    artifact = load_artifact(name)
    receipt = execute(rpc, Transaction(sender, None, encode_deploy(artifact, args)), [artifact.abi])
    return to_checksum_address(receipt["contractAddress"]), receipt


@dataclass(frozen=True, slots=True)
class Deployed:
    """The three contracts, wired together; `start_block` is the block of the first of them."""

    asset: Address
    agent: Address
    marketplace: Address
    start_block: int


def deploy_market(rpc: DevRpc, deployer: Address) -> Deployed:
    """Deploy and wire the three contracts; the deployer is owner, admin, oracle and fee collector."""
    asset, first = deploy(rpc, deployer, "RWAAssetContract", "Dynamic Vault RWA", "DVRWA")
    agent, _ = deploy(rpc, deployer, "DynamicPricingAgent", deployer, asset)
    marketplace, _ = deploy(rpc, deployer, "MarketplaceContract", deployer, asset, deployer)
    asset_abi, agent_abi = load_artifact("RWAAssetContract").abi, load_artifact("DynamicPricingAgent").abi
    oracle_role = view(rpc, agent, agent_abi, "ORACLE_ROLE")
    execute(rpc, call_transaction(deployer, asset, asset_abi, "setPricingAgent", agent))
    execute(rpc, call_transaction(deployer, agent, agent_abi, "grantRole", oracle_role, deployer))
    return Deployed(asset, agent, marketplace, int(first["blockNumber"], 16))


def _result(answer: dict[str, Any]) -> Any:
    if (error := answer.get("error")) is not None:
        raise DevRpcError(f"the node says: {error['message']}", error.get("code"), error.get("data"))
    return answer["result"]
