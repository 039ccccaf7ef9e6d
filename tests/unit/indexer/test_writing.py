"""What travels to the process that writes arrives as it was."""

from __future__ import annotations

from typing import Any

import pytest

from chain.values import BlockRef
from indexer.blocks import BadLog, Log, LoggedBlock, LoggedTransaction
from indexer.folded import ChangedAsset, EventfulBlock, Folded
from indexer.rows import Deed, PricePoint
from indexer.state import AssetState, At, MarketState, Metadata
from indexer.writing import Batch, of_bytes, one_behind, to_bytes
from store.encoding import utc
from store.spans import Span

ASSET, OWNER = "0x" + "aA" * 20, "0x" + "bB" * 20
HASH, PARENT = "0x" + "11" * 32, "0x" + "22" * 32
MOST = 2**256 - 1
AT = At(7, HASH, 1_700_000_000, utc(1_700_000_000), PARENT, 21_000, MOST)
STATE = AssetState(ASSET, 1, OWNER, 1, MOST, 1, 7, 0, HASH, 1, 7, 0, "uri\ufffd", MOST)
MARKET = MarketState(250, None, ASSET, ASSET, (ASSET,), {ASSET: None}, 80, {ASSET: OWNER})


def a_block(acquisition_date: int) -> LoggedBlock:
    metadata = Metadata("name", "art", "here", acquisition_date, "\udcff", is_verified=True)
    log = Log(bytes(20), 3, bytes(64), b"\xff" * 40)
    transactions = [LoggedTransaction(PARENT, 2, [log], 21_000, 5)]
    adopted = (LoggedBlock(3, PARENT, HASH, 1, transactions),)
    return LoggedBlock(
        7, HASH, PARENT, 9, transactions, "bloom", {(ASSET, 2**63 - 1): metadata}, adopted, bytes(32)
    )


def a_batch(block: LoggedBlock) -> Batch:
    folded = Folded(
        blocks=[EventfulBlock(block, [1, 2**63 - 1])],
        deeds=[Deed(ASSET, 1, 0, 0, AT, "buy", MOST, OWNER, ASSET, MOST // 40)],
        points=[PricePoint(ASSET, 1, 0, 0, AT, "ai-oracle", MOST, "source", 100)],
        rejected=[(block, BadLog(HASH, Log(bytes(20), 0, b"", b""), "why"))],
        assets=[ChangedAsset(STATE, approved=True, extent="new")],
        operators=[((ASSET, OWNER), True)],
        market=MARKET,
    )
    tip = {"number": 7, "hash": HASH}
    return Batch(folded, {"tip": tip, "tipTimestamp": utc(9)}, {"bloom": 1}, Span(1, 7, "logs-only"))


@pytest.mark.parametrize("acquired", [0, 1_700_000_000, 2**64, MOST])
def test_a_batch_arrives_as_it_was_dictated(acquired: int) -> None:
    batch = a_batch(a_block(acquired))

    assert of_bytes(to_bytes(batch)) == batch


def test_a_block_whose_texts_are_no_utf8_arrives_as_well() -> None:
    batch = a_batch(a_block(0))

    arrived = of_bytes(to_bytes(batch)).folded.blocks[0].block

    assert arrived.metadata[ASSET, 2**63 - 1].description == "\udcff"
    assert BlockRef(arrived.number, arrived.hash) == BlockRef(7, HASH)


# --- one behind -----------------------------------------------------------------------------


def test_batches_are_written_one_at_a_time_in_order_and_all_before_leaving() -> None:
    done: list[Any] = []

    with one_behind(lambda batch: done.append(batch.span.last)) as hand_over:
        for last in range(1, 20):
            batch = Batch(Folded([], [], [], [], [], [], None), {}, {}, Span(1, last, "logs-only"))
            hand_over(batch, lambda last=last: done.append(f"told {last}"))

    assert done == [said for last in range(1, 20) for said in (last, f"told {last}")]


def test_an_error_of_writing_surfaces_with_the_next_batch_or_at_the_end() -> None:
    told: list[int] = []

    def refuse(_: Batch) -> None:
        raise ValueError("refused")

    def hand_over(batches: int) -> None:
        with one_behind(refuse) as hand_over:
            for number in range(batches):
                hand_over(a_batch(a_block(0)), lambda number=number: told.append(number))

    for batches in (1, 2, 3):
        with pytest.raises(ValueError, match="refused"):
            hand_over(batches)

    assert told == []
