"""Amounts, times and bytes as they are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.encoding import amount_key, bytes_of, date_or_none, ether, hex_of, utc

UINT256 = st.integers(0, 2**256 - 1)


@given(UINT256)
def test_ether_is_the_nearest_float(wei: int) -> None:
    assert ether(wei) == float(Fraction(wei, 10**18))


@given(UINT256, UINT256)
def test_keys_sort_as_their_amounts(one: int, other: int) -> None:
    assert (amount_key(one) < amount_key(other)) == (one < other)
    assert len(amount_key(one)) == 32


def test_an_amount_beyond_uint256_has_no_key() -> None:
    with pytest.raises(OverflowError):
        amount_key(2**256)


def test_times_are_aware_utc() -> None:
    assert utc(1_700_000_000) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, 253_402_300_800, 2**63, 2**256 - 1])
def test_what_is_no_date_is_none(seconds: int) -> None:
    assert date_or_none(seconds) is None


def test_the_first_and_the_last_date_are_dates() -> None:
    assert date_or_none(1) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert date_or_none(253_402_300_799) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@given(st.binary(max_size=64))
def test_hex_and_bytes_are_inverse(data: bytes) -> None:
    assert bytes_of(hex_of(data)) == data


def test_hex_without_0x_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with 0x"):
        bytes_of("abcd")
