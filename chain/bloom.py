"""Does a block's bloom filter admit that an address logged something?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from eth_hash.auto import keccak

from chain.values import Address, RawLog

BLOOM_BITS = 2048
BLOOM_LENGTH = 2 + BLOOM_BITS // 4
"""Characters: the bits as hex with 0x."""
SATURATED_BITS = BLOOM_BITS // 2
"""A bloom with half its bits set says yes to one in eight strangers."""


def may_contain(bloom_hex: str, address: Address) -> bool:
    """False means: certainly no log of this address, if the chain fills its blooms at all."""
    return all(int(bloom_hex[place], 16) & mask for place, mask in _positions(address))


def is_blank(bloom_hex: str | None) -> bool:
    """True for a missing, malformed or all-zero bloom."""
    return bloom_hex is None or len(bloom_hex) != BLOOM_LENGTH or not bloom_hex[2:].strip("0")


def is_saturated(bloom_hex: str) -> bool:
    """True when so many bits are set that the bloom says yes to nearly everybody."""
    return int(bloom_hex, 16).bit_count() > SATURATED_BITS


def bloom_of(logs: Iterable[RawLog]) -> str:
    """The bloom filter of some logs, as headers and receipts spell it."""
    filled = 0
    for value in {value for log in logs for value in (log.address, *log.topics)}:
        for bit in _bits(value):
            filled |= 1 << bit
    return f"0x{filled:0512x}"


def _bits(value_hex: str) -> Iterator[int]:
    digest = keccak(bytes.fromhex(value_hex[2:]))
    return (int.from_bytes(digest[at : at + 2], "big") % BLOOM_BITS for at in (0, 2, 4))


@lru_cache(maxsize=4096)
def _positions(address: Address) -> tuple[tuple[int, int], ...]:
    """The three (character of the hex text, bit within it) that the address sets."""
    return tuple((BLOOM_LENGTH - 1 - bit // 4, 1 << bit % 4) for bit in _bits(address))
