"""Ids derived from what things are."""

from __future__ import annotations

import pytest
from bson import ObjectId
from eth_utils.address import to_checksum_address

from store.identity import asset_id, new_id, quarantine_id, row_id

CONTRACT = to_checksum_address("0x" + "ab" * 20)
HASH = "0x" + "cd" * 32


def test_ids_never_change() -> None:
    """Links and databases outlive a version: these values are part of the format."""
    assert asset_id(CONTRACT, 7) == ObjectId("504da22188e2483e3bf4e0cb")
    assert row_id(HASH, 3, "mint") == ObjectId("94acdbe4351e30982f7aabcf")
    assert quarantine_id(HASH, 3) == ObjectId("ea3509246b44b14a0de689ff")


def test_the_letter_case_of_an_address_does_not_matter() -> None:
    assert asset_id(CONTRACT, 7) == asset_id(CONTRACT.lower(), 7)


def test_a_hash_may_be_hex_or_bytes() -> None:
    assert row_id(HASH, 3, "mint") == row_id(bytes.fromhex(HASH[2:]), 3, "mint")
    assert quarantine_id(HASH, 3) == quarantine_id(bytes.fromhex(HASH[2:]), 3)


def test_different_things_have_different_ids() -> None:
    ids = {
        *(asset_id(CONTRACT, token_id) for token_id in (0, 1, 256, 2**256 - 1)),
        asset_id("0x" + "ac" * 20, 0),
        *(row_id(HASH, ordinal, kind) for ordinal in (0, 1, 256) for kind in ("mint", "list", "")),
        row_id("0x" + "ce" * 32, 0, "mint"),
        *(quarantine_id(HASH, index) for index in (0, 1, 256)),
    }

    assert len(ids) == 5 + 10 + 3


@pytest.mark.parametrize("wrong", ["0x", "0x12", CONTRACT])
def test_what_is_no_hash_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        row_id(wrong, 0, "mint")


def test_new_ids_are_unique() -> None:
    assert len({new_id() for _ in range(100)}) == 100
