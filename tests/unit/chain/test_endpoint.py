"""Batches: matched by id, completed, divided; and secrets that stay secret."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chain.errors import EndpointsExhausted, Fatal, Transient, WrongAnswer
from chain.node import Node
from chain.urls import endpoint_name, scrubbed
from tests.unit.chain.fake_node import FakeNode, Handler, Refusal


def replying(change: Callable[[Any], Any], times: int = 1) -> Callable[[Handler, Any], bool]:
    """Answer honestly, but for `change`, that many times."""
    left = [times]

    def fault(handler: Handler, payload: Any) -> bool:
        if left[0] == 0:
            return False
        left[0] -= 1
        status, reply = handler.answered(handler.server.node, payload)  # type: ignore[attr-defined]
        handler.send(status, json.dumps(change(reply)).encode())
        return True

    return fault


def numbers(node: Node, count: int) -> list[int]:
    return [header.number for header in node.headers(range(count))]


def test_a_reordered_batch_is_matched_by_id(fake: FakeNode, node: Node) -> None:
    fake.http = replying(lambda replies: replies[::-1])

    assert numbers(node, 10) == list(range(10))


def test_ids_that_come_back_as_text_are_understood(fake: FakeNode, node: Node) -> None:
    fake.http = replying(lambda replies: [reply | {"id": str(reply["id"])} for reply in replies])

    assert numbers(node, 3) == [0, 1, 2]


def test_what_a_short_batch_lacks_is_asked_again(fake: FakeNode, node: Node) -> None:
    fake.http = replying(lambda replies: replies[:6])

    assert numbers(node, 10) == list(range(10))
    assert fake.asked("eth_getBlockByNumber") == 14


def test_what_stays_missing_is_a_passing_failure(fake: FakeNode, connect: Callable[..., Node]) -> None:
    fake.http = replying(lambda replies: replies[1:], times=1000)
    node = connect(fake, deadline_seconds=0.3)

    with pytest.raises(EndpointsExhausted) as caught:
        node.headers([1, 2, 3, 4])

    assert isinstance(caught.value.errors[endpoint_name(fake.url)], Transient)


def test_an_answer_to_another_question_is_not_taken(fake: FakeNode, node: Node) -> None:
    fake.http = replying(lambda reply: reply | {"id": 999_999}, times=2)

    assert node.head().number == 20
    assert node.report()[0].errors == {"WrongAnswer": 2}


def test_an_endpoint_that_mixes_up_its_ids_is_given_up(fake: FakeNode, node: Node) -> None:
    fake.http = replying(lambda reply: reply | {"id": 999_999}, times=1000)

    with pytest.raises(WrongAnswer, match="999999"):
        node.head()


def test_a_single_error_for_a_batch_concerns_all_of_it(fake: FakeNode, node: Node) -> None:
    def refuse(*_: Any) -> Any:
        raise Refusal(-32000, "header not found", whole=True)

    fake.fail("eth_getBlockByNumber", 1, refuse)

    assert numbers(node, 3) == [0, 1, 2]
    assert node.report()[0].errors == {"Transient": 1}


@pytest.mark.parametrize("message", ["batch size too large", "no such poetry in this house"])
def test_a_refused_batch_size_is_halved_and_remembered(message: str, fake: FakeNode, node: Node) -> None:
    def limited(handler: Handler, payload: Any) -> bool:
        if isinstance(payload, list) and len(payload) > 5:
            error = {"code": -32600, "message": message}
            handler.send(400, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode())
            return True
        return False

    fake.http = limited

    assert numbers(node, 20) == list(range(20))
    assert node.report()[0].max_batch == 5
    fake.posts.clear()
    numbers(node, 20)
    assert fake.posts == [5, 5, 5, 5]


def test_an_endpoint_without_batches_is_asked_one_by_one(fake: FakeNode, node: Node) -> None:
    def refuse(handler: Handler, payload: Any) -> bool:
        if isinstance(payload, list):
            handler.send(400, b'{"code":-32600,"message":"batch requests are not supported"}')
        return isinstance(payload, list)

    fake.http = refuse

    assert numbers(node, 5) == [0, 1, 2, 3, 4]
    assert node.report()[0].max_batch == 1


def test_a_batch_whose_answer_is_too_large_is_divided_this_once(fake: FakeNode, node: Node) -> None:
    def too_large(handler: Handler, payload: Any) -> bool:
        if isinstance(payload, list) and len(payload) > 4:
            handler.send(
                200, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32003,"message":"response too large"}}'
            )
            return True
        return False

    fake.http = too_large

    assert numbers(node, 16) == list(range(16))
    assert node.report()[0].max_batch == 100


def test_calls_that_did_not_fit_beside_the_others_are_asked_again(fake: FakeNode, node: Node) -> None:
    def refuse(*_: Any) -> Any:
        raise Refusal(-32003, "response too large")

    fake.fail("eth_getBlockByNumber", 2, refuse)

    assert numbers(node, 6) == list(range(6))
    assert node.report()[0].errors == {}


def test_large_batches_are_sent_in_parts(fake: FakeNode, connect: Callable[..., Node]) -> None:
    node = connect(fake, max_batch=8)

    assert numbers(node, 20) == list(range(20))
    assert fake.posts == [8, 8, 4]


def test_bad_credentials_are_fatal_at_once(fake: FakeNode, node: Node) -> None:
    def refuse(*_: Any) -> Any:
        raise Refusal(-32000, "Must be authenticated!", status=401)

    fake.fail("eth_getBlockByNumber", 1000, refuse)

    with pytest.raises(Fatal, match="authenticated"):
        node.head()
    assert len(fake.posts) == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://eth.example/v3/0123456789abcdef0123456789abcdef", "eth.example#b48119"),
        ("https://me:secret@eth.example:8545/ext/bc/C/rpc", "eth.example:8545#036af5"),
        ("https://eth.example/rpc?dkey=abcdefgh", "eth.example#e71ff7"),
        ("http://127.0.0.1:8545", "127.0.0.1:8545#364b0e"),
    ],
)
def test_an_endpoint_is_shown_as_its_host_and_a_short_id(url: str, shown: str) -> None:
    assert endpoint_name(url) == shown


def test_a_message_that_quotes_the_key_loses_it() -> None:
    url = "https://eth.example/v3/0123456789abcdef0123456789abcdef"

    assert scrubbed("project 0123456789abcdef0123456789abcdef is over its limit", url) == (
        "project *** is over its limit"
    )


def test_errors_never_show_a_key(fake: FakeNode) -> None:
    key = "0123456789abcdef0123456789abcdef"

    def refuse(*_: Any) -> Any:
        raise Refusal(-32000, f"temporarily over the limit of {key}")

    fake.fail("eth_getBlockByNumber", 1000, refuse)
    with Node([f"{fake.url}/v3/{key}"], deadline_seconds=0.2) as node:
        with pytest.raises(EndpointsExhausted) as caught:
            node.head()

        assert key not in str(caught.value)
        assert key not in str(node.report())
        assert caught.value.errors.keys() == {endpoint_name(f"{fake.url}/v3/{key}")}


def test_two_keys_at_one_provider_are_two_endpoints(fake: FakeNode) -> None:
    urls = [f"{fake.url}/v3/0123456789abcdef{i}" for i in "ab"]

    with Node(urls) as node:
        first, second = (report.name for report in node.report())

    assert first != second
    assert first.partition("#")[0] == second.partition("#")[0] == fake.url.removeprefix("http://")


def test_a_url_given_twice_is_two_endpoints(fake: FakeNode) -> None:
    with Node([fake.url, fake.url]) as node:
        first, second = (report.name for report in node.report())

    assert second == f"{first}-2"
