"""The plain values that the chain edge hands out: blocks, logs, receipts, calls."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

Address = str
"""EIP-55 checksummed, 42 characters."""
Hash = str
"""Lower-case hex with 0x, 66 characters."""


class BlockRef(NamedTuple):
    """A block as a point of one branch."""

    number: int
    hash: Hash


class Header(msgspec.Struct, frozen=True, gc=False):
    """The part of a block header that following a chain needs; timestamp in Unix seconds."""

    number: int
    hash: Hash
    parent_hash: Hash
    timestamp: int
    logs_bloom: str | None = None
    """256 bytes as hex with 0x; None where the node sends none."""

    @property
    def ref(self) -> BlockRef:
        return BlockRef(self.number, self.hash)


class RawLog(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One log exactly as `eth_getLogs` spells it: every field is the node's hex string."""

    address: str
    topics: list[str]
    data: str
    block_hash: str
    block_number: str
    transaction_hash: str
    transaction_index: str
    log_index: str
    removed: bool = False


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What one transaction cost. Prices are wei per gas; None where the node does not say."""

    transaction_hash: Hash
    block_hash: Hash
    gas_used: int
    effective_gas_price_wei: int | None


class Call(msgspec.Struct, frozen=True, gc=False):
    """One `eth_call`: selector and arguments, ABI-encoded, as hex with 0x."""

    to: Address
    data: str


class Reverted(msgspec.Struct, frozen=True, gc=False):
    """The contract refused the call (or has no code there); not a failure of the node."""

    message: str
    data: str | None = None


CallResult = bytes | Reverted
