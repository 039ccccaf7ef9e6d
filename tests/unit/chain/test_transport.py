"""What can befall one HTTP exchange."""

import gc
import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chain.errors import EndpointsExhausted, Fatal, RateLimited, TimedOut, TooDense, Transient
from chain.node import Node
from chain.transport import Transport
from chain.urls import endpoint_name
from tests.unit.chain.fake_node import FakeNode, Handler


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport(max_response_bytes=100_000)
    yield transport
    transport.close()


def always(act: Callable[[Handler], None]) -> Callable[[Handler, object], bool]:
    def fault(handler: Handler, payload: object) -> bool:
        act(handler)
        return True

    return fault


def hang(handler: Handler) -> None:
    handler.server.node.released.wait(5)  # type: ignore[attr-defined]
    handler.close_connection = True


def drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(200):
        if handler.server.node.released.wait(0.02):  # type: ignore[attr-defined]
            break
        try:
            handler.wfile.write(b" ")
        except OSError:
            break
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    handler.send(200, b'{"jsonrpc":"2.0","id":1,"resu', length="5000")
    handler.close_connection = True


def cut_gzip(handler: Handler) -> None:
    body = gzip.compress(b'{"jsonrpc":"2.0","id":1,"result":"0x1"}' * 9)
    handler.send(200, body[:-12], Content_Encoding="gzip")


