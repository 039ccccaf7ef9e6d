"""Where a transaction is: in a block, waiting, or nowhere that anybody knows of."""

from collections.abc import Callable
from typing import Any

import pytest

from chain.answers import TransactionPlace
from chain.errors import EndpointsExhausted, WrongAnswer
from chain.node import Node
from tests.unit.chain.fake_node import FakeNode, Refusal, block_hash, transaction_hash

Connect = Callable[..., Node]
METHOD = "eth_getTransactionByHash"
MINE = transaction_hash(3, 0)


def told(**changes: Any) -> Callable[..., dict[str, Any]]:
    mined = {"hash": MINE, "blockNumber": "0x3", "blockHash": block_hash(3), "input": "0x00"}
    return lambda _: mined | changes


def test_a_mined_transaction_is_in_its_block(fake: FakeNode, node: Node) -> None:
    fake.answers[METHOD] = told()

    assert node.transaction(MINE) == TransactionPlace(3, block_hash(3))


@pytest.mark.parametrize("waiting", [{"blockNumber": None, "blockHash": None}, {"blockHash": None}])
def test_one_that_waits_is_known_and_in_no_block(waiting: Any, fake: FakeNode, node: Node) -> None:
    fake.answers[METHOD] = told(**waiting)

    assert node.transaction(MINE) == TransactionPlace(None, None)


def test_one_that_nobody_knows_is_none_and_each_is_asked_once(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    fake.answers[METHOD] = other.answers[METHOD] = lambda _: None

    assert connect(fake, other).transaction(MINE) is None
    assert (fake.asked(METHOD), other.asked(METHOD)) == (1, 1)


def test_the_other_endpoint_may_know_it(fake: FakeNode, other: FakeNode, connect: Connect) -> None:
    fake.answers[METHOD], other.answers[METHOD] = lambda _: None, told()

    assert connect(fake, other).transaction(MINE) == TransactionPlace(3, block_hash(3))


@pytest.mark.parametrize("change", [{"hash": transaction_hash(4, 0)}, {"blockNumber": "three"}, {"hash": 3}])
def test_an_answer_that_does_not_fit_is_wrong(change: Any, fake: FakeNode, node: Node) -> None:
    fake.answers[METHOD] = told(**change)

    with pytest.raises(WrongAnswer):
        node.transaction(MINE)


def test_a_node_that_cannot_say_is_not_a_transaction_that_is_unknown(
    fake: FakeNode, connect: Connect
) -> None:
    def refuse(_: Any) -> Any:
        raise Refusal(-32000, "temporarily unavailable, try again", status=503)

    fake.answers[METHOD] = refuse

    with pytest.raises(EndpointsExhausted):
        connect(fake, deadline_seconds=0.3).transaction(MINE)
