"""Numbers of assets are a function of the asset documents, whatever was added, changed or taken back."""

from __future__ import annotations

import logging
import random
from typing import Any

import pytest
from bson import ObjectId

from store.bulk import DOCUMENTS_PER_COMMAND
from store.commit import Commit
from store.connection import Connection
from store.counting import counted, forget_counts, is_counted, recount
from store.holdings import ALL
from store.ledger import Ledger
from store.market import Market
from store.reading import Reading
from store.schema import ensure_collections, misfits

SEED, STEPS = 11, 60
WALLETS = ("0xa", "0xb", "0xc", "0xd", "0xe")


def facts(dice: random.Random) -> dict[str, Any]:
    """What of an asset is counted, as a change says it."""
    owner, seller = dice.choice(WALLETS), dice.choice([None, *WALLETS])
    listed = seller == owner
    return {
        "ownership.currentOwner": owner,
        "marketStatus": {"isListed": listed, "isPurchasable": listed and dice.random() < 0.5},
        "chain.listing": None if seller is None else {"seller": seller},
    }


def asset(_id: ObjectId, dice: random.Random) -> dict[str, Any]:
    told = facts(dice)
    return {
        "_id": _id,
        "contractAddress": "0xrwa",
        "tokenId": 1,
        "ownership": {"currentOwner": told["ownership.currentOwner"]},
        "marketStatus": told["marketStatus"],
        "metadata": {},
        "currentPrice": 1,
        "chain": {"listing": told["chain.listing"], "mintTransactionHash": str(_id)},
    }


@pytest.fixture
def ledger(connection: Connection) -> Ledger:
    """Counting from the first block on, on assets that are nothing but what is counted."""
    ensure_collections(connection.database)
    for name in ("assets", "checkpoints"):
        connection.database.command("collMod", name, validator={})
    stands = {"_id": "indexer", "epoch": 1, "version": 0, "seq": 0, "finalized": None}
    connection.database["checkpoints"].insert_one(stands)
    found = Ledger(connection, 1)
    recount(found)
    return found


def kept(connection: Connection) -> dict[str, Any]:
    return {each["_id"]: each for each in connection.database["holdings"].find()}


def by_hand(ledger: Ledger) -> dict[str, Any]:
    return {each["_id"]: each for each in counted(ledger).documents()}


def random_commit(dice: random.Random, there: list[ObjectId]) -> Commit:
    """Some assets leave, some change (a few in their price alone), some come."""
    gone = dice.sample(there, min(len(there), dice.choice([0, 0, 1, 3])))
    left = [each for each in there if each not in gone]
    changed = dice.sample(left, min(len(left), dice.choice([0, 1, 4])))
    fresh = [ObjectId() for _ in range(dice.choice([0, 1, 5]))]
    there[:] = [*left, *fresh]
    return Commit(
        {},
        removed_assets=gone,
        changed_assets=[
            (_id, facts(dice) if dice.random() < 0.8 else {"currentPrice": dice.random()}, {})
            for _id in changed
        ],
        new_assets=[asset(_id, dice) for _id in fresh],
        trusted=dice.random() < 0.3,
    )


def test_what_is_kept_is_what_a_count_says_after_every_commit(connection: Connection, ledger: Ledger) -> None:
    dice, there = random.Random(SEED), list[ObjectId]()
    for step in range(STEPS):
        ledger.commit(random_commit(dice, there))

        assert kept(connection) == by_hand(ledger), step
        with Reading(connection.database).view() as view:
            market = Market(view.snapshot)
            assert market.counted() == market.count(), step
            wallets = {each: held["assets"] for each, held in kept(connection).items() if each != ALL}
            assert market.owned(WALLETS) == wallets
    assert len(there) > 20
    assert misfits(connection.database, "holdings") == []


def test_a_commit_of_more_than_one_command_is_counted_whole(connection: Connection, ledger: Ledger) -> None:
    dice = random.Random(SEED)
    ids = [ObjectId() for _ in range(DOCUMENTS_PER_COMMAND + 7)]
    ledger.commit(Commit({}, new_assets=[asset(_id, dice) for _id in ids]))
    ledger.commit(Commit({}, changed_assets=[(_id, facts(dice), {}) for _id in ids]))

    assert kept(connection)[ALL]["assets"] == len(ids)
    assert kept(connection) == by_hand(ledger)


def test_an_asset_that_changes_as_a_whole_document_is_counted_alike(
    connection: Connection, ledger: Ledger
) -> None:
    dice, _id = random.Random(SEED), ObjectId()
    ledger.commit(Commit({}, new_assets=[asset(_id, dice)]))
    whole = asset(_id, dice)
    del whole["_id"]

    ledger.commit(Commit({}, changed_assets=[(_id, whole, {})]))

    assert kept(connection) == by_hand(ledger)


def test_a_wallet_that_has_nothing_left_is_forgotten(connection: Connection, ledger: Ledger) -> None:
    dice, _id = random.Random(SEED), ObjectId()
    ledger.commit(Commit({}, new_assets=[asset(_id, dice)]))
    ledger.commit(Commit({}, removed_assets=[_id]))

    nothing = {"assets": 0, "holders": 0, "listed": 0, "purchasable": 0, "active": 0}
    assert kept(connection) == {ALL: {"_id": ALL, **nothing}}


def test_a_commit_that_fails_counts_nothing(connection: Connection, ledger: Ledger) -> None:
    dice, _id = random.Random(SEED), ObjectId()
    ledger.commit(Commit({}, new_assets=[asset(_id, dice)]))
    before = kept(connection)
    twice = Commit(
        {}, new_assets=[asset(ObjectId(), dice)], chain_events=[{"_id": 1}, {"_id": 1}], trusted=True
    )

    with pytest.raises(Exception, match="E11000"):
        ledger.commit(twice)

    assert kept(connection) == before == by_hand(ledger)


def test_a_database_of_an_earlier_version_is_counted_for_each_reader(
    connection: Connection, ledger: Ledger
) -> None:
    dice, there = random.Random(SEED), list[ObjectId]()
    connection.database["holdings"].delete_many({})
    for _ in range(10):
        ledger.commit(random_commit(dice, there))

    assert kept(connection) == {}
    with Reading(connection.database).view() as view:
        market = Market(view.snapshot)
        totals = by_hand(ledger)
        assert market.counted().holders == totals[ALL]["holders"]
        assert market.owned(WALLETS) == {each: totals[each]["assets"] for each in WALLETS if each in totals}


def test_a_recount_forgets_what_is_not_so(connection: Connection, ledger: Ledger) -> None:
    dice, there = random.Random(SEED), list[ObjectId]()
    for _ in range(10):
        ledger.commit(random_commit(dice, there))
    connection.database["holdings"].insert_one({"_id": "0xstranger", "assets": 3})
    connection.database["holdings"].update_one({"_id": ALL}, {"$inc": {"listed": 5}})

    forget_counts(ledger)
    recount(ledger)

    assert kept(connection) == by_hand(ledger)


def test_numbers_that_cannot_be_are_given_up_and_counted_anew(
    connection: Connection, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever wrote there besides us: an asset leaves that was never counted."""
    dice, stranger = random.Random(SEED), ObjectId()
    connection.database["assets"].insert_one(asset(stranger, dice))

    with caplog.at_level(logging.ERROR):
        ledger.commit(Commit({}, removed_assets=[stranger]))

    assert [record.name for record in caplog.records] == ["store.holdings"]
    assert not is_counted(ledger)
    recount(ledger)
    assert kept(connection) == by_hand(ledger)
