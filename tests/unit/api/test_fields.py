from __future__ import annotations

import pytest
from marshmallow.exceptions import ValidationError

from api.fields import Ether, Moment, camel_case, checksummed

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@pytest.mark.parametrize(
    ("text", "wei"),
    [
        ("0", 0),
        ("1", 10**18),
        ("12.5", 12_500000000000000000),
        ("0.000000000000000001", 1),
        ("15.123456789012345678", 15_123456789012345678),
        ("0012", 12 * 10**18),
        ("9" * 60, (10**60 - 1) * 10**18),
    ],
)
def test_ether_is_read_to_the_wei(text, wei):
    assert Ether().deserialize(text) == wei


@pytest.mark.parametrize(
    "text", ["", ".5", "5.", "1e3", "-1", "+1", "1,5", " 1", "1\n", "NaN", "٣", "0x1", "9" * 61]
)
def test_other_spellings_of_ether_are_refused(text):
    with pytest.raises(ValidationError, match="ether"):
        Ether().deserialize(text)


@pytest.mark.parametrize(
    "spelled", [ADDRESS, ADDRESS.lower(), "0x" + ADDRESS[2:].upper(), "0X" + ADDRESS[2:]]
)
def test_an_address_is_read_in_any_letter_case(spelled):
    assert checksummed(spelled) == ADDRESS


def test_a_wrong_checksum_is_told_the_right_one():
    with pytest.raises(ValidationError, match=ADDRESS):
        checksummed(ADDRESS.replace("Fb", "fB"))


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31t12:00:00.25z", "2026-01-31T12:00:00.250000+00:00"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00+00:00"),
    ],
)
def test_moments_are_read_as_utc(text, iso):
    assert Moment().deserialize(text).isoformat() == iso


@pytest.mark.parametrize(
    "text", ["2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z", "1", "0001-01-01T00:00:00+23:59"]
)
def test_other_spellings_of_moments_are_refused(text):
    with pytest.raises(ValidationError, match="must be a time"):
        Moment().deserialize(text)


def test_names_are_camel_case_outside():
    assert [camel_case(name) for name in ("q", "token_id", "from")] == ["q", "tokenId", "from"]
