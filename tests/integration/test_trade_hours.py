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
from store.counting import is_counted, recount
from store.indexes import ensure_late
from store.ledger import Ledger
from store.market import Market
from store.market_history import MarketHistory, Span
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
        "type": dice.choice(["buy", "buy", "list", "mint", "delist"]),
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
    connection.database["tradeHours"].insert_one(trade_hours.nothing())
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
    assert_summed_up(connection)


def assert_summed_up(connection: Connection) -> None:
    """Each hour is what its rows say, and all of them what all rows say."""
    hours = trade_hours.sums_of(connection.database["transactions"].find())
    whole = trade_hours.Sums()
    for sums in hours.values():
        whole.move(sums)
    kept = {one["_id"]: trade_hours.read_sums(one) for one in connection.database["tradeHours"].find()}
    assert len(kept) > 20
    assert kept == {**hours, trade_hours.ALL_HOURS: whole}


SPANS = [(length, first) for length in (1, 4, 24, 24 * 7) for first in (0, 5, 30)]
"""Hours of a bucket, and from which hour on."""


def test_buckets_of_whole_hours_are_what_a_pass_over_the_rows_says(
    connection: Connection, ledger: Ledger
) -> None:
    dice = random.Random(SEED)
    ledger.commit(Commit({}, transactions=[sale(n, i, dice) for n in range(300) for i in range(3)]))
    start = datetime(2026, 1, 1, tzinfo=UTC)

    with Reading(connection.database).view() as view:
        history = MarketHistory(view.snapshot, hours_are_kept=True)
        for length, first in SPANS:
            span = Span(start + timedelta(hours=first), timedelta(hours=length), 40)
            told = history.doings(span)
            assert told == history.doings_by_rows(span), (length, first)
            assert sum(one.mints for one in told.values()) > 0 < sum(one.listings for one in told.values())


def test_before_the_first_hour_that_there_is_nothing_happened(connection: Connection, ledger: Ledger) -> None:
    dice = random.Random(SEED)
    ledger.commit(Commit({}, transactions=[sale(n, i, dice) for n in range(50) for i in range(3)]))
    span = Span(datetime(1969, 12, 29, tzinfo=UTC), timedelta(days=7), 3)

    with Reading(connection.database).view() as view:
        assert MarketHistory(view.snapshot, hours_are_kept=True).doings(span) == {}


def test_windows_that_begin_before_the_first_hour_hold_everything_once(
    connection: Connection, ledger: Ledger
) -> None:
    rows, epoch = [sale(n, 0, random.Random(SEED)) for n in range(50)], datetime(1970, 1, 1, tzinfo=UTC)
    for row in rows:
        row["timestamp"] = epoch + (row["timestamp"] - GENESIS)
    ledger.commit(Commit({}, transactions=rows))
    now = rows[-1]["timestamp"]

    with Reading(connection.database).view() as view:
        found = windows(view.snapshot, now)
        assert found == Market(view.snapshot).trade(now)
        assert found["30d"] == found["all"]


def test_a_bucket_that_cuts_an_hour_is_read_from_the_rows(connection: Connection, ledger: Ledger) -> None:
    dice = random.Random(SEED)
    ledger.commit(Commit({}, transactions=[sale(n, i, dice) for n in range(50) for i in range(3)]))
    span = Span(datetime(2026, 1, 1, 0, 30, tzinfo=UTC), timedelta(minutes=50), 20)

    with Reading(connection.database).view() as view:
        history = MarketHistory(view.snapshot, hours_are_kept=True)

        assert history.doings(span) == history.doings_by_rows(span) != {}


def test_a_database_of_an_earlier_version_is_summed_up_once(connection: Connection, ledger: Ledger) -> None:
    dice, database = random.Random(SEED), connection.database
    ledger.commit(Commit({}, transactions=[sale(n, i, dice) for n in range(300) for i in range(3)]))
    database["tradeHours"].delete_one({"_id": trade_hours.ALL_HOURS})
    database["tradeHours"].update_many({}, {"$unset": {"mints": 1, "listings": 1}})
    database["tradeHours"].insert_one({**trade_hours.nothing(), "_id": 7})
    database["checkpoints"].update_one({"_id": "indexer"}, {"$set": {"tradeHours": True}})
    ledger.commit(Commit({}, transactions=[sale(n, i, dice) for n in range(300, 310) for i in range(3)]))

    assert not is_counted(ledger)
    recount(ledger)

    assert is_counted(ledger)
    assert_summed_up(connection)


def test_what_is_kept_fits_its_validator(connection: Connection, ledger: Ledger) -> None:
    row = sale(1, 0, random.Random(SEED)) | {"type": "buy"}

    ledger.commit(Commit({"step": 1}, transactions=[row]))

    fits = {"$jsonSchema": VALIDATORS["tradeHours"]}
    assert connection.database["tradeHours"].count_documents(fits) == 2
