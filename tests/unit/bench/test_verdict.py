"""A backfill that wrote something else than the chain says is refused."""

import pytest
from mongomock import MongoClient

from bench.chains import Chain
from bench.verdict import WrongResult, check

FACTS = {
    "end": 2,
    "headHash": "0x02",
    "events": 3,
    "eventfulBlocks": 1,
    "assets": 1,
    "forSale": 0,
    "transactions": {"mint": 1},
    "priceHistory": {"mint": 1},
}


@pytest.fixture
def chain(tmp_path):
    return Chain("A", tmp_path, FACTS)


@pytest.fixture
def database():
    """What a correct backfill of one mint leaves."""
    written = MongoClient().ours
    written.checkpoints.insert_one({"_id": "indexer", "tip": {"number": 2, "hash": "0x02"}})
    written.chainEvents.insert_one({"_id": 2, "transactions": [{"logs": [1, 2, 3]}]})
    written.assets.insert_one({"marketStatus": {"isListed": False}})
    written.transactions.insert_one({"type": "mint"})
    written.priceHistory.insert_one({"source": {"type": "mint"}})
    return written


def test_a_correct_result_passes(database, chain):
    check(database, chain)


def test_a_missing_row_is_named(database, chain):
    database.transactions.delete_many({})

    with pytest.raises(WrongResult, match=r"transactions: expected \{'mint': 1\}, found \{\}"):
        check(database, chain)


def test_a_tip_of_another_branch_is_named(database, chain):
    database.checkpoints.update_one({"_id": "indexer"}, {"$set": {"tip.hash": "0xff"}})

    with pytest.raises(WrongResult, match="tip"):
        check(database, chain)
