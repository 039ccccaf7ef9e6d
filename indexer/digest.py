"""The state digest: equal states give equal digests, in whatever order and batches they came about.

It is the sum modulo 2**256 of the SHA-256 of every state, so that a change costs two hashes and not a
scan. It finds faults; it is no commitment against somebody who can choose the states. The digest of the
events that led there is in `rolling`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from indexer.state import AssetState, MarketState, OperatorKey
from indexer.world import World

MODULUS = 1 << 256
EMPTY = 0

State = AssetState | MarketState | OperatorKey


def hash_of(state: State) -> int:
    """SHA-256 of the state's canonical text."""
    return int.from_bytes(hashlib.sha256(repr(state).encode("utf-8", "surrogatepass")).digest(), "big")


def digest_of(assets: Iterable[AssetState], approving: Iterable[OperatorKey], market: MarketState) -> int:
    """Digest of whole states; `approving` are the owners whose approval is in force."""
    total = hash_of(market)
    for state in assets:
        total += hash_of(state)
    for key in approving:
        total += hash_of(key)
    return total % MODULUS


def moved(digest: int, world: World) -> int:
    """The digest after what the world's batch changed."""
    for key, before in world.before.items():
        digest += _difference(before, world.assets[key])
    for operator, was in world.operators_before.items():
        digest += (world.is_operator_approved(operator) - bool(was)) * hash_of(operator)
    return (digest + _difference(world.market_before, world.market)) % MODULUS


def _difference(before: AssetState | MarketState | None, after: AssetState | MarketState | None) -> int:
    if before == after:
        return 0
    return (hash_of(after) if after is not None else 0) - (hash_of(before) if before is not None else 0)


def to_text(digest: int) -> str:
    """64 hex digits."""
    return f"{digest:064x}"
