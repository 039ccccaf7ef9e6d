"""The Merkle trie over a block's receipts, whose root the block's header carries. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import rlp  # type: ignore[import-untyped]
from trie.hexary import HexaryTrie

from chain.bloom import bloom_of
from chain.values import Hash, RawLog

LEGACY = 0
KNOWN_TYPES = frozenset({LEGACY, 1, 2, 3, 4})
"""Access lists (EIP-2930), dynamic fees (1559), blobs (4844), set code (7702): one payload for all."""


class FullReceipt(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A receipt with every field that enters the trie; `root` stands for `status` before Byzantium."""

    transaction_hash: str
    transaction_index: str
    block_hash: str | None
    cumulative_gas_used: str
    logs: list[RawLog]
    type: str = "0x0"
    status: str | None = None
    root: str | None = None
    logs_bloom: str | None = None

    @property
    def kind(self) -> int:
        """The transaction type of EIP-2718."""
        return int(self.type, 16)


def root_of(receipts: Sequence[FullReceipt]) -> Hash:
    """The root over receipts in the order of their transactions. Raises ValueError on malformed fields.

    A type that is not known is encoded as the known ones are; whether that is right shows in the root.
    """
    trie = HexaryTrie({})
    for place, receipt in enumerate(receipts):
        trie[rlp.encode(place)] = encoded(receipt)
    return "0x" + trie.root_hash.hex()


def encoded(receipt: FullReceipt) -> bytes:
    """The receipt as it enters the trie: RLP, behind its type unless that is 0."""
    logs = [
        [_bytes(log.address), [_bytes(topic) for topic in log.topics], _bytes(log.data)]
        for log in receipt.logs
    ]
    payload: bytes = rlp.encode(
        [_outcome(receipt), int(receipt.cumulative_gas_used, 16), _bloom(receipt), logs]
    )
    return payload if receipt.kind == LEGACY else bytes([receipt.kind]) + payload


def unknown_types(receipts: Iterable[FullReceipt]) -> list[int]:
    """The transaction types whose receipts we cannot be sure to encode rightly."""
    return sorted({receipt.kind for receipt in receipts} - KNOWN_TYPES)


def _outcome(receipt: FullReceipt) -> int | bytes:
    if receipt.status is not None:
        return int(receipt.status, 16)
    if receipt.root is None:
        raise ValueError(f"{receipt.transaction_hash} has neither status nor root")
    return _bytes(receipt.root)


def _bloom(receipt: FullReceipt) -> bytes:
    """What the node sends; some send none."""
    return _bytes(receipt.logs_bloom or bloom_of(receipt.logs))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
