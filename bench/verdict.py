"""Did a backfill write what the chain says? A wrong result is no speed."""

from __future__ import annotations

from typing import Any

from pymongo.database import Database

from bench.chains import Chain


class WrongResult(Exception):
    """The database differs from what the generated chain must lead to."""

    def __init__(self, differences: dict[str, tuple[object, object]]) -> None:
        lines = [f"{fact}: expected {wanted}, found {found}" for fact, (wanted, found) in differences.items()]
        super().__init__("the backfill wrote something else than the chain says\n" + "\n".join(lines))


def check(database: Database[Any], chain: Chain) -> None:
    """Compare the database with the chain's facts; raises WrongResult with every difference."""
    wanted, found = expected(chain.facts), counted(database)
    differences = {fact: (wanted[fact], found[fact]) for fact in wanted if wanted[fact] != found[fact]}
    if differences:
        raise WrongResult(differences)


def expected(facts: dict[str, Any]) -> dict[str, object]:
    return {
        "tip": (facts["end"], facts["headHash"]),
        "logs": facts["events"],
        "blocks with events": facts["eventfulBlocks"],
        "assets": facts["assets"],
        "assets for sale": facts["forSale"],
        "transactions": facts["transactions"],
        "price points": facts["priceHistory"],
        "quarantined": 0,
    }


def counted(database: Database[Any]) -> dict[str, object]:
    checkpoint = database.checkpoints.find_one({"_id": "indexer"}) or {}
    tip = checkpoint.get("tip") or {}
    return {
        "tip": (tip.get("number"), tip.get("hash")),
        "logs": logs(database),
        "blocks with events": database.chainEvents.count_documents({}),
        "assets": database.assets.count_documents({}),
        "assets for sale": database.assets.count_documents({"marketStatus.isListed": True}),
        "transactions": by(database, "transactions", "type"),
        "price points": by(database, "priceHistory", "source.type"),
        "quarantined": database.quarantine.count_documents({}),
    }


def by(database: Database[Any], collection: str, field: str) -> dict[str, int]:
    """Number of documents by the value of one field."""
    groups = database[collection].aggregate([{"$group": {"_id": f"${field}", "count": {"$sum": 1}}}])
    return {group["_id"]: group["count"] for group in groups}


def logs(database: Database[Any]) -> int:
    """How many raw logs are kept."""
    stages: list[dict[str, Any]] = [
        {"$unwind": "$transactions"},
        {"$group": {"_id": None, "logs": {"$sum": {"$size": "$transactions.logs"}}}},
    ]
    return sum(group["logs"] for group in database.chainEvents.aggregate(stages))
