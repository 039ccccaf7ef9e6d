"""The proxy over real sockets: what our own layer makes of each way to break off."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from chain.chaos.proxy import ChaosProxy, ProxyUnavailable
from chain.chaos.storm import Storm, chosen
from chain.errors import EndpointsExhausted, TimedOut, Transient
from chain.node import Node
from tests.unit.chain.fake_node import FakeNode

Stand = Callable[..., ChaosProxy]


@pytest.fixture
def stand(fake: FakeNode) -> Iterator[Stand]:
    """Put a proxy before the fake."""
    with ExitStack() as stack:

        def standing(*names: str, rate: float = 1.0) -> ChaosProxy:
            return stack.enter_context(ChaosProxy(fake.url, Storm(chosen(names), rate=rate)))

        yield standing


def test_without_an_occasion_the_proxy_is_the_node(fake: FakeNode, stand: Stand) -> None:
    with Node([stand("empty-logs").url]) as node, Node([fake.url]) as direct:
        assert node.headers(range(20)) == direct.headers(range(20))
        assert node.chain_id() == direct.chain_id()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gateway-page", Transient),
        ("cut-json", Transient),
        ("cut-gzip", Transient),
        ("cut-connection", Transient),
        ("not-a-number", Transient),
        ("empty-body", Transient),
        ("dropped", Transient),
        ("hanging", TimedOut),
        ("dripping", TimedOut),
    ],
)
def test_every_way_to_break_off_is_a_passing_failure(stand: Stand, name: str, kind: type[Exception]) -> None:
    proxy = stand(name)
    with Node([proxy.url], deadline_seconds=1.8) as node, pytest.raises(EndpointsExhausted) as caught:
        node.head()

    (error,) = caught.value.errors.values()
    assert isinstance(error, kind)
    assert proxy.storm.injected[name] > 0


def test_a_share_of_faults_is_outlived(fake: FakeNode, stand: Stand) -> None:
    proxy = stand("null-blocks", "cut-json", "batch-short", "dropped", rate=0.2)
    with Node([proxy.url]) as node:
        for number in range(20):
            assert [header.number for header in node.headers([number, 20])] == [number, 20]

    assert all(proxy.storm.injected.values())


def test_a_node_that_is_away_is_said_to_be_away(fake: FakeNode) -> None:
    with ChaosProxy("http://127.0.0.1:9", Storm([])) as proxy:
        request = urllib.request.Request(proxy.url, b'{"id":1,"method":"eth_chainId"}')
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        told = json.loads(caught.value.read())
        caught.value.close()

    assert caught.value.code == 502
    assert "did not answer" in told["error"]["message"]


def test_what_is_no_request_is_a_bad_one(stand: Stand) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(stand().url, b"hello"), timeout=10)
    caught.value.close()

    assert caught.value.code == 400


def test_a_port_that_is_taken_is_said_at_once(fake: FakeNode, stand: Stand) -> None:
    port = int(stand().url.rpartition(":")[2])

    with (
        pytest.raises(ProxyUnavailable, match="choose another --port"),
        ChaosProxy(fake.url, Storm([]), port=port),
    ):
        pass
