"""Heads, headers and tags of nodes that lag, flicker and disagree."""

from collections.abc import Callable
from typing import Any

import pytest

from chain.errors import EndpointsExhausted, Fatal, Unknown, WrongAnswer
from chain.node import Node
from chain.urls import endpoint_name
from tests.unit.chain.fake_node import FakeNode, Refusal, block_hash

Connect = Callable[..., Node]


def refusing(code: int, message: str) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise Refusal(code, message)

    return refuse


def tagged(fake: FakeNode, tag: str, answer: Callable[[], Any], times: int = 1000) -> None:
    """Answer so when asked for a block by this tag."""
    honest, left = fake.block_by_number, [times]

    def by_number(asked: str, full: bool) -> Any:
        if asked == tag and left[0] > 0:
            left[0] -= 1
            return answer()
        return honest(asked, full)

    fake.answers["eth_getBlockByNumber"] = by_number


def test_the_head_is_the_newest_block(node: Node) -> None:
    head = node.head()

    assert head.ref == (20, block_hash(20))
    assert head.parent_hash == block_hash(19)
    assert head.timestamp == 1_700_000_020


def test_a_head_that_goes_back_is_told_as_it_is(fake: FakeNode, node: Node) -> None:
    node.head()
    fake.head = 19

    assert node.head().number == 19


def test_headers_come_in_the_order_asked_and_repeat_as_asked(node: Node) -> None:
    assert [header.number for header in node.headers([5, 3, 5])] == [5, 3, 5]


def test_no_headers_is_no_question(fake: FakeNode, node: Node) -> None:
    assert node.headers([]) == []
    assert fake.posts == []


def test_a_block_that_no_node_knows_is_none_not_an_error(node: Node) -> None:
    assert node.header(21) is None
    assert node.header_by_hash(block_hash(21)) is None


def test_a_block_is_found_by_height_and_by_hash(node: Node) -> None:
    assert node.header(0) == node.header_by_hash(block_hash(0))


def test_null_for_a_block_below_the_head_is_asked_again(fake: FakeNode, node: Node) -> None:
    fake.fail("eth_getBlockByNumber", 1, lambda *_: None)

    assert [header.number for header in node.headers([4, 5])] == [4, 5]


def test_null_for_a_block_is_asked_of_the_other_endpoint(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    fake.head = 10

    assert connect(fake, other).header(15) is not None
    assert other.asked("eth_getBlockByNumber") == 1


def test_headers_that_stay_null_are_unknown_and_named(fake: FakeNode, node: Node) -> None:
    with pytest.raises(Unknown, match="block 30 and 1 more"):
        node.headers([4, 30, 31])


def test_another_block_than_asked_for_is_a_wrong_answer(fake: FakeNode, node: Node) -> None:
    fake.answers["eth_getBlockByNumber"] = lambda *_: fake.block(3)
    fake.answers["eth_getBlockByHash"] = lambda *_: fake.block(3)

    with pytest.raises(WrongAnswer, match="asked for block 4, got block 3") as caught:
        node.header(4)
    assert caught.value.endpoint == endpoint_name(fake.url)
    with pytest.raises(WrongAnswer):
        node.header_by_hash(block_hash(4))


@pytest.mark.parametrize("change", [{"number": "four"}, {"timestamp": 17}, {"parentHash": None}])
def test_a_malformed_header_is_a_wrong_answer(change: dict[str, Any], fake: FakeNode, node: Node) -> None:
    fake.answers["eth_getBlockByNumber"] = lambda *_: fake.block(4) | change

    with pytest.raises(WrongAnswer):
        node.header(4)


def test_a_pending_block_is_unknown(fake: FakeNode, node: Node) -> None:
    fake.answers["eth_getBlockByNumber"] = lambda *_: fake.block(4) | {"hash": None}

    assert node.header(4) is None


def test_a_header_without_bloom_is_a_header(fake: FakeNode, node: Node) -> None:
    fake.bloom = lambda _: None

    assert node.head().logs_bloom is None


# --- finalized -------------------------------------------------------------------------------


def test_the_finalized_block_is_told(node: Node) -> None:
    head, finalized = node.ends()

    assert finalized is not None
    assert finalized.number == 12
    assert head == node.head()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32602, "invalid params"),
        (-39001, "Unknown block"),
        (-32000, "finalized block not found"),
        (-32000, "what a strange word"),
    ],
)
def test_a_node_without_the_tag_has_no_finalized_block(
    code: int, message: str, fake: FakeNode, node: Node
) -> None:
    tagged(fake, "finalized", refusing(code, message))

    assert node.ends() == (node.head(), None)


