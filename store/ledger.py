"""The indexer's books: one MongoDB transaction per commit, fenced by the epoch of the lease.

A commit holds raw blocks, rows, assets *and* the checkpoint; a crash anywhere means it did not happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from bson import ObjectId
from pymongo.client_session import ClientSession

from store import bulk
from store.connection import MAJORITY, SNAPSHOT, Connection, translated
from store.errors import LeaseLost, NotFound
from store.identity import row_id

Document = Mapping[str, Any]
AssetId = ObjectId
Change = tuple[Any, Document, Document]
INDEXER = "indexer"
DOCUMENTS_AT_ONCE = 500
"""The driver would take 16 MB at a time, five times that as Python objects."""


class EventfulBlock(NamedTuple):
    """A block we keep raw events of."""

    number: int
    hash: str


@dataclass(slots=True)
class Commit:
    """Everything that one step of the indexer changes.

    `checkpoint` is merged into the checkpoint. With `rewind_above`, everything above that block is
    taken back first. Changes are (id, fields to set, fields to unset), in dotted paths.
    """

    checkpoint: dict[str, Any]
    rewind_above: int | None = None
    rewrite_rows_of: tuple[int, int] | None = None
    """Blocks, both ends inclusive, whose rows are deleted before `transactions` and `prices` go in."""
    dropped_contracts: Sequence[str] = ()
    chain_events: Sequence[Document] = ()
    headers: Sequence[Document] = ()
    transactions: Sequence[Document] = ()
    prices: Sequence[Document] = ()
    quarantined: Sequence[Document] = ()
    new_assets: Sequence[Document] = ()
    changed_assets: Sequence[Change] = ()
    removed_assets: Sequence[ObjectId] = ()
    changed_operators: Sequence[Change] = ()
    removed_operators: Sequence[str] = ()
    markets: Sequence[Document] = ()
    reorg: Document | None = None
    forget_headers_up_to: int | None = None
    trusted: bool = False
    """History in bulk: the server need not validate what the program's types already promise."""


