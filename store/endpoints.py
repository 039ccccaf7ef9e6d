"""The report cards of the nodes' endpoints, beside the checkpoint: written by whoever holds the lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from store.connection import Document, translated
from store.documents import EndpointsDocument
from store.errors import LeaseLost

ENDPOINTS = "endpoints"


def keep_cards(database: Database[Document], epoch: int, cards: Sequence[Mapping[str, Any]]) -> None:
    """Replace the cards. Raises LeaseLost when a later epoch wrote some, Interrupted."""
    ours = {"_id": ENDPOINTS, "epoch": {"$lte": epoch}}
    document = {"epoch": epoch, "updatedAt": datetime.now(UTC), "endpoints": [*cards]}
    with translated():
        try:
            database["checkpoints"].replace_one(ours, document, upsert=True)
        except DuplicateKeyError as error:
            raise LeaseLost(epoch, None) from error


def kept_cards(database: Database[Document]) -> EndpointsDocument | None:
    """The cards as they were last written; None before the first time."""
    with translated():
        found = database["checkpoints"].find_one({"_id": ENDPOINTS})
    return cast("EndpointsDocument | None", found)


def learned_caps(database: Database[Document]) -> dict[str, int]:
    """Endpoint name → widest log range, for those that have told theirs."""
    kept = kept_cards(database)
    cards = kept["endpoints"] if kept else []
    return {card["name"]: card["learnedCap"] for card in cards if card["learnedCap"] is not None}
