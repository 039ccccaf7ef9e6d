"""Contract reads: values, reverts, and failures of the node, kept apart."""

from collections.abc import Callable
from typing import Any

import pytest

from chain.calls import get_price, owner_of
from chain.errors import EndpointsExhausted, Unknown, WrongAnswer
from chain.node import Node
from chain.values import Call, Reverted
from tests.unit.chain.fake_node import ASSET, FakeNode, Refusal, block_hash

SEVEN = "0x" + "7".rjust(64, "0")
CALL = Call(ASSET, "0x06fdde03")


def refusing(code: int, message: str, data: Any = None) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise Refusal(code, message, data)

    return refuse


def test_a_call_is_made_at_a_block_hash_or_a_number(fake: FakeNode, node: Node) -> None:
    fake.answers["eth_call"] = lambda *_: SEVEN

    assert node.call([CALL], block_hash(5)) == [bytes.fromhex(SEVEN[2:])]
    assert node.call([CALL], 5) == [bytes.fromhex(SEVEN[2:])]

    assert [params[1] for _, params in fake.calls] == [{"blockHash": block_hash(5)}, "0x5"]


def test_a_revert_is_a_value_beside_other_values(fake: FakeNode, node: Node) -> None:
    fake.answers["eth_call"] = lambda *_: SEVEN
    fake.fail("eth_call", 1, refusing(3, "execution reverted", "0x7e273289"))

    assert node.call([CALL, CALL], 5) == [
        Reverted("execution reverted", "0x7e273289"),
        bytes.fromhex(SEVEN[2:]),
    ]
    assert fake.posts == [2]


def test_an_address_without_code_answers_like_a_revert(fake: FakeNode, node: Node) -> None:
    fake.answers["eth_call"] = lambda *_: "0x"

    (result,) = node.call([CALL], 5)

    assert isinstance(result, Reverted)
    assert "no code" in result.message


@pytest.mark.parametrize(
    "message",
    ["cannot query unfinalized data", "header not found", "missing trie node 9d3f", "block is out of range"],
)
def test_a_node_out_of_step_is_asked_again(message: str, fake: FakeNode, node: Node) -> None:
    fake.answers["eth_call"] = lambda *_: SEVEN
    fake.fail("eth_call", 2, refusing(-32000, message))

    assert node.call([CALL], 5) == [bytes.fromhex(SEVEN[2:])]


def test_state_that_is_gone_for_good_is_no_revert(fake: FakeNode, connect: Callable[..., Node]) -> None:
    fake.answers["eth_call"] = refusing(-32000, "missing trie node 9d3f")

    with pytest.raises(EndpointsExhausted):
        connect(fake, deadline_seconds=0.3).call([CALL], 5)


def test_a_block_that_the_node_does_not_know_is_unknown(fake: FakeNode, node: Node) -> None:
    fake.answers["eth_call"] = refusing(-32001, "resource not found")

    with pytest.raises(Unknown):
        node.call([CALL], block_hash(99))


def test_an_answer_that_is_not_hex_is_a_wrong_answer(fake: FakeNode, node: Node) -> None:
    fake.answers["eth_call"] = lambda *_: "0xseven"

    with pytest.raises(WrongAnswer, match="not hex"):
        node.call([CALL], 5)


def test_reads_are_decoded(fake: FakeNode, node: Node) -> None:
    fake.answers["eth_call"] = lambda *_: SEVEN

    assert node.read([get_price(ASSET, 1)], 5) == [7]
    assert node.read([owner_of(ASSET, 1)], 5) == ["0x0000000000000000000000000000000000000007"]


def test_an_answer_that_does_not_decode_counts_as_a_revert(fake: FakeNode, node: Node) -> None:
    fake.answers["eth_call"] = lambda *_: "0x07"

    (result,) = node.read([get_price(ASSET, 1)], 5)

    assert isinstance(result, Reverted)
    assert result.data == "0x07"


def test_code_is_read_as_bytes(fake: FakeNode, node: Node) -> None:
    assert node.code(ASSET, "latest") == b"\x60\x01"
    fake.answers["eth_getCode"] = lambda *_: "0x"

    assert node.code(ASSET, 5) == b""