def test_a_flickering_tag_is_asked_again(fake: FakeNode, node: Node) -> None:
    tagged(fake, "finalized", refusing(-32603, "invalid block height"), times=2)

    assert node.ends()[1] is not None


def test_a_tag_that_only_flickers_is_done_without(fake: FakeNode, node: Node) -> None:
    tagged(fake, "finalized", refusing(-32603, "invalid block height"))

    assert node.ends() == (node.head(), None)


def test_no_finalized_block_yet_is_none(fake: FakeNode, node: Node) -> None:
    tagged(fake, "finalized", lambda: None)

    assert node.ends() == (node.head(), None)


def test_a_finalized_block_above_the_head_is_rejected(fake: FakeNode, node: Node) -> None:
    tagged(fake, "finalized", lambda: fake.block(25))

    with pytest.raises(WrongAnswer, match="above the head"):
        node.ends()


def test_a_dead_node_is_not_mistaken_for_one_without_the_tag(fake: FakeNode, connect: Connect) -> None:
    fake.answers["eth_getBlockByNumber"] = refusing(-32603, "internal error")

    with pytest.raises(EndpointsExhausted):
        connect(fake, deadline_seconds=0.3).ends()


# --- several endpoints -----------------------------------------------------------------------


def test_endpoints_must_agree_on_the_chain(fake: FakeNode, other: FakeNode, connect: Connect) -> None:
    node = connect(fake, other)
    assert node.chain_id() == 31337
    other.answers["eth_chainId"] = lambda: "0x1"

    with pytest.raises(Fatal) as caught:
        node.chain_id()

    assert endpoint_name(fake.url) in str(caught.value)
    assert endpoint_name(other.url) in str(caught.value)


def test_an_endpoint_that_was_away_is_checked_before_its_first_use(
    fake: FakeNode, other: FakeNode, connect: Connect
) -> None:
    def away(*_: Any) -> Any:
        raise Refusal(-32000, "no backend is currently healthy", status=503)

    node = connect(fake, other)
    fake.answers["eth_chainId"] = away
    assert node.chain_id() == 31337
    fake.answers["eth_chainId"] = lambda: "0x1"
    other.head = 5

    with pytest.raises(Unknown):
        node.headers([10])
    assert "serves chain 1" in (node.report()[0].last_error or "")


def test_no_endpoint_at_all_is_fatal() -> None:
    with pytest.raises(Fatal, match="at least one"):
        Node([])


def test_when_all_fail_the_error_tells_of_each(fake: FakeNode, other: FakeNode, connect: Connect) -> None:
    fake.answers["eth_getBlockByNumber"] = refusing(-32000, "header not found")
    other.answers["eth_getBlockByNumber"] = refusing(-32601, "method not found")

    with pytest.raises(EndpointsExhausted) as caught:
        connect(fake, other, deadline_seconds=0.3).head()

    assert {url: type(error).__name__ for url, error in caught.value.errors.items()} == {
        endpoint_name(fake.url): "Transient",
        endpoint_name(other.url): "Unsupported",
    }


def test_the_healthy_endpoint_is_preferred(fake: FakeNode, other: FakeNode, connect: Connect) -> None:
    fake.fail("eth_getBlockByNumber", 1, refusing(-32603, "internal error"))
    node = connect(fake, other)

    for _ in range(3):
        node.head()

    assert fake.asked("eth_getBlockByNumber") == 1
    assert other.asked("eth_getBlockByNumber") == 3


def test_a_report_tells_how_each_endpoint_does(fake: FakeNode, node: Node) -> None:
    fake.fail("eth_getBlockByNumber", 1, refusing(-32000, "header not found"))
    node.head()

    (report,) = node.report()

    assert report.name == endpoint_name(fake.url)
    assert report.errors == {"Transient": 1}
    assert report.last_error == "header not found"
    assert report.latency_ms is not None
    assert report.learned_cap is None
