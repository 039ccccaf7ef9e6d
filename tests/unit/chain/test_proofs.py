"""Receipts held against a header, from nodes that lie, lag, or know types of transactions that we do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from eth_hash.auto import keccak

from chain.errors import Unknown, WrongAnswer
from chain.node import Node
from chain.proofs import SealedBlock, proof_of
from chain.receipt_trie import FullReceipt, root_of
from tests.unit.chain.fake_node import FakeNode, Refusal, block_hash, log, transaction_hash

Connect = Callable[..., Node]
EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
"""Of a trie without entries, as the yellow paper gives it."""


def receipt(number: int, index: int, **changes: Any) -> dict[str, Any]:
    return {
        "transactionHash": transaction_hash(number, index),
        "transactionIndex": hex(index),
        "blockHash": block_hash(number),
        "cumulativeGasUsed": hex(21_000 * (index + 1)),
        "gasUsed": "0x5208",
        "status": "0x1",
        "type": "0x2",
        "logs": [log(number, index)],
    } | changes


def serve(fake: FakeNode, number: int, receipts: list[dict[str, Any]], root: str | None = None) -> None:
    """Let a block have these receipts, and say the root that they give."""
    given = msgspec.convert(receipts, list[FullReceipt])
    block = fake.block(number) | {
        "receiptsRoot": root or root_of(given),
        "transactions": [each["transactionHash"] for each in receipts],
    }
    honest = fake.answers["eth_getBlockByNumber"]
    fake.answers["eth_getBlockByNumber"] = lambda tag, full: (
        block if tag == hex(number) else honest(tag, full)
    )
    fake.answers["eth_getBlockReceipts"] = lambda wanted: receipts if wanted == block["hash"] else []
    by_hash = {each["transactionHash"]: each for each in receipts}
    fake.answers["eth_getTransactionReceipt"] = by_hash.get


def test_a_block_without_transactions_has_the_root_of_nothing(fake: FakeNode, node: Node) -> None:
    serve(fake, 7, [])

    assert root_of([]) == EMPTY_ROOT
    (proof,) = node.proofs([7])
    assert (proof.header.number, proof.logs, proof.doubt) == (7, [], None)
    assert fake.asked("eth_getBlockReceipts") == 0


def test_receipts_are_put_in_the_order_of_their_transactions(fake: FakeNode, node: Node) -> None:
    receipts = [receipt(3, i) for i in range(3)]
    serve(fake, 3, receipts)
    fake.answers["eth_getBlockReceipts"] = lambda _: receipts[::-1]

    (proof,) = node.proofs([3])

    assert [entry.log_index for entry in proof.logs] == ["0x0", "0x1", "0x2"]


@pytest.mark.parametrize("refusal", [(-32601, "method not found"), (-32602, "invalid params")])
def test_a_node_without_block_receipts_is_asked_one_by_one(
    refusal: tuple[int, str], fake: FakeNode, node: Node
) -> None:
    serve(fake, 3, [receipt(3, i) for i in range(3)])

    def refuse(_: Any) -> Any:
        raise Refusal(*refusal)

    fake.answers["eth_getBlockReceipts"] = refuse

    assert len(node.proofs([3])[0].logs) == 3
    assert fake.asked("eth_getTransactionReceipt") == 3


LIES: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "one receipt is missing": lambda told: told[:-1],
    "one log is missing": lambda told: [told[0] | {"logs": []}, *told[1:]],
    "one log says something else": lambda told: [
        told[0] | {"logs": [told[0]["logs"][0] | {"data": "0x01"}]},
        *told[1:],
    ],
    "a failed transaction is told as good": lambda told: [told[0] | {"status": "0x0"}, *told[1:]],
    "they are of another branch": lambda told: [each | {"blockHash": block_hash(3, "b")} for each in told],
    "a log says that it is in another transaction": lambda told: [
        told[0] | {"logs": [told[0]["logs"][0] | {"transactionHash": transaction_hash(3, 2)}]},
        *told[1:],
    ],
    "two logs have one index": lambda told: [
        *told[:-1],
        told[-1] | {"logs": [told[-1]["logs"][0] | {"logIndex": "0x0"}]},
    ],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_receipts_is_a_wrong_answer(lie: str, fake: FakeNode, connect: Connect) -> None:
    receipts = [receipt(3, i) for i in range(3)]
    serve(fake, 3, receipts)
    fake.answers["eth_getBlockReceipts"] = lambda _: LIES[lie](receipts)

    with pytest.raises(WrongAnswer):
        connect(fake).proofs([3])


def test_another_provider_is_believed_over_one_whose_receipts_do_not_give_the_root(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    for each in (fake, other):
        serve(each, 3, [receipt(3, i) for i in range(3)])
    fake.answers["eth_getBlockReceipts"] = lambda _: [receipt(3, 0), receipt(3, 1), receipt(3, 2, logs=[])]

    assert len(connect(fake, other).proofs([3])[0].logs) == 3


def test_null_receipts_are_unknown_and_not_none(fake: FakeNode, connect: Connect) -> None:
    serve(fake, 3, [receipt(3, 0)])
    fake.answers["eth_getBlockReceipts"] = lambda _: None

    with pytest.raises(Unknown):
        connect(fake).proofs([3])


def test_a_type_that_is_not_known_is_proven_where_it_is_encoded_like_the_known_ones(
    fake: FakeNode, node: Node
) -> None:
    serve(fake, 3, [receipt(3, 0, type="0x6a")])

    assert node.proofs([3])[0].doubt is None


def test_a_type_that_is_not_known_and_gives_another_root_is_a_doubt_and_no_lie() -> None:
    told = msgspec.convert([receipt(3, 0, type="0x7e")], list[FullReceipt])
    block = SealedBlock(
        "0x3", block_hash(3), block_hash(2), "0x1", "0x" + keccak(b"other").hex(), [transaction_hash(3, 0)]
    )

    doubt = proof_of(block, told).doubt

    assert doubt is not None
    assert "unknown type 0x7e" in doubt
