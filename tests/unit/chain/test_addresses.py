"""Addresses have one spelling."""

import pytest
from eth_utils.address import to_checksum_address

from chain.addresses import ZERO, NotAnAddress, WrongChecksum, parse_address, to_checksum
from chain.bloom import is_blank, may_contain
from tests.unit.chain.fake_node import BLANK_BLOOM, bloom_of

KNOWN = ["0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0", ZERO]
MANY: list[str] = [to_checksum_address(f"0x{n**9:040x}") for n in range(1, 300)]


@pytest.mark.parametrize("address", KNOWN + MANY[:20])
def test_every_letter_case_gives_the_one_spelling(address: str) -> None:
    for text in (address, address.lower(), "0x" + address[2:].upper(), "0X" + address[2:].upper()):
        assert parse_address(text) == address
    assert to_checksum(address.lower()) == to_checksum(bytes.fromhex(address[2:])) == address


def test_a_wrong_checksum_is_refused_with_the_right_one() -> None:
    with pytest.raises(WrongChecksum) as caught:
        parse_address("0x5fbDB2315678afecb367f032d93F642f64180aa3")

    assert caught.value.expected == KNOWN[0]
    assert KNOWN[0] in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "0x", "0x12", KNOWN[0][2:], KNOWN[0] + "0", "0x" + "g" * 40, KNOWN[0] + "\n", "é" * 42]
)
def test_what_is_not_20_bytes_of_hex_is_no_address(text: str) -> None:
    with pytest.raises(NotAnAddress):
        parse_address(text)


def test_bytes_of_another_length_are_no_address() -> None:
    with pytest.raises(NotAnAddress):
        to_checksum(b"\x01" * 19)


def test_a_bloom_never_denies_what_it_holds() -> None:
    bloom = bloom_of(MANY[:50])

    assert all(may_contain(bloom, address) for address in MANY[:50])
    assert all(may_contain(bloom, address.lower()) for address in MANY[:50])


def test_a_bloom_mostly_denies_what_it_does_not_hold() -> None:
    bloom = bloom_of(MANY[:50])

    assert sum(may_contain(bloom, address) for address in MANY[50:]) < 10
    assert not any(may_contain(BLANK_BLOOM, address) for address in MANY)


def test_blank_blooms_are_told_apart() -> None:
    assert all(is_blank(bloom) for bloom in (None, "0x", BLANK_BLOOM))
    assert not is_blank(bloom_of(MANY[:1]))
