"""Sums of sales by the hour are a function of the rows, whatever was added, taken back or written again."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from store import trade_hours
from store.commit import Commit
from store.connection import Connection
from store.indexes import ensure_late
from store.ledger import Ledger
from store.market import Market
from store.reading import Reading
from store.schema import ensure_collections
from store.trade_windows import windows
from store.validators import VALIDATORS

SEED, STEPS, MINUTES_A_BLOCK = 7, 40, 47
GENESIS = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
UINT256 = 2**256 - 1
ALICE, BOB = "0xa", "0xb"


def at(block: int) -> datetime:
    return GENESIS + timedelta(minutes=MINUTES_A_BLOCK * block)


def sale(block: int, index: int, dice: random.Random) -> dict[str, Any]:
    wei = dice.choice([0, 1, 10**18 + 1, UINT256, dice.randrange(UINT256)])
    return {
        "_id": ObjectId(),
        "type": dice.choice(["buy", "buy", "list"]),
        "contractAddress": dice.choice(["0xold", "0xnew"]),
        "seller": dice.choice([ALICE, BOB]),
        "buyer": dice.choice([ALICE, BOB]),
        "priceWei": str(wei),
        "platformFeeWei": dice.choice([None, str(wei // 40)]),
        "timestamp": at(block),
        "blockchain": {"blockNumber": block, "logIndex": index},
    }


@pytest.fixture
def ledger(connection: Connection) -> Ledger:
    ensure_collections(connection.database)
    ensure_late(connection.database)
    # Rows of this test are rows of sales and nothing else.
    connection.database.command("collMod", "transactions", validator={})
    connection.database.command("collMod", "checkpoints", validator={})
    stands = {"_id": "indexer", "epoch": 1, "version": 0, "seq": 0, "finalized": None}
    connection.database["checkpoints"].insert_one(stands)
    return Ledger(connection, 1)


def test_windows_are_what_a_pass_over_all_sales_says(connection: Connection, ledger: Ledger) -> None:
    dice, tip = random.Random(SEED), 0
    for step in range(STEPS):
        kind = dice.choice(["block", "block", "block", "batch", "rewind", "rewrite", "drop"])
        first, last = tip + 1, tip + dice.choice([1, 1, 60])
        commit = Commit({"step": step})
        if kind == "rewind" and tip > 2:
            commit.rewind_above = tip = tip - dice.choice([1, 2])
            first, last = 1, 0
        elif kind == "rewrite" and tip > 3:
            first, last = tip - 2, tip
            commit.rewrite_rows_of = first, last
        elif kind == "drop" and tip:
            commit.rewind_above, commit.dropped_contracts = tip, ["0xold"]
            first, last = 1, 0
        commit.transactions = [
            sale(n, i, dice) for n in range(first, last + 1) for i in range(dice.choice([0, 2, 3]))
        ]
        tip = max(tip, last)

        ledger.commit(commit)

        now = at(tip) + timedelta(seconds=dice.choice([0, 1799]))
        with Reading(connection.database).view() as view:
            assert windows(view.snapshot, now) == Market(view.snapshot).trade(now), (step, kind)
    rows = connection.database["transactions"].find({"type": "buy"})
    expected = {hour: sums.stored() for hour, sums in trade_hours.sums_of(rows).items()}
    kept = {one.pop("_id"): one for one in connection.database["tradeHours"].find()}
    assert len(kept) > 20
    assert kept == expected


def test_what_is_kept_fits_its_validator(connection: Connection, ledger: Ledger) -> None:
    row = sale(1, 0, random.Random(SEED)) | {"type": "buy"}

    ledger.commit(Commit({"step": 1}, transactions=[row]))

    fits = {"$jsonSchema": VALIDATORS["tradeHours"]}
    assert connection.database["tradeHours"].count_documents(fits) == 1