class Ledger:
    """The store, as the indexer needs it."""

    def __init__(self, connection: Connection, epoch: int) -> None:
        self._client = connection.client
        self._database = connection.database
        self._epoch = epoch

    # --- writing ----------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """Write it all or nothing. Raises LeaseLost when another indexer took over, Interrupted when
        nobody can tell whether it was written: then read the checkpoint again."""
        with translated(), self._client.start_session() as session:
            session.with_transaction(
                lambda inside: self._write(commit, inside), read_concern=SNAPSHOT, write_concern=MAJORITY
            )

    def _write(self, commit: Commit, session: ClientSession) -> None:
        self._move_checkpoint(commit.checkpoint, session)
        if commit.rewind_above is not None:
            self._rewind(commit.rewind_above, commit.dropped_contracts, session)
        if commit.rewrite_rows_of is not None:
            self._delete_rows(*commit.rewrite_rows_of, session)
        self._remove_assets(commit.removed_assets, session)
        for name, documents in self._inserts(commit, session):
            bulk.insert(self._database, name, documents, session, validate=not commit.trusted)
        assets = [(_id, _operators(fields, gone)) for _id, fields, gone in commit.changed_assets]
        bulk.update(self._database, "assets", assets, session, validate=not commit.trusted)
        operators = [(_id, _operators(fields, gone)) for _id, fields, gone in commit.changed_operators]
        bulk.update(self._database, "operatorApprovals", operators, session, validate=True, upsert=True)
        if commit.removed_operators:
            self._delete("operatorApprovals", {"_id": {"$in": list(commit.removed_operators)}}, session)
        self._replace("market", commit.markets, session)
        if commit.forget_headers_up_to is not None:
            self._delete("blocks", {"_id": {"$lte": commit.forget_headers_up_to}}, session)

    def _inserts(self, commit: Commit, session: ClientSession) -> Iterator[tuple[str, Sequence[Document]]]:
        yield "chainEvents", commit.chain_events
        yield "transactions", commit.transactions
        yield "priceHistory", commit.prices
        yield "assets", self._reattached(commit.new_assets, session)
        yield "blocks", commit.headers
        yield "quarantine", commit.quarantined
        yield "reorgs", [commit.reorg] if commit.reorg is not None else ()

    def _move_checkpoint(self, fields: Mapping[str, Any], session: ClientSession) -> None:
        moved = self._database["checkpoints"].update_one(
            {"_id": INDEXER, "epoch": self._epoch},
            {"$set": {**fields, "updatedAt": datetime.now(UTC)}, "$inc": {"version": 1}},
            session=session,
        )
        if moved.matched_count == 0:
            raise LeaseLost(self._epoch, None)

    def _rewind(self, ancestor: int, dropped: Sequence[str], session: ClientSession) -> None:
        self._delete("chainEvents", {"_id": {"$gte": ancestor + 1}}, session)
        self._delete("blocks", {"_id": {"$gt": ancestor}}, session)
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

    def _remove_assets(self, ids: Sequence[ObjectId], session: ClientSession) -> None:
        if not ids:
            return
        query = {"_id": {"$in": list(ids)}}
        orphans = [
            orphan
            for document in self._database["assets"].find(query, session=session)
            if (orphan := orphan_of(document)) is not None
        ]
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

    # --- reading back -----------------------------------------------------------------

    def checkpoint(self) -> dict[str, Any] | None:
        return self._one("checkpoints", INDEXER)

    def begin(self, checkpoint: Document, markets: Sequence[Document]) -> None:
        """Write the first checkpoint, under our epoch, with the configuration it starts from."""
        with translated(), self._client.start_session() as session, session.start_transaction():
            self._database["checkpoints"].insert_one(
                {
                    **checkpoint,
                    "_id": INDEXER,
                    "epoch": self._epoch,
                    "version": 0,
                    "updatedAt": datetime.now(UTC),
                },
                session=session,
            )
            self._database["market"].insert_many(cast(Any, markets), session=session)

    def note(self, **fields: Any) -> None:
        """Say something in the checkpoint that changes nothing a reader computes from."""
        with translated():
            self._database["checkpoints"].update_one({"_id": INDEXER, "epoch": self._epoch}, {"$set": fields})

    def market(self, which: str) -> dict[str, Any]:
        """The configuration now ("market"), at finality ("base") or at the start ("seed")."""
        found = self._one("market", which)
        if found is None:
            raise NotFound("market document", which)
        return found

    def assets(self, ids: Iterable[ObjectId]) -> Iterator[dict[str, Any]]:
        return self._find("assets", {"_id": {"$in": list(ids)}})

    def assets_listed_by(self, sellers: Iterable[str]) -> Iterator[dict[str, Any]]:
        return self._find("assets", {"chain.listing.seller": {"$in": list(sellers)}})

    def assets_with_base(self) -> Iterator[dict[str, Any]]:
        return self._find("assets", {"chain.base": {"$exists": True}})

    def all_assets(self) -> Iterator[dict[str, Any]]:
        return self._find("assets", {})

    def operators(self, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
        return self._find("operatorApprovals", {"_id": {"$in": list(ids)}})

    def operators_with_base(self) -> Iterator[dict[str, Any]]:
        return self._find("operatorApprovals", {"base": {"$exists": True}})

    def asset_ids(self) -> Iterator[ObjectId]:
        with translated():
            yield from (document["_id"] for document in self._database["assets"].find({}, {"_id": 1}))

    def all_operators(self) -> Iterator[dict[str, Any]]:
        return self._find("operatorApprovals", {})

    def blocks(self, above: int, up_to: int) -> Iterator[dict[str, Any]]:
        """Eventful blocks with above < number ≤ up_to, in order; chunks follow their block."""
        return self._find("chainEvents", {"_id": {"$gte": above + 1, "$lt": up_to + 1}}, sort="_id")

    def newest_block(self, up_to: int) -> EventfulBlock | None:
        """Our newest eventful block at or below a height."""
        with translated():
            found = self._database["chainEvents"].find_one(
                {"_id": {"$lt": up_to + 1}}, {"hash": 1}, sort=[("_id", -1)]
            )
        return EventfulBlock(int(found["_id"]), "0x" + found["hash"].hex()) if found else None

    def headers(self) -> Iterator[dict[str, Any]]:
        """The unfinalized window, oldest first."""
        return self._find("blocks", {}, sort="_id")

    def _one(self, name: str, key: str) -> dict[str, Any] | None:
        with translated():
            found: dict[str, Any] | None = self._database[name].find_one({"_id": key})
        return found

    def _find(self, name: str, query: Document, sort: str | None = None) -> Iterator[dict[str, Any]]:
        with translated():
            cursor = self._database[name].find(query).batch_size(DOCUMENTS_AT_ONCE)
            yield from cursor.sort(sort, 1) if sort else cursor


def _operators(fields: Document, gone: Document) -> dict[str, Document]:
    return {name: values for name, values in (("$set", fields), ("$unset", gone)) if values}


CHAIN_METADATA = ("assetLocation", "acquisitionDate")
PEOPLE = ("media", "verification", "stats", "updatedAt")


def orphan_id(asset: Document) -> ObjectId:
    return row_id(asset["chain"]["mintTransactionHash"], 0, f"orphan:{asset['_id']}")


def orphan_of(asset: Document) -> Document | None:
    """What people wrote about an asset, kept apart from whatever gets its token id next."""
    metadata = {key: value for key, value in asset["metadata"].items() if key not in CHAIN_METADATA}
    people = {key: asset[key] for key in PEOPLE if key in asset} | (
        {"metadata": metadata} if metadata else {}
    )
    if not people:
        return None
    return {
        "_id": orphan_id(asset),
        "contractAddress": asset["contractAddress"],
        "tokenId": asset["tokenId"],
        "mintTransactionHash": asset["chain"]["mintTransactionHash"],
        "people": people,
    }


def with_people(asset: Document, people: Document | None) -> Document:
    if people is None:
        return asset
    metadata = {**people.get("metadata", {}), **asset["metadata"]}
    return {**asset, **people, "metadata": metadata}
