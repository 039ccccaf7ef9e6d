"""JSON with one meaning only."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import MAX_DEPTH, strict_json
from api.problems import BadRequest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**256), 2**256 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
def test_what_is_json_is_read_exactly(value):
    assert strict_json(json.dumps(value).encode()) == value
    assert strict_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (b"", "body", "is empty"),
        (b" \n", "body", "is empty"),
        (b"{", "body", "line 1, column 2"),
        (b'{"a": 1,}', "body", "not valid JSON"),
        (b"{'a': 1}", "body", "not valid JSON"),
        (b'{"a": 1} x', "body", "not valid JSON"),
        (b'{"a": 01}', "body", "not valid JSON"),
        (b'{"a": 0x1}', "body", "not valid JSON"),
        (b'{"a": "\n"}', "body", "not valid JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "body", "not valid JSON"),
        (b'{"a": 1, "b": 2, "a": 3}', "a", "more than once"),
        (b'[{"x": {"a": 1, "\\u0061": 2}}]', "a", "more than once"),
        (b'{"a": NaN}', "body", "NaN"),
        (b"[-Infinity]", "body", "-Infinity"),
        (b"[1e999]", "body", "too large"),
        (b"[" + b"9" * 79 + b"]", "body", "78 digits"),
        (b"[" + b"9" * 900_000 + b"]", "body", "78 digits"),
        (b"\xff", "body", "UTF-8 at byte 0"),
        (b'{"a": "\xc0\xaf"}', "body", "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "body", "UTF-8"),
        (b'{"a": "\\ud800"}', "body", "surrogate"),
        (b'{"\\uDFFF": 1}', "body", "surrogate"),
        (b'{"\\uDFFF": 1, "\\uDFFF": 1}', "?", "more than once"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "body", "deeper than 32"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "body", "deeper than 32"),
        (b"[" * 500_000, "body", "deeper than 32"),
        (b"[" * 500_000 + b"]" * 500_000, "body", "deeper than 32"),
        ("{}".encode("utf-16"), "body", ""),
    ],
)  # fmt: skip
def test_what_could_be_taken_in_two_ways_is_refused(body, field, words):
    with pytest.raises(BadRequest) as refused:
        strict_json(body)

    assert [error.field for error in refused.value.errors] == [field]
    assert words in refused.value.detail


def test_as_deep_as_allowed_is_allowed():
    assert strict_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert strict_json('["\\ud83d\\ude00"]') == ["😀"]


@pytest.mark.timeout(30)  # a reader that looks at pairs takes hours
def test_many_names_and_one_of_them_twice_are_refused():
    names = [f'"{number}":1' for number in range(25_000)]
    with pytest.raises(BadRequest, match="24999: is given more than once"):
        strict_json("{" + ",".join([*names, names[-1]]) + "}")


@pytest.mark.parametrize("unit", [b"[],", b'{"a":1},', b'"\\ud83d\\ude00",', b"1,", b'"\xf0\x9f\x98\x80",'])
@pytest.mark.timeout(30)
def test_the_largest_body_of_a_change_is_read(unit):
    count = 256_000 // len(unit)

    assert len(strict_json(b"[" + unit * count + b"0]")) == count + 1
