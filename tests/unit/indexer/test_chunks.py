"""Blocks too big for one document, and blocks as documents at all."""

from __future__ import annotations

from typing import Any

import bson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from indexer.block_documents import chain_events_documents, read_blocks
from indexer.blocks import Log, LoggedBlock, LoggedTransaction
from indexer.chunks import TooManyChunks, joined, size_of, split, whole_blocks
from indexer.state import Metadata
from tests.unit.indexer.plays import RWA, RWA2

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def hash_of(number: int) -> str:
    return f"0x{number:064x}"


def a_log(index: int, data: bytes = b"") -> Log:
    return Log(address=bytes(20), log_index=index, topics=bytes(32), data=data)


def a_block(number: int, transactions: list[LoggedTransaction], **more: Any) -> LoggedBlock:
    return LoggedBlock(
        number, hash_of(number), hash_of(number - 1), 1_700_000_000, transactions, "bloom", **more
    )


@st.composite
def blocks(draw: st.DrawFn, number: int = 9, adopted: bool = True) -> LoggedBlock:
    transactions: list[LoggedTransaction] = []
    index = 0
    for at, sizes in enumerate(
        draw(st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=5), max_size=5))
    ):
        logs = [a_log(index + n, bytes(size)) for n, size in enumerate(sizes)]
        index += len(sizes)
        gas = draw(st.none() | st.integers(0, 2**60))
        transactions.append(
            LoggedTransaction(hash_of(1000 * number + at), at, logs, gas, gas and gas * 2**100)
        )
    tokens = draw(
        st.lists(st.tuples(st.sampled_from([RWA, RWA2]), st.integers(1, 9)), unique=True, max_size=4)
    )
    texts = st.builds(Metadata, st.text(max_size=80), *[st.text(max_size=9)] * 2, st.integers(0, 2**256 - 1),
                      st.text(), st.booleans())  # fmt: skip
    earlier = (
        [draw(blocks(n, adopted=False)) for n in range(2, 2 + draw(st.integers(0, 3)))] if adopted else []
    )
    return a_block(
        number, transactions, metadata={key: draw(texts) for key in tokens}, adopted=tuple(earlier)
    )


@FEW
@given(block=blocks())
def test_a_block_comes_back_from_its_documents(block: LoggedBlock) -> None:
    documents = chain_events_documents(block, [3, 1, 3])

    stored: list[Any] = [
        bson.decode(bson.encode(each), bson.CodecOptions(tz_aware=True)) for each in documents
    ]

    assert stored[0]["tokens"] == [1, 3]
    assert list(read_blocks(stored)) == [block]


@FEW
@given(block=blocks(), largest=st.integers(1, 1500))
def test_a_block_comes_back_from_chunks_of_any_size(block: LoggedBlock, largest: int) -> None:
    parts = split(block, largest)

    assert list(whole_blocks(parts)) == [block]


@FEW
@given(block=blocks(), largest=st.integers(1, 1500))
def test_a_block_comes_back_from_documents_in_chunks_of_any_size(block: LoggedBlock, largest: int) -> None:
    documents = [chain_events_documents(part, [])[0] for part in split(block, largest)]

    stored: list[Any] = [
        bson.decode(bson.encode(each), bson.CodecOptions(tz_aware=True)) for each in documents
    ]

    assert list(read_blocks(stored)) == [block]


def test_chunks_are_numbered_so_that_they_sort_after_their_block() -> None:
    transactions = [LoggedTransaction(hash_of(n), n, [a_log(n, bytes(1024 * 1024))]) for n in range(20)]

    documents = chain_events_documents(a_block(9, transactions), [4])

    assert [each["_id"] for each in documents] == [9, 9 + 1 / 1024, 9 + 2 / 1024]
    assert [each["tokens"] for each in documents] == [[4], [], []]
    assert max(len(bson.encode(each)) for each in documents) < 16 * 1024 * 1024


def test_a_transaction_of_an_adopted_block_that_was_cut_is_one_again() -> None:
    earlier = a_block(3, [LoggedTransaction(hash_of(77), 0, [a_log(0, bytes(200)), a_log(1, bytes(200))])])
    block = a_block(9, [], adopted=(earlier,))

    parts = split(block, 350)

    assert len(parts) > 1
    assert list(whole_blocks(parts)) == [block]


def test_every_part_but_one_of_a_single_piece_is_below_the_limit() -> None:
    transactions = [LoggedTransaction(hash_of(n), n, [a_log(n, bytes(100))]) for n in range(50)]

    parts = split(a_block(9, transactions), 1000)

    assert max(map(size_of, parts)) <= 1000
    assert len(parts) <= 30


def test_a_small_block_is_left_alone() -> None:
    block = a_block(9, [LoggedTransaction(hash_of(1), 0, [a_log(0)])])

    assert split(block) == [block]


def test_neighbours_of_different_blocks_are_not_joined() -> None:
    one, two = a_block(1, []), a_block(2, [])

    assert list(whole_blocks([one, two])) == [one, two]


def test_joining_keeps_transactions_apart_that_only_touch() -> None:
    first = a_block(9, [LoggedTransaction(hash_of(1), 0, [a_log(0)])])
    second = a_block(9, [LoggedTransaction(hash_of(2), 1, [a_log(1)])])

    assert [each.hash for each in joined(first, second).transactions] == [hash_of(1), hash_of(2)]


def test_a_block_that_would_need_too_many_documents_says_so() -> None:
    transactions = [LoggedTransaction(hash_of(n), n, [a_log(n)]) for n in range(1100)]

    with pytest.raises(TooManyChunks, match="block 9"):
        split(a_block(9, transactions), 1)


@pytest.mark.parametrize("kind", ["transactions", "adopted blocks"])
def test_a_chunk_is_no_more_than_twice_as_big_as_it_was_taken_for(kind: str) -> None:
    """MongoDB refuses 16 MB; a chunk is cut at 8 MB by our own measure."""
    limit = 64 * 1024
    transactions = [LoggedTransaction(hash_of(n), n, [a_log(n)], 21_000, 10**9) for n in range(1500)]
    block = a_block(9000, transactions)
    if kind == "adopted blocks":
        adopted = tuple(replace(a_block(n + 1, [each])) for n, each in enumerate(transactions))
        block = a_block(9000, [], adopted=adopted)

    parts = split(block, limit)

    assert max(len(bson.encode(chain_events_documents(part, [])[0])) for part in parts) <= 2 * limit
