"""Our reading of messages is the reference grammar's, in time that does not explode."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.signin.message import MAX_BYTES, read_message
from api.signin.refusals import Refused
from tests.api.signing import text_of

ADDRESS = "0xe5A12547fe4E872D192E3eCecb76F2Ce1aeA4946"
FIELDS: dict[str, Any] = {
    "domain": "service.org",
    "address": ADDRESS,
    "statement": "I accept",
    "uri": "https://service.org/login",
    "version": "1",
    "chain_id": "1",
    "nonce": "12341234",
    "issued_at": "2022-03-17T12:45:13.610Z",
}
UNRESERVED, SUB_DELIMS = string.ascii_letters + string.digits + "-._~", "!$&'()*+,;="
ODD = ' %"<>\\^`{|}\x7f\t'


def text_over(alphabet: str, max_size: int = 12) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from(alphabet), max_size=max_size)


AUTHORITY = st.one_of(
    st.sampled_from(["a", "a:1", "u@h", "u:p@h:80", "[::1]", "[::1]:8", "[1::2::3]", "[v1.a]", "127.0.0.1", "a@b@c", ":1", "%41"]),
    text_over(UNRESERVED + SUB_DELIMS + ":@[]%" + ODD),
)  # fmt: skip
URI = st.one_of(
    st.builds("{}:{}".format, text_over(string.ascii_letters + "+-.1"), text_over(UNRESERVED + ":/?#[]@%" + ODD)),
    st.builds("https://{}{}".format, AUTHORITY, text_over("/ab%20?#:@[]")),
    st.sampled_from(["a:", "a:b", "a:/b", "a://", "a:///x", "a://b//c", "a:%zz", "a:b#c#d", "a:?", "a:#", "1:b", ":b"]),
)  # fmt: skip
CHANGES = st.one_of(
    st.builds(lambda value: {"domain": value}, AUTHORITY),
    st.builds(lambda value: {"uri": value}, URI),
    st.builds(lambda value: {"statement": value}, text_over(UNRESERVED + SUB_DELIMS + ":/?#[]@" + ODD)),
    st.builds(lambda value: {"request_id": value}, text_over(UNRESERVED + SUB_DELIMS + ":@%41" + ODD)),
    st.builds(lambda value: {"resources": value}, st.lists(URI, max_size=3)),
    st.builds(lambda value: {"nonce": value}, text_over(string.ascii_letters + string.digits + "-", 14)),
    st.builds(lambda value: {"chain_id": value}, text_over(string.digits + "-x")),
    st.builds(lambda value: {"scheme": value}, text_over(string.ascii_letters + "+-.1:")),
)  # fmt: skip


def ours(text: str) -> bool:
    try:
        read_message(text)
    except Refused:
        return False
    return True


def theirs(text: str) -> bool:
    from siwe import SiweMessage

    try:
        SiweMessage.from_message(text, abnf=True)
    except ValueError:
        return False
    return True


@settings(max_examples=400, deadline=None, database=None, derandomize=True,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(CHANGES)
def test_whatever_we_read_the_reference_grammar_reads_too(changes):
    text = text_of({**FIELDS, **changes})

    assert not ours(text) or theirs(text), text


@settings(max_examples=200, deadline=None, database=None, derandomize=True,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(CHANGES)
def test_we_refuse_what_it_reads_for_known_reasons_only(changes):
    """No domain at all, IP addresses of the future, an empty part that says nothing."""
    text = text_of({**FIELDS, **changes})

    if theirs(text) and not ours(text):
        first, uris = (
            text.split(" wants ")[0],
            str(changes.get("uri", "")) + str(changes.get("resources", "")),
        )
        assert first in ("", "://") or "[v" in first + uris or first.endswith("://"), text


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": "a" * 1700},
        {"domain": "a" * 1700},
        {"domain": "a@" * 850},
        {"domain": "%41" * 560},
        {"domain": "a:" * 850},
        {"uri": "https://" + "1." * 800 + "/"},
        {"uri": "https://[" + "1:" * 800 + "]/"},
        {"uri": "a:" + "/" * 1700},
        {"uri": "https://a/?" + "?" * 1600 + "#" * 3},
        {"uri": "a" * 1700 + ":x"},
        {"nonce": "a" * 1700},
        {"chain_id": "1" * 1700},
        {"request_id": "%41" * 560},
        {"resources": ["a:b"] * 300},
        {"resources": ["https://" + "a@" * 100] * 7},
        {"scheme": "a" * 1700},
        {"issued_at": "2022-03-17T12:45:13." + "1" * 1600 + "Z"},
        {"statement": "\n" * 1700},
        {"statement": "a" * 1_000_000},
    ],
    ids=lambda changes: str(changes)[:40],
)
@pytest.mark.timeout(60)  # a reader that tries every way to read it takes a second for each
def test_a_message_made_to_take_long_is_read_many_times(changes):
    text = text_of({**FIELDS, **changes})

    for _ in range(200):
        ours(text)

    assert len(text) > MAX_BYTES or len(text) > 1500 or "resources" in changes


def test_what_the_library_is_given_is_short_and_holds_all_that_decides():
    said = {
        **FIELDS,
        "statement": "s" * 900,
        "request_id": "r" * 300,
        "resources": ["https://a.example/b"] * 20,
    }

    read = read_message(text_of(said))

    assert len(read.core) < 300
    assert read.origin == "https://service.org"
    for name in ("domain", "address", "nonce", "issued_at"):
        assert said[name] in read.core
