"""Does a block's bloom filter admit that an address logged something?"""

from __future__ import annotations

from functools import lru_cache

from eth_hash.auto import keccak

from chain.values import Address

BLOOM_LENGTH = 2 + 512
"""Characters: 2048 bits as hex with 0x."""


def may_contain(bloom_hex: str, address: Address) -> bool:
    """False means: certainly no log of this address, if the chain fills its blooms at all."""
    return all(int(bloom_hex[place], 16) & mask for place, mask in _positions(address))


def is_blank(bloom_hex: str | None) -> bool:
    """True for a missing, malformed or all-zero bloom."""
    return bloom_hex is None or len(bloom_hex) != BLOOM_LENGTH or not bloom_hex[2:].strip("0")


@lru_cache(maxsize=4096)
def _positions(address: Address) -> tuple[tuple[int, int], ...]:
    """The three (character of the hex text, bit within it) that the address sets."""
    digest = keccak(bytes.fromhex(address[2:]))
    bits = [int.from_bytes(digest[i : i + 2], "big") % 2048 for i in (0, 2, 4)]
    return tuple((BLOOM_LENGTH - 1 - bit // 4, 1 << bit % 4) for bit in bits)
