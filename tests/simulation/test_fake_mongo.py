"""The fake database is honest: every test here runs on it and on a real mongod."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from bson.decimal128 import Decimal128
from pymongo import ReturnDocument, UpdateMany
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from store.connection import MAJORITY, SNAPSHOT

TRANSIENT = "TransientTransactionError"
TIME = datetime(2024, 5, 6, 7, 8, 9, 123000, UTC)


@pytest.fixture
def things(database: Any) -> Any:
    """Four documents, one of them with a fraction for an id."""
    database["things"].insert_many(
        [
            {"_id": 1, "name": "a", "n": 5, "inner": {"deep": {"x": 1}}, "tags": ["p", "q"]},
            {"_id": 2, "name": "b", "n": None, "inner": {"deep": {"x": 2}}},
            {"_id": 2 + 1 / 1024, "name": "c", "inner": {}},
            {"_id": 3, "name": "d", "n": 7, "inner": {"deep": {"x": 3, "y": True}}},
        ]
    )
    return database["things"]


def ids(found: Any) -> list[Any]:
    return [each["_id"] for each in found]


# --- queries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, [1, 2, 2 + 1 / 1024, 3]),
        ({"_id": 2}, [2]),
        ({"_id": {"$in": [3, 1, 9, 1]}}, [1, 3]),
        ({"_id": {"$gte": 2, "$lt": 3}}, [2, 2 + 1 / 1024]),
        ({"_id": {"$gt": 1, "$lte": 2}}, [2]),
        ({"name": "b"}, [2]),
        ({"n": None}, [2, 2 + 1 / 1024]),
        ({"n": {"$exists": True}}, [1, 2, 3]),
        ({"n": {"$exists": False}}, [2 + 1 / 1024]),
        ({"n": {"$gt": 4}}, [1, 3]),
        ({"n": {"$lte": 5}}, [1]),
        ({"name": {"$gt": 4}}, []),
        ({"inner.deep.x": {"$in": [2, 3]}}, [2, 3]),
        ({"inner.deep.y": True}, [3]),
        ({"inner.deep.x": {"$exists": True}, "n": 5}, [1]),
        ({"tags": "q"}, [1]),
        ({"$or": [{"name": "a"}, {"n": 7}]}, [1, 3]),
        ({"n": {"$gt": 0}, "$expr": {"$gt": ["$n", "$inner.deep.x"]}}, [1, 3]),
    ],
)
def test_a_query_finds_the_same(things: Any, query: Any, wanted: list[Any]) -> None:
    assert ids(things.find(query).sort("_id", 1)) == wanted
    assert things.count_documents(query) == len(wanted)
    first = things.find_one(query, sort=[("_id", 1)])
    assert (first and first["_id"]) == (wanted[0] if wanted else None)


def test_what_is_named_by_ids_comes_in_their_order(things: Any) -> None:
    assert ids(things.find({"_id": {"$in": [3, 1, 2]}})) == [1, 2, 3]


def test_the_greatest_is_found_by_sorting_down(things: Any) -> None:
    assert things.find_one({"_id": {"$lt": 3}}, {"name": 1}, sort=[("_id", -1)]) == {
        "_id": 2 + 1 / 1024,
        "name": "c",
    }
    assert ids(things.find({}).batch_size(2).sort("_id", -1)) == [3, 2 + 1 / 1024, 2, 1]


def test_nobody_changes_the_database_by_changing_what_was_found(things: Any) -> None:
    things.find_one({"_id": 1})["inner"]["deep"]["x"] = 99

    assert things.find_one({"_id": 1})["inner"]["deep"]["x"] == 1


def test_values_come_back_as_they_went_in_or_not_at_all(database: Any) -> None:
    values = {
        "_id": "v",
        "t": TIME,
        "b": b"\x00\xff",
        "o": ObjectId(),
        "i": 2**63 - 1,
        "f": 1.5,
        "l": [1, {}],
    }
    database["values"].insert_one(values)

    assert database["values"].find_one({"_id": "v"}) == values
    assert isinstance(database["values"].find_one({"_id": "v"})["b"], bytes)
    with pytest.raises(OverflowError):
        database["values"].insert_one({"_id": "w", "i": 2**63})
    assert database["values"].count_documents({}) == 1


def test_a_time_keeps_its_milliseconds_only(database: Any) -> None:
    database["values"].insert_one({"_id": 1, "t": TIME + timedelta(microseconds=7)})

    assert database["values"].find_one({"_id": 1})["t"] == TIME


# --- updates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("update", "wanted"),
    [
        ({"$set": {"inner.deep.x": 9}}, {"inner": {"deep": {"x": 9}}}),
        ({"$set": {"inner.new.path": 1}}, {"inner": {"deep": {"x": 1}, "new": {"path": 1}}}),
        ({"$unset": {"inner.deep": ""}}, {"inner": {}}),
        ({"$unset": {"inner.deep.none": "", "gone": ""}}, {}),
        ({"$inc": {"n": -2, "inner.m": 3}}, {"n": 3, "inner": {"deep": {"x": 1}, "m": 3}}),
        ({"$set": {"name": "z"}, "$unset": {"n": ""}}, {"name": "z", "n": None}),
        ({"$setOnInsert": {"name": "z"}}, {}),
        ([{"$set": {"n": {"$add": [{"$max": ["$n", 11]}, 1]}}}], {"n": 12}),
        ([{"$set": {"name": {"$literal": "$n"}, "n": "$name"}}], {"name": "$n", "n": "a"}),
    ],
)
def test_an_update_changes_the_same(things: Any, update: Any, wanted: dict[str, Any]) -> None:
    before = things.find_one({"_id": 1})

    assert things.update_one({"_id": 1}, update).matched_count == 1

    after = {**before, **wanted}
    found = things.find_one({"_id": 1})
    assert {name: found.get(name) for name in after} == after
    assert found.keys() <= after.keys()


def test_nothing_matches_nothing_changes(things: Any) -> None:
    assert things.update_one({"_id": 9}, {"$set": {"n": 1}}).matched_count == 0
    assert things.count_documents({}) == 4


def test_an_upsert_makes_what_is_missing_once(things: Any) -> None:
    for n in (1, 2):
        things.update_one({"_id": 9}, {"$setOnInsert": {"name": "new"}, "$inc": {"n": n}}, upsert=True)

    assert things.find_one({"_id": 9}) == {"_id": 9, "name": "new", "n": 3}


def test_an_upsert_whose_condition_fails_for_a_document_that_is_there_is_a_duplicate(things: Any) -> None:
    with pytest.raises(DuplicateKeyError):
        things.replace_one({"_id": 1, "n": {"$lte": 2}}, {"n": 0}, upsert=True)


def test_a_replacement_keeps_nothing_but_the_id(things: Any) -> None:
    things.replace_one({"_id": 1}, {"only": 1})
    things.replace_one({"_id": 8}, {"only": 2}, upsert=True)

    assert things.find_one({"_id": 1}) == {"_id": 1, "only": 1}
    assert things.find_one({"_id": 8}) == {"_id": 8, "only": 2}


def test_many_are_updated_and_deleted(things: Any) -> None:
    things.update_many({"n": {"$gt": 1}}, {"$set": {"n": 0}})
    things.bulk_write([UpdateMany({"_id": {"$gte": 2, "$lt": 3}}, {"$set": {"n": 1}})], ordered=False)
    things.delete_many({"n": 0})

    assert {each["_id"]: each["n"] for each in things.find()} == {2: 1, 2 + 1 / 1024: 1}


def test_decimals_are_added_without_rounding(database: Any) -> None:
    for value in ("99999999999999999999999999", "1"):
        database["sums"].update_one({"_id": 1}, {"$inc": {"d": Decimal128(value)}}, upsert=True)

    assert database["sums"].find_one({"_id": 1}) == {"_id": 1, "d": Decimal128("100000000000000000000000000")}


def test_the_hours_of_some_times_are_told(things: Any) -> None:
    for key, hours in ((1, 0), (2, 0), (3, 5)):
        things.update_one({"_id": key}, {"$set": {"t": TIME + timedelta(hours=hours)}})
    hour = {"$toLong": {"$divide": [{"$toLong": "$t"}, 3_600_000]}}

    found = things.aggregate([{"$match": {"t": {"$gte": TIME}}}, {"$group": {"_id": hour}}])

    first = int(TIME.timestamp()) // 3600
    assert sorted(each["_id"] for each in found) == [first, first + 5]


def test_one_is_deleted(things: Any) -> None:
    things.delete_one({"_id": {"$in": [1, 2]}})

    assert ids(things.find({}).sort("_id", 1)) == [2, 2 + 1 / 1024, 3]


def test_a_document_without_an_id_gets_one(things: Any) -> None:
    things.insert_one({"name": "new"})

    assert isinstance(things.find_one({"name": "new"})["_id"], ObjectId)


def test_a_part_of_a_part_may_be_asked_for(things: Any) -> None:
    assert things.find_one({"_id": 3}, {"inner.deep.x": 1}) == {"_id": 3, "inner": {"deep": {"x": 3}}}
    assert things.find_one({"_id": 3}, {"inner.none": 1}) == {"_id": 3, "inner": {}}


def test_one_is_found_and_updated_by_the_clock_of_the_server(things: Any) -> None:
    claim = [{"$set": {"until": {"$add": ["$$NOW", 60_000]}}}]

    after = things.find_one_and_update({"_id": 1}, claim, return_document=ReturnDocument.AFTER)

    assert things.find_one({"_id": 1}) == after
    assert things.find_one({"_id": 1, "$expr": {"$gt": ["$until", "$$NOW"]}}) == after
    assert things.find_one({"_id": 1, "$expr": {"$lte": ["$until", "$$NOW"]}}) is None
    assert things.find_one_and_update({"_id": 9}, claim, return_document=ReturnDocument.AFTER) is None


# --- the commands of store/bulk.py ----------------------------------------------------------------------


def test_documents_are_inserted_by_a_command_that_tells_duplicates(database: Any) -> None:
    def inserted(*keys: int) -> Any:
        documents = [{"_id": key} for key in keys]
        return database.command({"insert": "things", "documents": documents, "ordered": False})

    assert not inserted(1, 2).get("writeErrors")
    assert inserted(2)["writeErrors"][0]["code"] == 11000
    with pytest.raises(DuplicateKeyError):
        database["things"].insert_one({"_id": 2})


def test_documents_are_updated_by_a_command(things: Any, database: Any) -> None:
    updates = [
        {"q": {"_id": 1}, "u": {"$set": {"n": 50}}, "upsert": False},
        {"q": {"_id": 7}, "u": {"_id": 7, "whole": True}, "upsert": True},
        {"q": {"_id": 8}, "u": {"$set": {"n": 1}}, "upsert": False},
    ]

    database.command({"update": "things", "updates": updates, "ordered": False})

    assert things.find_one({"_id": 1})["n"] == 50
    assert things.find_one({"_id": 7}) == {"_id": 7, "whole": True}
    assert things.find_one({"_id": 8}) is None


# --- transactions ------------------------------------------------------------------------------------------


def test_a_transaction_sees_its_own_writes_and_nobody_else_does(things: Any, database: Any) -> None:
    with database.client.start_session() as session, session.start_transaction(SNAPSHOT, MAJORITY):
        things.update_one({"_id": 1}, {"$set": {"n": 100}}, session=session)
        things.insert_one({"_id": 50}, session=session)
        things.delete_many({"_id": 3}, session=session)

        assert things.find_one({"_id": 1}, session=session)["n"] == 100
        assert ids(things.find({"_id": {"$gte": 3}}, session=session)) == [50]
        assert things.find_one({"_id": 1})["n"] == 5
        assert ids(things.find({"_id": {"$gte": 3}})) == [3]

    assert things.find_one({"_id": 1})["n"] == 100
    assert ids(things.find({"_id": {"$gte": 3}})) == [50]


def test_a_transaction_that_fails_leaves_nothing(things: Any, database: Any) -> None:
    def fail() -> None:
        with database.client.start_session() as session, session.start_transaction(SNAPSHOT, MAJORITY):
            things.delete_many({}, session=session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert things.count_documents({}) == 4


def test_a_duplicate_ends_the_transaction(things: Any, database: Any) -> None:
    with database.client.start_session() as session:
        session.start_transaction(SNAPSHOT, MAJORITY)
        things.update_one({"_id": 2}, {"$set": {"n": 1}}, session=session)
        told = database.command({"insert": "things", "documents": [{"_id": 1}]}, session=session)
        assert told["writeErrors"]

        with pytest.raises(OperationFailure) as caught:
            things.find_one({"_id": 1}, session=session)
        assert caught.value.has_error_label(TRANSIENT)

    assert things.find_one({"_id": 2})["n"] is None


def test_whoever_writes_what_changed_since_the_moment_has_a_conflict(things: Any, database: Any) -> None:
    with database.client.start_session() as session:
        session.start_transaction(SNAPSHOT, MAJORITY)
        assert things.find_one({"_id": 1}, session=session)["n"] == 5
        things.update_one({"_id": 1}, {"$set": {"n": 6}})
        assert things.find_one({"_id": 1}, session=session)["n"] == 5

        with pytest.raises(OperationFailure) as caught:
            things.update_one({"_id": 1}, {"$set": {"n": 7}}, session=session)
        assert caught.value.code == 112
        assert caught.value.has_error_label(TRANSIENT)


def test_two_transactions_cannot_write_one_document(things: Any, database: Any) -> None:
    client = database.client
    with client.start_session() as first, client.start_session() as second:
        first.start_transaction(SNAPSHOT, MAJORITY)
        second.start_transaction(SNAPSHOT, MAJORITY)
        things.update_one({"_id": 1}, {"$set": {"n": 1}}, session=first)
        things.update_one({"_id": 2}, {"$set": {"n": 2}}, session=second)
        with pytest.raises(OperationFailure) as caught:
            things.update_one({"_id": 1}, {"$set": {"n": 3}}, session=second)
        assert caught.value.has_error_label(TRANSIENT)
        first.commit_transaction()

    assert things.find_one({"_id": 1})["n"] == 1
    assert things.find_one({"_id": 2})["n"] is None


def test_an_update_that_changes_nothing_conflicts_with_nobody(things: Any, database: Any) -> None:
    with database.client.start_session() as session:
        session.start_transaction(SNAPSHOT, MAJORITY)
        things.update_one({"_id": 1}, {"$set": {"n": 1}}, session=session)

        things.update_one({"_id": 1}, {"$setOnInsert": {"n": 9}}, upsert=True)
        session.commit_transaction()

    assert things.find_one({"_id": 1})["n"] == 1


def test_a_transient_error_has_the_whole_done_again(things: Any, database: Any) -> None:
    tries: list[int] = []

    def change(session: Any) -> str:
        tries.append(things.find_one({"_id": 1}, session=session)["n"])
        if len(tries) < 3:
            things.update_one({"_id": 1}, {"$inc": {"n": 1}})
        things.update_one({"_id": 1}, {"$inc": {"n": 100}}, session=session)
        return "done"

    with database.client.start_session() as session:
        assert session.with_transaction(change, read_concern=SNAPSHOT, write_concern=MAJORITY) == "done"

    assert tries == [5, 6, 7]
    assert things.find_one({"_id": 1})["n"] == 107


def test_any_other_error_ends_it(things: Any, database: Any) -> None:
    def change(session: Any) -> None:
        things.delete_many({}, session=session)
        raise PyMongoError("no")

    with database.client.start_session() as session, pytest.raises(PyMongoError, match="no"):
        session.with_transaction(change, read_concern=SNAPSHOT, write_concern=MAJORITY)

    assert things.count_documents({}) == 4


def test_a_commit_may_be_asked_for_again(things: Any, database: Any) -> None:
    with database.client.start_session() as session:
        session.start_transaction(SNAPSHOT, MAJORITY)
        things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)
        session.commit_transaction()
        session.commit_transaction()

    assert things.find_one({"_id": 1})["n"] == 6


def test_a_snapshot_shows_one_moment(things: Any, database: Any) -> None:
    with database.client.start_session(snapshot=True) as session:
        assert things.count_documents({}, session=session) == 4
        things.delete_many({"_id": 1})
        things.insert_one({"_id": 77})

        assert ids(things.find({}, session=session).sort("_id", 1)) == [1, 2, 2 + 1 / 1024, 3]
    assert ids(things.find({}).sort("_id", 1)) == [2, 2 + 1 / 1024, 3, 77]
