"""Amounts, times and bytes as MongoDB keeps them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

WEI_PER_ETHER = 10**18
LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, the last that a datetime can say."""


def ether(wei: int) -> float:
    """The float nearest to the amount in ether, for display; dividing integers rounds once only."""
    return wei / WEI_PER_ETHER


def amount_key(wei: int) -> bytes:
    """A uint256 as 32 big-endian bytes: binaries of one length sort exactly as the amounts."""
    return wei.to_bytes(32, "big")


@lru_cache(maxsize=4096)
def utc(seconds: int) -> datetime:
    """Unix seconds as an aware datetime; ValueError (or OverflowError) after the year 9999."""
    return datetime.fromtimestamp(seconds, UTC)


def date_or_none(seconds: int) -> datetime | None:
    """A uint256 that may mean a date: None for 0, which says "not given", and for what no calendar holds."""
    return utc(seconds) if 0 < seconds <= LAST_SECOND else None


def hex_of(data: bytes) -> str:
    """Bytes as lower-case hex with 0x."""
    return "0x" + data.hex()


def bytes_of(text: str) -> bytes:
    """Hex with 0x, in any letter case, as bytes."""
    if text[:2] != "0x":
        raise ValueError(f"hex begins with 0x, and this does not: {text[:20]!r}")
    return bytes.fromhex(text[2:])
