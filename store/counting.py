"""Whether numbers are kept of other documents (`holdings`, `tradeHours`), and counting those documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from store import bulk, holdings, trade_hours
from store.commit import Commit
from store.ledger import Ledger
from store.ledger_reads import DOCUMENTS_AT_ONCE


def is_counted(ledger: Ledger) -> bool:
    """Whether assets are counted and deeds summed up with every commit."""
    return _holdings_are_kept(ledger) and _hours_are_kept(ledger)


def forget_counts(ledger: Ledger) -> None:
    """Before documents are of two times: readers count for themselves until a recount."""
    ledger.commit(Commit({trade_hours.KEPT: False}, gone_holdings=[holdings.ALL]))


def recount(ledger: Ledger) -> None:
    """Count and sum up what is not kept yet; commits keep it from now on. Raises what `commit` raises."""
    if not _holdings_are_kept(ledger):
        _count_assets(ledger)
    if not _hours_are_kept(ledger):
        _sum_hours(ledger)


def counted(ledger: Ledger) -> holdings.Counts:
    """The numbers of assets, by a pass over all of them."""
    counts, assets = holdings.Counts(), ledger.connection.database["assets"]
    with ledger.session() as session:
        for asset in assets.find({}, holdings.COUNTED, session=session).batch_size(DOCUMENTS_AT_ONCE):
            counts.count(holdings.deciding(asset))
    return counts


def kept_holdings(ledger: Ledger) -> Iterator[dict[str, Any]]:
    """The numbers of assets that are kept."""
    with ledger.session() as session:
        yield from ledger.connection.database[holdings.COLLECTION].find({}, session=session)


def _count_assets(ledger: Ledger) -> None:
    """The document of all assets comes last: until it is there, nothing is believed."""
    documents = list(counted(ledger).documents())
    known = {document["_id"] for document in documents}
    strangers = [each["_id"] for each in kept_holdings(ledger) if each["_id"] not in known]
    for gone in bulk.portions(strangers):
        ledger.commit(Commit({}, gone_holdings=gone))
    for kept in bulk.portions(documents):
        ledger.commit(Commit({}, holdings=kept))


def _sum_hours(ledger: Ledger) -> None:
    database = ledger.connection.database
    with ledger.session() as session:
        sums = database[trade_hours.COLLECTION].find({}, {"_id": 1}, session=session)
        hours = {each["_id"] for each in sums} | trade_hours.hours_among(database, {}, session)
    for some in trade_hours.portions(hours):
        ledger.commit(Commit({}, hours_again=some))
    ledger.commit(Commit({trade_hours.KEPT: trade_hours.LAYOUT}, add_hours_up=True))


def _holdings_are_kept(ledger: Ledger) -> bool:
    with ledger.session() as session:
        kept = ledger.connection.database[holdings.COLLECTION]
        found = kept.find_one({"_id": holdings.ALL}, session=session)
    return found is not None


def _hours_are_kept(ledger: Ledger) -> bool:
    return (ledger.checkpoint() or {}).get(trade_hours.KEPT) == trade_hours.LAYOUT
