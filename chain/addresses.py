"""Addresses in their one spelling, EIP-55.

AddressError (a ValueError)
├── NotAnAddress    not 20 bytes of hex with 0x
└── WrongChecksum   mixed case that contradicts its checksum: most likely a typing error
"""

from __future__ import annotations

import re
from functools import lru_cache

from eth_hash.auto import keccak

from chain.values import Address

ZERO: Address = "0x" + "0" * 40
CACHED_ADDRESSES = 100_000
"""A checksum costs a Keccak hash, and the same few thousand addresses come again and again."""

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")


class AddressError(ValueError):
    """Base of all: this text is not an address that we accept."""


class NotAnAddress(AddressError):
    """The text is not 0x and 40 hex digits."""

    def __init__(self, text: str) -> None:
        super().__init__(f"not an address (0x and 40 hex digits): {text[:80]!r}")
        self.text = text


class WrongChecksum(AddressError):
    """The letter case breaks the EIP-55 checksum; `expected` is the right spelling of these digits."""

    def __init__(self, text: str, expected: Address) -> None:
        super().__init__(f"{text} has a wrong checksum; check the digits, the right spelling is {expected}")
        self.text = text
        self.expected = expected


@lru_cache(maxsize=CACHED_ADDRESSES)
def to_checksum(address: str | bytes) -> Address:
    """Spell 20 bytes, or 40 hex digits with 0x in any case, as EIP-55."""
    digits = address.hex() if isinstance(address, bytes) else address[2:].lower()
    if len(digits) != 40:
        raise NotAnAddress(str(address))
    digest = keccak(digits.encode("ascii")).hex()
    return "0x" + "".join(c.upper() if nibble > "7" else c for c, nibble in zip(digits, digest, strict=False))


def parse_address(text: str) -> Address:
    """Accept an address in lower, upper or correctly mixed case; refuse wrong mixed case."""
    if not _ADDRESS.fullmatch(text):
        raise NotAnAddress(text)
    address = to_checksum("0x" + text[2:].lower())
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper(), address[2:]):
        raise WrongChecksum(text, address)
    return address
