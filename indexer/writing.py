"""History is written down one batch behind the fold: by a thread, or by a process of its own (`scribe`)."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec

from indexer.changes import Books, named_market
from indexer.folded import EventfulBlock, Folded
from indexer.telling import Fact
from store.commit import Commit
from store.spans import Span


class Batch(msgspec.Struct, frozen=True):
    """A part of history that was folded, and where it leaves us."""

    folded: Folded
    checkpoint: dict[str, Any]
    tally: Mapping[str, int]
    span: Span
    told: list[Fact] = []
    """For listeners."""


Write = Callable[[Batch], None]
"""Commits a batch; raises what `Ledger.commit` raises."""


def commit_of(batch: Batch, books: Books) -> Commit:
    """The documents of a batch. Its blocks are final: what it makes of the configuration is its base, too."""
    commit = books.commit(batch.folded, batch.checkpoint)
    commit.trusted = True
    commit.tally = batch.tally
    commit.spans = [batch.span]
    commit.told = batch.told
    if batch.folded.market is not None:
        commit.markets = [*commit.markets, named_market("base", batch.folded.market)]
    return commit


@contextmanager
def one_behind(write: Write) -> Iterator[Callable[[Batch, Callable[[], None]], None]]:
    """Write in a thread of its own, one batch behind the fold; leaving waits for the last commit."""
    under_way: list[Future[None]] = []

    def write_and_tell(batch: Batch, written: Callable[[], None]) -> None:
        write(batch)
        written()

    def hand_over(batch: Batch, written: Callable[[], None]) -> None:
        while under_way:
            under_way.pop().result()
        under_way.append(pool.submit(write_and_tell, batch, written))

    with ThreadPoolExecutor(1, thread_name_prefix="commit") as pool:
        try:
            yield hand_over
        finally:
            # Also when the node failed: whoever goes on must know that the last commit did not happen.
            while under_way:
                under_way.pop().result()


# --- to another process -------------------------------------------------------------------

_blocks_to_bytes = msgspec.msgpack.Encoder().encode
_blocks_of_bytes = msgspec.msgpack.Decoder(list[EventfulBlock]).decode


def to_bytes(batch: Batch) -> bytes:
    """For a process of ours, and for nobody else. Logs are most of it, and go the fastest way."""
    blocks = batch.folded.blocks
    try:
        raw: bytes | list[EventfulBlock] = _blocks_to_bytes(blocks)
    except (OverflowError, UnicodeEncodeError):  # say, a date of acquisition beyond 64 bits
        raw = blocks
    rest = msgspec.structs.replace(batch, folded=msgspec.structs.replace(batch.folded, blocks=[]))
    return pickle.dumps((raw, rest), pickle.HIGHEST_PROTOCOL)


def of_bytes(message: bytes) -> Batch:
    """What `to_bytes` was given."""
    raw, rest = pickle.loads(message)
    blocks = _blocks_of_bytes(raw) if isinstance(raw, bytes) else raw
    batch: Batch = msgspec.structs.replace(rest, folded=msgspec.structs.replace(rest.folded, blocks=blocks))
    return batch
