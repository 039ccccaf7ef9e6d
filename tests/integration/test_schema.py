"""Collections refuse what does not fit; indexes are there, and serve the questions asked."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128, ObjectId
from pymongo.database import Database
from pymongo.errors import WriteError

from store.assets import SORT_KEYS, AssetFilter, sorted_by
from store.connection import Document
from store.errors import IndexConflict, SchemaConflict
from store.identity import asset_id, row_id
from store.indexes import EARLY, LATE, describe, ensure_early, ensure_late
from store.pages import By, newest_first
from store.schema import ensure_collections, misfits
from store.transactions import TransactionFilter
from store.validators import VALIDATORS, Schema

CONTRACT, OWNER = "0x" + "Ab" * 20, "0x" + "Cd" * 20
HASH = "0x" + "ef" * 32
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLES: dict[str, object] = {
    "string": "", "int": 1, "long": 2**40, "double": 1.0, "bool": True, "binData": b"x", "date": NOW,
    "objectId": ObjectId(), "null": None, "decimal": Decimal128("1"),
}  # fmt: skip


def sample(schema: Schema) -> Any:
    """The smallest value that fits."""
    if "anyOf" in schema:
        return sample(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    types = schema.get("bsonType", "string")
    kind = types if isinstance(types, str) else types[0]
    if kind == "object":
        return {name: sample(schema["properties"][name]) for name in schema.get("required", ())}
    return [] if kind == "array" else SAMPLES[kind]


def price_row() -> Document:
    return {
        "_id": row_id(HASH, 0, "price"),
        "assetId": asset_id(CONTRACT, 1),
        "contractAddress": CONTRACT,
        "tokenId": 1,
        "price": 1.5,
        "priceWei": "1500000000000000000",
        "priceUsd": None,
        "timestamp": NOW,
        "source": {"type": "ai-oracle", "dataSourceName": "one", "modelVersion": None},
        "aiMetrics": {"confidenceScore": 90, "factors": [{"name": "x", "weight": 0.5}]},
        "blockchain": {
            "transactionHash": HASH, "blockNumber": 5, "blockHash": HASH, "logIndex": 0, "gasUsed": None,
            "gasPriceWei": None, "timestamp": NOW,
        },
    }  # fmt: skip


@pytest.fixture
def vault(database: Database[Document]) -> Database[Document]:
    ensure_collections(database)
    return database


# --- validators ----------------------------------------------------------------------


def test_collections_are_made_once(database: Database[Document]) -> None:
    assert ensure_collections(database) == list(VALIDATORS)
    assert ensure_collections(database) == []


@pytest.mark.parametrize("name", VALIDATORS)
def test_a_document_of_the_right_shape_is_taken_and_one_without_a_field_is_not(
    vault: Database[Document], name: str
) -> None:
    schema = VALIDATORS[name].get("anyOf", [VALIDATORS[name]])[0]
    document = sample(schema)
    missing = next(field for field in schema["required"] if field != "_id")

    vault[name].insert_one(document)

    lacking = {field: value for field, value in document.items() if field not in ("_id", missing)}
    with pytest.raises(WriteError, match="failed validation"):
        vault[name].insert_one(lacking)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tokenId", "1"),
        ("tokenId", 1.0),
        ("price", 1),
        ("priceWei", 15),
        ("timestamp", "2026-01-01"),
        ("contractAddress", None),
        ("source.type", "rumour"),
        ("aiMetrics.confidenceScore", "90"),
        ("blockchain.blockNumber", None),
    ],
)
def test_a_value_of_another_type_is_refused(vault: Database[Document], path: str, value: object) -> None:
    vault.priceHistory.insert_one(price_row())

    with pytest.raises(WriteError, match="failed validation"):
        vault.priceHistory.update_one({}, {"$set": {path: value}})


def test_people_may_add_to_an_asset_and_cannot_break_it(vault: Database[Document]) -> None:
    vault.assets.insert_one(sample(VALIDATORS["assets"]))

    vault.assets.update_one(
        {}, {"$set": {"metadata.creator": "Ann", "media": {"imageKeys": ["k"]}, "mine": 1}}
    )

    with pytest.raises(WriteError):
        vault.assets.update_one({}, {"$set": {"updatedAt": "yesterday"}})


def test_the_lease_and_the_checkpoint_live_side_by_side(vault: Database[Document]) -> None:
    vault.checkpoints.insert_one({"_id": "lease", "holder": "a", "epoch": 1, "expiresAt": NOW})

    with pytest.raises(WriteError):
        vault.checkpoints.insert_one({"_id": "indexer", "holder": "a", "epoch": 1, "expiresAt": NOW})


def test_documents_that_do_not_fit_are_named_and_nothing_is_changed(database: Database[Document]) -> None:
    database.priceHistory.insert_many([price_row(), {"_id": ObjectId("0" * 24), "tokenId": 1}])

    with pytest.raises(SchemaConflict, match=r"1 or more documents of priceHistory.*000000"):
        ensure_collections(database)

    assert (
        database.command("listCollections", filter={"name": "priceHistory"})["cursor"]["firstBatch"][0][
            "options"
        ]
        == {}
    )


def test_an_older_validator_is_brought_up_to_date(database: Database[Document]) -> None:
    database.create_collection("priceHistory", validator={"$jsonSchema": {"required": ["tokenId"]}})
    database.priceHistory.insert_one(price_row())

    assert "priceHistory" in ensure_collections(database)
    assert misfits(database, "priceHistory") == []
    with pytest.raises(WriteError):
        database.priceHistory.insert_one({"tokenId": 1})


# --- indexes -------------------------------------------------------------------------


def test_indexes_are_built_in_two_steps_and_once(vault: Database[Document]) -> None:
    assert len(describe(vault).missing) == len(EARLY) + len(LATE)

    assert len(ensure_early(vault)) == len(EARLY)
    assert len(ensure_late(vault)) == len(LATE)

    report = describe(vault)
    assert (report.missing, report.conflicts) == ((), ())
    assert ensure_early(vault) + ensure_late(vault) == []


def test_an_index_defined_otherwise_is_reported_and_kept(vault: Database[Document]) -> None:
    vault.assets.create_index([("contractAddress", 1), ("tokenId", 1)])

    with pytest.raises(IndexConflict, match=r"assets\.contractAddress_1_tokenId_1"):
        ensure_late(vault)

    assert describe(vault).conflicts == ("assets.contractAddress_1_tokenId_1",)


def test_the_same_index_under_another_name_will_do(vault: Database[Document]) -> None:
    vault.transactions.create_index("blockchain.transactionHash", name="by_hash")

    assert "transactions.blockchain.transactionHash_1" not in ensure_late(vault)


def test_one_token_of_one_contract_is_one_asset_and_other_contracts_may_have_the_same(
    vault: Database[Document],
) -> None:
    ensure_late(vault)
    asset = sample(VALIDATORS["assets"])
    vault.assets.insert_one({**asset, "_id": ObjectId(), "contractAddress": CONTRACT})

    vault.assets.insert_one({**asset, "_id": ObjectId(), "contractAddress": OWNER})

    with pytest.raises(WriteError, match="duplicate key"):
        vault.assets.insert_one({**asset, "_id": ObjectId(), "contractAddress": CONTRACT})


@pytest.fixture(scope="module")
def indexed(mongo_uri: str, shared_connection: Any) -> Any:
    database = shared_connection.client[f"test_{uuid.uuid4().hex[:16]}"]
    ensure_collections(database)
    ensure_early(database)
    ensure_late(database)
    yield database
    shared_connection.client.drop_database(database.name)


def stages(
    database: Database[Document], collection: str, condition: Any, order: tuple[By, ...] = ()
) -> set[str]:
    """What the server would do to answer."""
    find = {"find": collection, "filter": condition, "sort": {by.path: by.direction for by in order}}
    plan = database.command("explain", find, verbosity="queryPlanner")["queryPlanner"]["winningPlan"]
    return set(_stages(plan))


def _stages(plan: Document) -> list[str]:
    inner = [plan[key] for key in ("inputStage", "queryPlan") if key in plan] + plan.get("inputStages", [])
    return [
        *([plan["stage"]] if "stage" in plan else []),
        *(name for part in inner for name in _stages(part)),
    ]


@pytest.mark.parametrize("sort", SORT_KEYS)
@pytest.mark.parametrize("direction", [1, -1])
def test_every_order_of_assets_comes_out_of_an_index(
    indexed: Database[Document], sort: str, direction: Any
) -> None:
    # By time of listing is an order of the market, which holds what is listed.
    condition = {"marketStatus.isListed": True} if sort == "listedAt" else {}

    assert not stages(indexed, "assets", condition, sorted_by(sort, direction)) & {"COLLSCAN", "SORT"}


@pytest.mark.parametrize(
    "wanted",
    [AssetFilter(owner=OWNER), AssetFilter(types=("Art",)), AssetFilter(is_listed=True)],
    ids=["owner", "type", "listed"],
)
def test_the_usual_filters_of_assets_come_sorted_out_of_an_index(
    indexed: Database[Document], wanted: AssetFilter
) -> None:
    assert not stages(indexed, "assets", wanted.condition(), sorted_by("createdAt", -1)) & {
        "COLLSCAN",
        "SORT",
    }


@pytest.mark.parametrize("purchasable", [True, None])
def test_the_cheapest_offers_come_sorted_out_of_an_index(
    indexed: Database[Document], purchasable: bool | None
) -> None:
    wanted = AssetFilter(is_listed=True, is_purchasable=purchasable).condition()

    assert not stages(indexed, "assets", wanted, sorted_by("listingPrice", 1)) & {"COLLSCAN", "SORT"}


@pytest.mark.parametrize(
    "wanted",
    [
        TransactionFilter(),
        TransactionFilter(token_id=1),
        TransactionFilter(contract=CONTRACT, token_id=1),
        TransactionFilter(seller=OWNER),
        TransactionFilter(buyer=OWNER),
        TransactionFilter(wallet=OWNER),
        TransactionFilter(types=("buy",)),
        TransactionFilter(types=("buy", "mint")),
    ],
)
def test_deeds_come_newest_first_out_of_an_index(
    indexed: Database[Document], wanted: TransactionFilter
) -> None:
    alternatives = wanted.alternatives(5)
    condition = alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}

    assert not stages(indexed, "transactions", condition, newest_first()) & {"COLLSCAN", "SORT"}


@pytest.mark.parametrize(
    ("collection", "condition"),
    [
        ("assets", {"chain.listing.seller": {"$in": [OWNER]}}),
        ("assets", {"chain.base": {"$exists": True}}),
        ("assets", {"tokenId": 1}),
        ("assets", {"contractAddress": CONTRACT, "tokenId": {"$in": [1, 2]}}),
        ("operatorApprovals", {"base": {"$exists": True}}),
        ("transactions", {"blockchain.blockNumber": {"$gt": 5}}),
        ("transactions", {"blockchain.transactionHash": HASH}),
        ("priceHistory", {"blockchain.blockNumber": {"$gt": 5}}),
        ("priceHistory", {"contractAddress": CONTRACT, "tokenId": 1}),
        ("priceHistory", {"blockchain.transactionHash": HASH}),
        ("quarantine", {"blockNumber": {"$gt": 5}}),
        ("chainEvents", {"tokens": 1}),
        ("orphans", {"mintTransactionHash": HASH}),
    ],
)
def test_what_the_indexer_and_readers_look_up_is_indexed(
    indexed: Database[Document], collection: str, condition: Any
) -> None:
    assert "COLLSCAN" not in stages(indexed, collection, condition)
