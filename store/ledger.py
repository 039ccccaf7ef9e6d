"""The indexer's books: one MongoDB transaction per commit, fenced by the epoch of the lease.

A commit holds raw blocks, rows, assets *and* the checkpoint; a crash anywhere means it did not happen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from bson import ObjectId
from pymongo import UpdateMany
from pymongo.client_session import ClientSession

from store import bulk, holdings, spans, trade_hours
from store.commit import TALLIED, Commit, Document, update_of
from store.connection import MAJORITY, SNAPSHOT, Connection
from store.errors import LeaseLost
from store.holdings import Tally
from store.ledger_reads import INDEXER, LedgerReads
from store.orphans import orphan_id, orphan_of, with_people


class Ledger(LedgerReads):
    """The store, as the indexer needs it."""

    def __init__(self, connection: Connection, epoch: int, *, guest: bool = False) -> None:
        """A guest writes under the epoch of whoever indexes, and not while documents are of two times."""
        super().__init__(connection)
        self.epoch = epoch
        self._ours: dict[str, Any] = {"_id": INDEXER, "epoch": epoch} | (
            {"unfinished": None} if guest else {}
        )

    # --- writing ----------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """Write it all or nothing. Raises LeaseLost when another indexer took over, Interrupted when
        nobody can tell whether it was written: then read the checkpoint again."""
        with self.session() as session:
            session.with_transaction(
                lambda inside: self._write(commit, inside), read_concern=SNAPSHOT, write_concern=MAJORITY
            )

    def _write(self, commit: Commit, session: ClientSession) -> None:
        self._move_checkpoint(commit, session)
        hours = trade_hours.taken_back(self._database, commit, session)
        if commit.rewind_above is not None:
            self._rewind(commit.rewind_above, commit.dropped_contracts, session)
        if commit.rewrite_rows_of is not None:
            self._delete_rows(*commit.rewrite_rows_of, session)
        for number in commit.rewritten_blocks:
            self._delete("chainEvents", _chunks(number), session)
        self._write_assets(commit, session)
        self._write_deeds(commit, hours, session)
        for name, documents in self._inserts(commit):
            bulk.insert(self._database, name, documents, session, validate=not commit.trusted)
        operators = bulk.Lazily(update_of, commit.changed_operators)
        bulk.update(self._database, "operatorApprovals", operators, session, validate=True, upsert=True)
        if commit.removed_operators:
            self._delete("operatorApprovals", {"_id": {"$in": list(commit.removed_operators)}}, session)
        self._replace("market", commit.markets, session)
        self._tell(commit.told, session)
        if commit.forget_headers_up_to is not None:
            self._delete("blocks", {"_id": {"$lte": commit.forget_headers_up_to}}, session)
        self._vouch(commit, session)

    def _write_assets(self, commit: Commit, session: ClientSession) -> None:
        """Assets, and how many of them there are."""
        tally, validate = holdings.Tally(self._database, session), not commit.trusted
        self._remove_assets(commit.removed_assets, tally, session)
        for fresh in bulk.portions(self._reattached(commit.new_assets, session)):
            tally.came(fresh)
            bulk.insert(self._database, "assets", fresh, session, validate=validate)
        for changes in bulk.portions(commit.changed_assets):
            tally.changing(changes)
            bulk.update(self._database, "assets", list(map(update_of, changes)), session, validate=validate)
        tally.keep()
        holdings.write(self._database, commit.holdings, commit.gone_holdings, session)

    def _write_deeds(self, commit: Commit, taken_back: set[int], session: ClientSession) -> None:
        """Deeds, and their sums by the hour; `taken_back`: the hours of deeds that were deleted."""
        sums: dict[int, trade_hours.Sums] = {}
        for deeds in bulk.portions(commit.transactions):
            trade_hours.take_in(sums, deeds)
            bulk.insert(self._database, "transactions", deeds, session, validate=not commit.trusted)
        trade_hours.keep(self._database, sums, taken_back, session)
        if commit.add_hours_up:
            trade_hours.add_up(self._database, session)

    def _inserts(self, commit: Commit) -> Iterator[tuple[str, Sequence[Document]]]:
        yield "chainEvents", commit.chain_events
        yield "priceHistory", commit.prices
        yield "blocks", commit.headers
        yield "quarantine", commit.quarantined
        yield "reorgs", [commit.reorg] if commit.reorg is not None else ()

    def _vouch(self, commit: Commit, session: ClientSession) -> None:
        spans.lay(self._database, [*commit.spans, *commit.vouched], session)
        updates = [
            UpdateMany(_chunks(span.first, span.last), {"$set": {"evidence": span.evidence}})
            for span in commit.vouched
        ] + [UpdateMany(_chunks(number), {"$set": {"rollingDigest": d}}) for number, d in commit.rolled]
        if updates:
            self._database["chainEvents"].bulk_write(updates, ordered=False, session=session)

    def _move_checkpoint(self, commit: Commit, session: ClientSession) -> None:
        gained = {f"evidence.{TALLIED[kind]}": count for kind, count in commit.tally.items() if count}
        counted = {"version": 1, "seq": len(commit.told), **gained}
        moved = self._database["checkpoints"].update_one(
            self._ours,
            {"$set": {**commit.checkpoint, "updatedAt": datetime.now(UTC)}, "$inc": counted},
            session=session,
        )
        if moved.matched_count == 0:
            raise LeaseLost(self.epoch, None)

    def _tell(self, facts: Sequence[Document], session: ClientSession) -> None:
        """Give facts the places that the checkpoint has just taken for them."""
        if not facts:
            return
        checkpoint = self._database["checkpoints"].find_one({"_id": INDEXER}, {"seq": 1}, session=session)
        first = cast(Any, checkpoint)["seq"] - len(facts) + 1
        now = datetime.now(UTC)
        events = [{"_id": seq, "toldAt": now, **fact} for seq, fact in enumerate(facts, start=first)]
        bulk.insert(self._database, "events", events, session, validate=True)

    def _rewind(self, ancestor: int, dropped: Sequence[str], session: ClientSession) -> None:
        self._delete("chainEvents", {"_id": {"$gte": ancestor + 1}}, session)
        self._delete("blocks", {"_id": {"$gt": ancestor}}, session)
        spans.cut(self._database, ancestor, session)
        self._delete("quarantine", {"blockNumber": {"$gt": ancestor}}, session)
        for name in ("transactions", "priceHistory"):
            self._delete(name, {"blockchain.blockNumber": {"$gt": ancestor}}, session)
            if dropped:
                self._delete(name, {"contractAddress": {"$in": list(dropped)}}, session)
        if dropped:
            self._delete("quarantine", {"address": {"$in": list(dropped)}}, session)

    def _delete_rows(self, first: int, last: int, session: ClientSession) -> None:
        between = {"$gte": first, "$lte": last}
        for name in ("transactions", "priceHistory"):
            self._delete(name, {"blockchain.blockNumber": between}, session)
        self._delete("quarantine", {"blockNumber": between}, session)

    def _replace(self, name: str, documents: Sequence[Document], session: ClientSession) -> None:
        replacements = [(document["_id"], document) for document in documents]
        bulk.update(self._database, name, replacements, session, validate=True, upsert=True)

    def _delete(self, name: str, query: Document, session: ClientSession) -> None:
        self._database[name].delete_many(query, session=session)

    # --- what people wrote ------------------------------------------------------------

    def _remove_assets(self, ids: Sequence[ObjectId], tally: Tally, session: ClientSession) -> None:
        if not ids:
            return
        query = {"_id": {"$in": list(ids)}}
        documents = list(self._database["assets"].find(query, session=session))
        tally.left(documents)
        orphans = [orphan for document in documents if (orphan := orphan_of(document)) is not None]
        self._replace("orphans", orphans, session)
        self._delete("assets", query, session)

    def _reattached(self, assets: Sequence[Document], session: ClientSession) -> Sequence[Document]:
        """The same mint, included again: give the asset back what people wrote about it."""
        if not assets or self._database["orphans"].find_one({}, {"_id": 1}, session=session) is None:
            return assets
        by_id = {orphan_id(asset): asset for asset in assets}
        orphans = self._database["orphans"].find({"_id": {"$in": list(by_id)}}, session=session)
        people = {orphan["_id"]: orphan["people"] for orphan in orphans}
        if not people:
            return assets
        self._delete("orphans", {"_id": {"$in": list(people)}}, session)
        return [with_people(asset, people.get(_id)) for _id, asset in by_id.items()]

    def begin(self, checkpoint: Document, markets: Sequence[Document]) -> None:
        """Write the first checkpoint, under our epoch, with the configuration it starts from."""
        with self.session() as session, session.start_transaction():
            self._database["checkpoints"].insert_one(
                {
                    **checkpoint,
                    "_id": INDEXER,
                    "epoch": self.epoch,
                    "version": 0,
                    "seq": 0,
                    trade_hours.KEPT: trade_hours.LAYOUT,
                    "updatedAt": datetime.now(UTC),
                },
                session=session,
            )
            self._database["market"].insert_many(cast(Any, markets), session=session)
            self._database[trade_hours.COLLECTION].insert_one(trade_hours.nothing(), session=session)

    def note(self, **fields: Any) -> None:
        """Say something in the checkpoint that changes nothing a reader computes from."""
        with self.session() as session:
            self._database["checkpoints"].update_one(self._ours, {"$set": fields}, session=session)

    def catch_up(self) -> None:
        """From now on we read all that was written before this call, by whomever, however it ended.

        A write that changes nothing is acknowledged once a majority has everything before it. Raises
        Interrupted.
        """
        with self.session() as session:
            same = {"$set": {"epoch": self.epoch}}
            self._database["checkpoints"].update_one(self._ours, same, session=session)


def _chunks(first: int, last: int | None = None) -> Document:
    """Blocks with all their chunks."""
    return {"_id": {"$gte": first, "$lt": (first if last is None else last) + 1}}
