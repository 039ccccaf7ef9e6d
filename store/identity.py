"""Ids derived from what a thing is, so that a rebuild or a second inclusion gives the same ids. Pure.

An id is the first 12 bytes of the SHA-256 of a tag and fields of fixed length; only the last may vary in
length, so that no two things are spelled alike.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from bson import ObjectId

AssetId = ObjectId
ASSETS_REMEMBERED = 1 << 16


@lru_cache(maxsize=ASSETS_REMEMBERED)
def asset_id(contract: str, token_id: int) -> ObjectId:
    """Of an asset: contract (hex with 0x, any letter case) and uint256 token id."""
    return _id(b"asset" + _fixed(contract, 20) + token_id.to_bytes(32, "big"))


def row_id(transaction_hash: str | bytes, ordinal: int, kind: str) -> ObjectId:
    """Of a row: its transaction, the ordinal of its log there (uint32), and what kind of row it is."""
    return _id(b"row__" + _fixed(transaction_hash, 32) + ordinal.to_bytes(4, "big") + kind.encode())


def quarantine_id(block_hash: str | bytes, log_index: int) -> ObjectId:
    """Of a log nobody could read: it has no meaning yet, so it is known by its place in one very block."""
    return _id(b"qtine" + _fixed(block_hash, 32) + log_index.to_bytes(4, "big"))


def new_id() -> ObjectId:
    """Of a thing without identity of its own, such as an entry of a ledger: unique, later ones sort later."""
    return ObjectId()


def _id(spelled: bytes) -> ObjectId:
    return ObjectId(sha256(spelled).digest()[:12])


def _fixed(value: str | bytes, length: int) -> bytes:
    data = value if isinstance(value, bytes) else bytes.fromhex(value[2:])
    if len(data) != length:
        raise ValueError(f"{length} bytes are needed to identify something, got {len(data)}")
    return data
