"""Who is asking: what a client writes into a header is never taken for an address of ours."""

from __future__ import annotations

import pytest

from api.limiting.addresses import UNKNOWN, TrustedProxies, canonical, subscriber

PEER = "10.0.0.1"


def client(proxies: TrustedProxies, header: str | None, peer: str = PEER) -> str:
    name = "HTTP_" + proxies.header.upper().replace("-", "_")
    return proxies.client({"REMOTE_ADDR": peer} | ({} if header is None else {name: header}))


@pytest.mark.parametrize("header", [None, "", "6.6.6.6", "6.6.6.6, 7.7.7.7"])
def test_without_proxies_only_the_peer_is_believed(header):
    assert client(TrustedProxies(0), header) == PEER


@pytest.mark.parametrize(
    ("count", "header", "expected"),
    [
        (1, "1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6,6.6.6.6 , 1.2.3.4 ", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (2, "1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (2, "1.2.3.4", PEER),
        (1, None, PEER),
        (1, "", PEER),
        (1, "not an address", PEER),
        (1, "1.2.3.4, ", PEER),
        (1, "1.2.3.4:5678", "1.2.3.4"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "2001:DB8:0::0001", "2001:db8::1"),
        (1, "::ffff:1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6," * 5000 + "1.2.3.4", "1.2.3.4"),
        (10, "6.6.6.6, 1.2.3.4", PEER),
    ],
)
def test_the_entry_that_the_outermost_proxy_wrote_is_the_client(count, header, expected):
    assert client(TrustedProxies(count), header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=1.2.3.4", "1.2.3.4"),
        ("for=6.6.6.6, for=1.2.3.4;proto=https;by=10.0.0.9", "1.2.3.4"),
        ('proto=https; For="[2001:db8::1]:4711"', "2001:db8::1"),
        ("by=6.6.6.6", PEER),
        ("xfor=6.6.6.6", PEER),
        ("for=_hidden", PEER),
        ("for=unknown", PEER),
        ('for="1.2.3.4', PEER),
    ],
)
def test_the_standard_header_is_read_likewise(header, expected):
    assert client(TrustedProxies(1, "Forwarded"), header) == expected


def test_only_the_chosen_header_is_read():
    environ = {"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": "6.6.6.6", "HTTP_FORWARDED": "for=1.2.3.4"}

    assert TrustedProxies(1, "Forwarded").client(environ) == "1.2.3.4"
    assert TrustedProxies(1).client(environ) == "6.6.6.6"


def test_a_peer_without_address_is_unknown():
    assert TrustedProxies().client({}) == UNKNOWN
    assert client(TrustedProxies(1), "1.2.3.4", peer="") == "1.2.3.4"


@pytest.mark.parametrize(
    "text", ["", " ", "1.2.3", "1.2.3.4.5", "01.2.3.4", "::g", "localhost", "1.2.3.4\n", "٣.1.1.1"]
)
def test_what_is_not_an_address_is_none(text):
    assert canonical(text) is None


def test_an_ipv6_subscriber_is_its_network():
    assert subscriber("2001:db8:1:2:3:4:5:6") == subscriber("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert subscriber("2001:db8:1:3::1") != subscriber("2001:db8:1:2::1")
    assert subscriber("1.2.3.4") == "1.2.3.4"
    assert subscriber(UNKNOWN) == UNKNOWN
    assert canonical("fe80::1%eth0") == "fe80::1"
