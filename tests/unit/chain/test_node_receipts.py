"""Receipts, from nodes that lag, follow another branch, or know no whole blocks."""

from collections.abc import Callable
from typing import Any

import pytest

from chain.errors import Unknown, WrongAnswer
from chain.node import Node
from chain.values import Receipt
from tests.unit.chain.fake_node import FakeNode, Refusal, block_hash, log, transaction_hash

Connect = Callable[..., Node]


@pytest.fixture
def busy(fake: FakeNode) -> FakeNode:
    """One transaction in block 1, two in block 2, … up to five."""
    fake.logs = [log(n, i) for n in range(1, 6) for i in range(n)]
    return fake


def wanted(*numbers: int) -> dict[str, list[str]]:
    return {block_hash(n): [transaction_hash(n, i) for i in range(n)] for n in numbers}


def test_a_receipt_says_what_the_transaction_cost(busy: FakeNode, node: Node) -> None:
    hash_ = transaction_hash(1, 0)

    assert node.receipts(block_hash(1), [hash_]) == {hash_: Receipt(hash_, block_hash(1), 21_000, 10**9)}


def test_few_receipts_are_asked_one_by_one_and_many_by_block(busy: FakeNode, node: Node) -> None:
    found = node.receipts_of_range(wanted(1, 2, 3, 4, 5))

    assert len(found) == 15
    assert busy.asked("eth_getBlockReceipts") == 3
    assert busy.asked("eth_getTransactionReceipt") == 3
    assert busy.posts == [6]


def test_only_the_receipts_wanted_of_a_block_are_given(busy: FakeNode, node: Node) -> None:
    hashes = [transaction_hash(5, i) for i in (0, 2, 4)]

    assert node.receipts(block_hash(5), hashes).keys() == set(hashes)


@pytest.mark.parametrize("refusal", [(-32601, "method not found"), (-32602, "invalid params")])
def test_a_node_without_block_receipts_is_asked_one_by_one_from_then_on(
    refusal: tuple[int, str], busy: FakeNode, node: Node
) -> None:
    def refuse(_: Any) -> Any:
        raise Refusal(*refusal)

    busy.answers["eth_getBlockReceipts"] = refuse

    assert len(node.receipts_of_range(wanted(4, 5))) == 9
    asked = busy.asked("eth_getBlockReceipts")
    node.receipts_of_range(wanted(4, 5))
    assert busy.asked("eth_getBlockReceipts") == asked


def test_a_node_without_block_receipts_is_asked_one_by_one_for_a_single_block_too(
    busy: FakeNode, node: Node
) -> None:
    def refuse(_: Any) -> Any:
        raise Refusal(-32601, "method not found")

    busy.answers["eth_getBlockReceipts"] = refuse

    assert len(node.receipts_of_range(wanted(5))) == 5


def test_no_receipts_is_no_question(fake: FakeNode, node: Node) -> None:
    assert node.receipts_of_range({}) == {}
    assert fake.posts == []


@pytest.mark.parametrize("late", [None, {"blockHash": None}])
def test_a_receipt_that_is_not_there_yet_is_asked_again(late: Any, busy: FakeNode, node: Node) -> None:
    def not_yet(hash_: str) -> Any:
        return late and busy.receipt(hash_) | late

    busy.fail("eth_getTransactionReceipt", 1, not_yet)

    assert len(node.receipts_of_range(wanted(2))) == 2
    assert busy.asked("eth_getTransactionReceipt") == 3, "what was there already is not asked again"


def test_a_receipt_that_stays_away_is_unknown(busy: FakeNode, node: Node) -> None:
    busy.answers["eth_getTransactionReceipt"] = lambda _: None

    with pytest.raises(Unknown, match=transaction_hash(1, 0)):
        node.receipts_of_range(wanted(1))


def test_null_for_the_receipts_of_a_block_is_unknown(busy: FakeNode, node: Node) -> None:
    busy.answers["eth_getBlockReceipts"] = lambda _: None

    with pytest.raises(Unknown):
        node.receipts_of_range(wanted(5))


def test_a_receipt_is_asked_of_the_other_endpoint(busy: FakeNode, other: FakeNode, connect: Connect) -> None:
    other.logs = busy.logs
    busy.answers["eth_getTransactionReceipt"] = lambda _: None

    assert len(connect(busy, other).receipts_of_range(wanted(1, 2))) == 3


def test_a_receipt_of_the_other_branch_is_rejected(busy: FakeNode, node: Node) -> None:
    busy.fail("eth_getTransactionReceipt", 1, lambda h: busy.receipt(h) | {"blockHash": block_hash(1, "b")})
    assert node.receipts_of_range(wanted(1))[transaction_hash(1, 0)].block_hash == block_hash(1)

    busy.answers["eth_getTransactionReceipt"] = lambda h: busy.receipt(h) | {"blockHash": block_hash(1, "b")}
    with pytest.raises(WrongAnswer, match="is in block"):
        node.receipts_of_range(wanted(1))


def test_receipts_of_a_block_that_lack_one_are_a_wrong_answer(busy: FakeNode, node: Node) -> None:
    busy.answers["eth_getBlockReceipts"] = lambda h: busy.block_receipts(h)[1:]

    with pytest.raises(WrongAnswer, match="without"):
        node.receipts_of_range(wanted(5))


@pytest.mark.parametrize("change", [{"gasUsed": "much"}, {"gasUsed": None}, {"transactionHash": "0x00"}])
def test_a_malformed_receipt_is_a_wrong_answer(change: dict[str, Any], busy: FakeNode, node: Node) -> None:
    busy.answers["eth_getTransactionReceipt"] = lambda h: busy.receipt(h) | change

    with pytest.raises(WrongAnswer):
        node.receipts_of_range(wanted(1))


def test_a_chain_that_tells_no_gas_price_is_tolerated(busy: FakeNode, node: Node) -> None:
    busy.answers["eth_getTransactionReceipt"] = lambda h: busy.receipt(h) | {"effectiveGasPrice": None}

    assert node.receipts_of_range(wanted(1))[transaction_hash(1, 0)].effective_gas_price_wei is None
