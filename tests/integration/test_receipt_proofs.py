"""Receipts roots as a node of another make computes them, for every kind of transaction there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chain.contracts import encode_call
from chain.devchain import DevChain, DevChainOptions
from chain.errors import WrongAnswer
from chain.node import Node
from chain.proofs import SealedBlock, proof_of
from chain.receipt_trie import FullReceipt
from chain.transactions import DevRpc
from tests.integration.market_play import MarketPlay

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first account of every development chain."""
ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def rpc() -> Iterator[DevRpc]:
    with DevChain(options=DevChainOptions(gas_limit=60_000_000)) as chain, DevRpc(chain.url) as rpc:
        yield rpc


@pytest.fixture
def node(rpc: DevRpc) -> Iterator[Node]:
    with Node([rpc.url]) as node:
        yield node


@pytest.fixture(scope="module")
def market(rpc: DevRpc) -> MarketPlay:
    return MarketPlay(rpc)


def signed(account: LocalAccount, rpc: DevRpc, kind: int, nonce: int, to: str, data: str) -> str:
    price = int(rpc.call("eth_gasPrice"), 16) * 2
    common: dict[str, Any] = {
        "to": to, "data": data, "value": 0, "nonce": nonce, "gas": 400_000, "chainId": 31337,
    }  # fmt: skip
    dynamic = {"maxFeePerGas": price, "maxPriorityFeePerGas": 1}
    if kind == 0:
        return _raw(account, common | {"gasPrice": price})
    if kind == 1:
        return _raw(account, common | {"gasPrice": price, "accessList": [], "type": 1})
    if kind == 2:
        return _raw(account, common | dynamic | {"type": 2})
    if kind == 3:
        blob = b"\0" * 4096 * 32
        return _raw(
            account, common | dynamic | {"type": 3, "maxFeePerBlobGas": 10**10, "accessList": []}, [blob]
        )
    authorization = account.sign_authorization({"chainId": 31337, "address": ZERO, "nonce": nonce + 1})
    return _raw(
        account, common | dynamic | {"type": 4, "accessList": [], "authorizationList": [authorization]}
    )


def _raw(account: LocalAccount, transaction: dict[str, Any], blobs: list[bytes] | None = None) -> str:
    return "0x" + account.sign_transaction(transaction, blobs=blobs).raw_transaction.hex().removeprefix("0x")


@pytest.fixture(scope="module")
def mixed(rpc: DevRpc, market: MarketPlay) -> int:
    """A block with one transaction of each type, each with logs; the number of it."""
    account: LocalAccount = Account.from_key(KEY)
    nonce = int(rpc.call("eth_getTransactionCount", account.address, "latest"), 16)
    approve = encode_call(
        market.abi_of(market.deployed.asset), "setApprovalForAll", (market.deployed.marketplace, True)
    )
    rpc.call("evm_setAutomine", False)
    for kind in (0, 1, 2, 3, 4):
        at = nonce + kind
        rpc.call("eth_sendRawTransaction", signed(account, rpc, kind, at, market.deployed.asset, approve))
    rpc.call("evm_mine")
    rpc.call("evm_setAutomine", True)
    return int(rpc.call("eth_blockNumber"), 16)


def types_in(rpc: DevRpc, number: int) -> list[str]:
    return sorted(receipt["type"] for receipt in rpc.call("eth_getBlockReceipts", hex(number)))


def test_receipts_of_every_type_give_the_root_of_the_header(rpc: DevRpc, node: Node, mixed: int) -> None:
    assert types_in(rpc, mixed) == ["0x0", "0x1", "0x2", "0x3", "0x4"]

    (proof,) = node.proofs([mixed])

    assert proof.doubt is None
    assert len(proof.logs) == 5
    assert proof.header == node.header(mixed)


def test_every_block_of_a_market_is_proven_empty_ones_and_failed_transactions_too(
    rpc: DevRpc, node: Node, market: MarketPlay, mixed: int
) -> None:
    rpc.call("anvil_mine", "0x3")
    failing = {"from": market.bob, "to": market.deployed.asset, "data": "0xdeadbeef", "gas": "0x30000"}
    rpc.call("eth_sendTransaction", failing)
    head = int(rpc.call("eth_blockNumber"), 16)

    proofs = node.proofs(range(head + 1))

    assert [proof.doubt for proof in proofs] == [None] * (head + 1)
    addresses = [market.deployed.asset, market.deployed.agent, market.deployed.marketplace]
    logs = [log for proof in proofs for log in proof.logs if log.address.lower() in map(str.lower, addresses)]
    assert logs == node.logs(0, head, addresses).logs


def test_receipts_asked_one_by_one_give_the_same(rpc: DevRpc, node: Node, mixed: int) -> None:
    whole = node.proofs([mixed])
    for endpoint in node._endpoints:
        endpoint.unsupported.add("eth_getBlockReceipts")

    assert node.proofs([mixed]) == whole


def test_a_receipt_that_hides_a_log_does_not_give_the_root(rpc: DevRpc, mixed: int) -> None:
    block = msgspec.convert(rpc.call("eth_getBlockByNumber", hex(mixed), False), SealedBlock)
    told = rpc.call("eth_getBlockReceipts", hex(mixed))
    told[2]["logs"] = []

    with pytest.raises(WrongAnswer, match="its header says"):
        proof_of(block, msgspec.convert(told, list[FullReceipt]))
