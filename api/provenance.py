"""The past of an asset: what the chain says of its owners, and what people wrote, each marked as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from api.lists import Listed, Query
from api.responses import present_row_origin, present_row_status
from store.documents import AssetDocument
from store.provenance import Entry, Written
from store.reading import View

Json = dict[str, Any]

TYPES = {"mint": "mint", "buy": "sale", "transfer": "transfer"}
UNSAID: Json = {
    "timestamp": None, "from": None, "to": None, "price": None, "priceWei": None, "blockchain": None,
    "status": None, "document": None, "certificate": None,
}  # fmt: skip
DOCUMENT, CERTIFICATE = ("owner", "period", "documentation"), ("type", "issuer", "date", "fileKey")


def page_of_provenance(view: View, query: Query, asset: AssetDocument) -> Json:
    """One page of entries, newest first."""
    written = list(written_of(asset))
    return Listed("provenance", ("provenance", str(asset["_id"])), view).answer(
        query,
        lambda asked: view.provenance.page(asset, written, asked),
        lambda entry: _present(entry, view.finalized),
    )


def written_of(asset: AssetDocument) -> Iterator[Written]:
    """What people wrote: owners of earlier times, in the order written, and certificates by their dates."""
    metadata, number = asset["metadata"], 0
    for name in ("provenance", "certificates"):
        for content in _mappings(metadata.get(name)):
            time = _time(content.get("date")) if name == "certificates" else None
            yield Written(number, time, {**content, "kind": name})
            number += 1


def _present(entry: Entry, finalized: int) -> Json:
    if isinstance(entry, Written):
        return _present_written(entry)
    return {
        "id": str(entry["_id"]),
        "source": "chain",
        "type": TYPES[entry["type"]],
        **UNSAID,
        "timestamp": entry["timestamp"],
        "from": entry["seller"],
        "to": entry["buyer"],
        "price": entry["price"],
        "priceWei": entry["priceWei"],
        "blockchain": present_row_origin(entry["blockchain"]),
        "status": present_row_status(entry["blockchain"]["blockNumber"], finalized),
    }


def _present_written(entry: Written) -> Json:
    content, is_owner = entry.content, entry.content["kind"] == "provenance"
    part, names = ("document", DOCUMENT) if is_owner else ("certificate", CERTIFICATE)
    return {
        "id": f"people-{entry.number}",
        "source": "people",
        "type": "documented-owner" if is_owner else "certificate",
        **UNSAID,
        "timestamp": entry.time,
        part: {name: content.get(name) for name in names},
    }


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """What people may write is checked where it is written; older programs may have kept anything."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None
    # Positions are kept to the millisecond.
    whole = value.replace(microsecond=value.microsecond // 1000 * 1000)
    try:
        return whole.astimezone(UTC) if whole.tzinfo else whole.replace(tzinfo=UTC)
    except OverflowError:  # the first or the last day of the calendar, elsewhere
        return None
