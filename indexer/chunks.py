"""Blocks too big for one document become several, which are read back as one block. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from indexer.blocks import Log, LoggedBlock, LoggedTransaction

LARGEST_CHUNK_BYTES = 8 * 1024 * 1024
CHUNKS_PER_BLOCK = 1024
"""Chunk k of block n is kept under n + k/1024: exact as a double, and sorted after its block."""
LOG_OVERHEAD_BYTES = 80
TRANSACTION_OVERHEAD_BYTES = 140
BLOCK_OVERHEAD_BYTES = 260
METADATA_OVERHEAD_BYTES = 200


class TooManyChunks(ValueError):
    """One block says more than 8 GB about us."""


def split(block: LoggedBlock, largest: int = LARGEST_CHUNK_BYTES) -> list[LoggedBlock]:
    """The block in parts below a size; almost always the block itself."""
    if size_of(block) <= largest:
        return [block]
    parts = [replace(block, transactions=[], metadata={}, adopted=())]
    room = largest
    for piece in _pieces(block, largest):
        needed = size_of(piece)
        if needed > room:
            parts.append(replace(block, transactions=[], metadata={}, adopted=()))
            room = largest
        parts[-1] = joined(parts[-1], piece)
        room -= needed
    if len(parts) > CHUNKS_PER_BLOCK:
        raise TooManyChunks(f"block {block.number} needs {len(parts)} documents")
    return parts


def joined(block: LoggedBlock, more: LoggedBlock) -> LoggedBlock:
    """Two parts of one block; a transaction cut in two becomes one again."""
    transactions = list(block.transactions)
    for transaction in more.transactions:
        if transactions and transactions[-1].hash == transaction.hash:
            whole = replace(transaction, logs=[*transactions[-1].logs, *transaction.logs])
            transactions[-1] = whole
        else:
            transactions.append(transaction)
    return replace(
        block,
        transactions=transactions,
        metadata={**block.metadata, **more.metadata},
        adopted=_adopted(block.adopted, more.adopted),
    )


def _adopted(first: tuple[LoggedBlock, ...], more: tuple[LoggedBlock, ...]) -> tuple[LoggedBlock, ...]:
    """An adopted block that was cut in two becomes one again."""
    if first and more and first[-1].number == more[0].number:
        return (*first[:-1], joined(first[-1], more[0]), *more[1:])
    return (*first, *more)


def whole_blocks(parts: Iterable[LoggedBlock]) -> Iterator[LoggedBlock]:
    """Join neighbouring parts of the same block."""
    pending: LoggedBlock | None = None
    for part in parts:
        if pending is not None and pending.number == part.number:
            pending = joined(pending, part)
            continue
        if pending is not None:
            yield pending
        pending = part
    if pending is not None:
        yield pending


def size_of(block: LoggedBlock) -> int:
    """Bytes that the block takes as a document, roughly and rather too many."""
    logs = sum(
        [
            len(log.topics) + len(log.data) + LOG_OVERHEAD_BYTES
            for transaction in block.transactions
            for log in transaction.logs
        ]
    )
    texts = sum(
        METADATA_OVERHEAD_BYTES
        + len(each.name.encode(errors="replace"))
        + len(each.asset_type.encode(errors="replace"))
        + len(each.asset_location.encode(errors="replace"))
        + len(each.description.encode(errors="replace"))
        for each in block.metadata.values()
    )
    transactions = TRANSACTION_OVERHEAD_BYTES * len(block.transactions)
    adopted = sum(BLOCK_OVERHEAD_BYTES + size_of(earlier) for earlier in block.adopted)
    return logs + transactions + texts + adopted


def _pieces(block: LoggedBlock, largest: int) -> Iterator[LoggedBlock]:
    empty = replace(block, transactions=[], metadata={}, adopted=())
    for earlier in block.adopted:
        for part in split(earlier, largest):
            yield replace(empty, adopted=(part,))
    for key, metadata in block.metadata.items():
        yield replace(empty, metadata={key: metadata})
    for transaction in block.transactions:
        for logs in _log_groups(transaction, largest):
            yield replace(empty, transactions=[replace(transaction, logs=logs)])


def _log_groups(transaction: LoggedTransaction, largest: int) -> Iterator[list[Log]]:
    group: list[Log] = []
    room = largest
    for log in transaction.logs:
        if group and _log_size(log) > room:
            yield group
            group, room = [], largest
        group.append(log)
        room -= _log_size(log)
    if group:
        yield group


def _log_size(log: Log) -> int:
    return len(log.topics) + len(log.data) + LOG_OVERHEAD_BYTES