GARBAGE = {
    "html with 200": lambda handler: handler.send(200, b"<html>maintenance</html>"),
    "html with 502": lambda handler: handler.send(502, b"<html>502 Bad Gateway</html>"),
    "empty with 200": lambda handler: handler.send(200, b""),
    "cut json": lambda handler: handler.send(200, b'{"jsonrpc":"2.0","id":1,"result":[{"addr'),
    "NaN": lambda handler: handler.send(200, b'{"jsonrpc":"2.0","id":1,"result":NaN}'),
    "neither result nor error": lambda handler: handler.send(200, b'{"jsonrpc":"2.0","id":1}'),
    "not an object": lambda handler: handler.send(200, b"7"),
    "connection closed half-way": hang_up,
    "cut gzip": cut_gzip,
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_garbled_answer_is_a_passing_failure(
    kind: str, fake: FakeNode, connect: Callable[..., Node]
) -> None:
    fake.http = always(GARBAGE[kind])
    node = connect(fake, deadline_seconds=0.3)

    with pytest.raises(EndpointsExhausted) as caught:
        node.logs(0, 5, ["0x" + "00" * 20])

    assert isinstance(caught.value.errors[endpoint_name(fake.url)], Transient)


@pytest.mark.parametrize("kind", GARBAGE)
def test_after_a_garbled_answer_the_node_is_asked_again(kind: str, fake: FakeNode, node: Node) -> None:
    garble = GARBAGE[kind]

    def once(handler: Handler, payload: object) -> bool:
        fake.http = None
        garble(handler)
        return True

    fake.http = once

    assert node.head().number == 20


@pytest.mark.parametrize("act", [hang, drip])
def test_a_deadline_is_total_not_per_byte(
    act: Callable[[Handler], None], fake: FakeNode, transport: Transport
) -> None:
    fake.http = always(act)
    started = time.monotonic()

    with pytest.raises(TimedOut):
        transport.post(fake.url, b"{}", deadline_seconds=0.2)

    assert time.monotonic() - started < 1.0


def test_a_hanging_endpoint_leaves_time_to_ask_another(
    fake: FakeNode, other: FakeNode, connect: Callable[..., Node]
) -> None:
    fake.http = always(hang)
    node = connect(fake, other, deadline_seconds=0.9)

    assert node.head().number == 20
    started = time.monotonic()
    node.head()

    assert time.monotonic() - started < 0.2, "the hanging endpoint was preferred again"


def test_a_compressed_answer_is_read(fake: FakeNode, transport: Transport) -> None:
    fake.http = always(lambda handler: handler.send(200, gzip.compress(b"hello"), Content_Encoding="gzip"))

    assert transport.post(fake.url, b"{}", deadline_seconds=2).body == b"hello"


@pytest.mark.parametrize("encoding", ["identity", "deflate"])
def test_an_answer_without_end_is_refused(encoding: str, fake: FakeNode, transport: Transport) -> None:
    body = b"0" * 2_000_000
    packed = zlib.compress(body) if encoding == "deflate" else body
    fake.http = always(lambda handler: handler.send(200, packed, Content_Encoding=encoding))

    with pytest.raises(TooDense, match="too large"):
        transport.post(fake.url, b"{}", deadline_seconds=2)


def test_connections_are_kept_and_shared_by_threads(fake: FakeNode, node: Node) -> None:
    with ThreadPoolExecutor(8) as pool:
        heads = list(pool.map(lambda _: node.head().number, range(40)))

    assert heads == [20] * 40


def test_a_port_where_nobody_listens_is_a_passing_failure(transport: Transport) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

    with pytest.raises(Transient):
        transport.post(url, b"{}", deadline_seconds=2)


def test_nonsense_for_a_url_is_fatal(transport: Transport) -> None:
    with pytest.raises(Fatal):
        transport.post("http://", b"{}", deadline_seconds=2)


def test_closing_ends_the_thread_and_what_is_under_way(fake: FakeNode) -> None:
    fake.http = always(hang)
    transport = Transport()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(transport.post, fake.url, b"{}", deadline_seconds=5)
        for _ in range(500):
            if fake.posts or waiting.done():
                break
            time.sleep(0.01)
        transport.close()

        with pytest.raises(Transient, match="closed"):
            waiting.result(timeout=2)
    gc.collect()
    assert not any(thread.name == "rpc" for thread in threading.enumerate())
    with pytest.raises(Transient, match="closed"):
        transport.post(fake.url, b"{}", deadline_seconds=1)
    transport.close()


def test_a_node_can_be_closed_without_having_been_used() -> None:
    Node(["http://127.0.0.1:1"]).close()


def test_closing_wakes_whoever_waits_for_a_second_chance(fake: FakeNode) -> None:
    fake.http = always(lambda handler: handler.send(429, b"", Retry_After="3"))
    node = Node([fake.url], deadline_seconds=30)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(node.head)
        for _ in range(500):
            if node.report()[0].errors:
                break
            time.sleep(0.01)
        started = time.monotonic()
        node.close()

        with pytest.raises(EndpointsExhausted):
            waiting.result(timeout=2)
    assert time.monotonic() - started < 1


def test_retry_after_is_honoured_and_told(fake: FakeNode, connect: Callable[..., Node]) -> None:
    fake.http = always(lambda handler: handler.send(429, b"", Retry_After="60"))
    node = connect(fake)

    with pytest.raises(EndpointsExhausted) as caught:
        node.head()

    assert len(fake.posts) == 1, "asked again although the pause is longer than the deadline"
    assert isinstance(caught.value.errors[endpoint_name(fake.url)], RateLimited)
    assert caught.value.retry_after_seconds == 60


def test_a_short_pause_is_waited_for(fake: FakeNode, node: Node) -> None:
    def once(handler: Handler, payload: object) -> bool:
        fake.http = None
        handler.send(429, b"", Retry_After="0.3")
        return True

    fake.http = once
    started = time.monotonic()

    assert node.head().number == 20
    assert time.monotonic() - started >= 0.3


def test_an_endpoint_that_asked_for_a_pause_is_left_alone_by_later_questions(
    fake: FakeNode, node: Node
) -> None:
    fake.http = always(lambda handler: handler.send(429, b"", Retry_After="60"))
    for _ in range(3):
        with pytest.raises(EndpointsExhausted) as caught:
            node.head()
        assert 59 < (caught.value.retry_after_seconds or 0) <= 60

    assert len(fake.posts) == 1


def test_while_one_endpoint_pauses_the_other_is_asked(
    fake: FakeNode, other: FakeNode, connect: Callable[..., Node]
) -> None:
    fake.http = always(lambda handler: handler.send(429, b"", Retry_After="60"))
    node = connect(fake, other)

    assert [node.head().number for _ in range(3)] == [20, 20, 20]
    assert (len(fake.posts), len(other.posts)) == (1, 3)
