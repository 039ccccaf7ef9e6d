"""Somebody who keeps a copy of our rows by the rule of docs/api.md, and reads them only when told to."""

from __future__ import annotations

from typing import Any

from tests.property.indexed import Indexed

ROWS = {"transaction": "transactions", "price": "priceHistory"}


class Listener:
    """Adds what comes, removes what is taken back; `resync` is the only reason to read the rows again."""

    def __init__(self) -> None:
        self._place = 0
        self._copy: dict[tuple[str, Any], Any] = {}

    def hears(self, indexed: Indexed) -> None:
        """Everything told since; whoever was told nothing yet begins by reading the rows."""
        news = list(indexed.database["events"].find({"_id": {"$gt": self._place}}, sort=[("_id", 1)]))
        if self._place == 0:
            self._copy = rows_of(indexed)
        for event in news:
            self._hear(event, indexed)
            self._place = event["_id"]

    def _hear(self, event: dict[str, Any], indexed: Indexed) -> None:
        kind, body = event["type"], event["body"]
        if kind in ROWS:
            self._copy[kind, body["_id"]] = body
        elif kind == "retraction":
            self._copy.pop((event["retracts"], body["_id"]), None)
        elif body.get("resync"):
            self._copy = rows_of(indexed)

    def assert_has_the_rows_of(self, indexed: Indexed) -> None:
        ours = rows_of(indexed)
        assert self._copy.keys() == ours.keys(), "listeners have other rows"
        assert self._copy == ours


def rows_of(indexed: Indexed) -> dict[tuple[str, Any], Any]:
    """Every row, by kind and id."""
    return {(kind, row["_id"]): row for kind, name in ROWS.items() for row in indexed.database[name].find()}
