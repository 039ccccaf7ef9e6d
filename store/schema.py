"""Collections that hold what they should: creates them, and brings their validators up to date."""

from __future__ import annotations

from typing import Any

from pymongo.database import Database
from pymongo.errors import OperationFailure

from store.connection import Document
from store.errors import SchemaConflict
from store.validators import VALIDATORS, Schema

NAMESPACE_EXISTS = 48
MISFITS_COUNTED = 100


def ensure_collections(database: Database[Document]) -> list[str]:
    """Create what is missing and update what differs; returns the names of what was changed.

    Idempotent, and cheap when nothing changed. Raises SchemaConflict, before changing a collection, when
    documents in it would not fit its new validator.
    """
    current = {info["name"]: info.get("options", {}) for info in database.list_collections()}
    return [name for name in VALIDATORS if _ensure(database, name, current.get(name))]


def misfits(database: Database[Document], name: str, schema: Schema | None = None) -> list[object]:
    """The `_id`s of documents that do not fit, at most MISFITS_COUNTED; reads the whole collection."""
    wrong = {"$nor": [{"$jsonSchema": schema or VALIDATORS[name]}]}
    return [found["_id"] for found in database[name].find(wrong, {"_id": 1}).limit(MISFITS_COUNTED)]


def _ensure(database: Database[Document], name: str, options: dict[str, Any] | None) -> bool:
    validator = {"$jsonSchema": VALIDATORS[name]}
    if options is None and _create(database, name, validator):
        return True
    if options is not None and options.get("validator") == validator:
        return False
    wrong = misfits(database, name)
    if wrong:
        raise SchemaConflict(name, len(wrong), wrong[0])
    database.command("collMod", name, validator=validator, validationLevel="strict", validationAction="error")
    return True


def _create(database: Database[Document], name: str, validator: dict[str, Any]) -> bool:
    """False when another program was faster."""
    try:
        database.command("create", name, validator=validator)
    except OperationFailure as error:
        if error.code != NAMESPACE_EXISTS:
            raise
        return False
    return True
