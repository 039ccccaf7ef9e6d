"""How many assets each wallet holds, and how many there are, are listed or can be bought: kept, not counted.

The numbers are a function of the asset documents. Whoever writes those moves the numbers in the same
transaction, by what the documents were before; so a rewind takes them back as exactly as the documents.
The first backfill keeps none: it ends with a count of everything (store.counting), as does a rebuild.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database

from store import bulk
from store.commit import Change, Document
from store.pages import value_at

logger = logging.getLogger(__name__)

COLLECTION = "holdings"
ALL = "all"
"""`_id` of the document of all assets. While it is missing, nothing in the collection is to be believed."""
OWNER, STATUS, OFFER = "ownership.currentOwner", "marketStatus", "chain.listing"
DECIDING = (OWNER, STATUS, OFFER)
"""Where an asset says what is counted of it."""
COUNTED = dict.fromkeys(DECIDING, 1)
"""The same as a projection."""
TOTALS = ("assets", "listed", "purchasable", "active")


class Counts:
    """How many assets there are, and who holds them; or how many more or fewer there are than before."""

    __slots__ = ("held", "totals")

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()
        self.totals: Counter[str] = Counter()

    def count(self, asset: Mapping[str, Any], by: int = 1) -> None:
        """Count an asset, given by what it says at the paths of DECIDING; by -1, take it out."""
        status = asset[STATUS]
        self.held[asset[OWNER]] += by
        self.totals["assets"] += by
        self.totals["listed"] += by * status["isListed"]
        self.totals["purchasable"] += by * status["isPurchasable"]
        self.totals["active"] += by * (asset[OFFER] is not None)

    @property
    def is_nothing(self) -> bool:
        return not any(self.held.values()) and not any(self.totals.values())

    def documents(self) -> Iterator[Document]:
        """As they are kept, if these are all assets; the document of all of them comes last."""
        held = {wallet: count for wallet, count in self.held.items() if count}
        yield from ({"_id": wallet, "assets": count} for wallet, count in held.items())
        yield {"_id": ALL, "holders": len(held), **{name: self.totals[name] for name in TOTALS}}


def deciding(asset: Mapping[str, Any]) -> dict[str, Any]:
    """What a document says at the paths that decide."""
    return {path: value_at(asset, path) for path in DECIDING}


class Tally:
    """What one commit does to the numbers. Is shown assets before they are written, and keeps the numbers."""

    def __init__(self, database: Database[Any], session: ClientSession) -> None:
        self._database, self._session = database, session
        self._moved = Counts()
        self._are_kept: bool | None = None

    def came(self, assets: Sequence[Document]) -> None:
        """These are about to be inserted."""
        if assets and self._keeps():
            for asset in assets:
                self._moved.count(deciding(asset))

    def left(self, assets: Sequence[Document]) -> None:
        """These are about to be deleted."""
        if assets and self._keeps():
            for asset in assets:
                self._moved.count(deciding(asset), -1)

    def changing(self, changes: Sequence[Change]) -> None:
        """These are about to change; where only the price does, nothing is read."""
        fresh = {_id: said for _id, fields, _ in changes if (said := _said(fields))}
        if not fresh or not self._keeps():
            return
        assets = self._database["assets"]
        for asset in assets.find({"_id": {"$in": list(fresh)}}, COUNTED, session=self._session):
            was = deciding(asset)
            self._moved.count(was, -1)
            self._moved.count(was | fresh[asset["_id"]])

    def keep(self) -> None:
        """Move the numbers by all that was shown."""
        if self._moved.is_nothing:
            return
        moved = {wallet: by for wallet, by in self._moved.held.items() if by}
        known = self._find([ALL, *moved])
        held = {wallet: known.get(wallet, {"assets": 0})["assets"] + by for wallet, by in moved.items()}
        gone = [wallet for wallet, count in held.items() if count == 0]
        totals = {name: known[ALL][name] + self._moved.totals[name] for name in TOTALS}
        totals["holders"] = known[ALL]["holders"] + len(held.keys() - known.keys()) - len(gone)
        if min(*held.values(), *totals.values()) < 0:
            self._give_up()
            return
        kept = [{"_id": wallet, "assets": count} for wallet, count in held.items() if count]
        write(self._database, [*kept, {"_id": ALL, **totals}], gone, self._session)

    def _give_up(self) -> None:
        """Somebody else wrote here. Readers count for themselves until the next start counts everything."""
        logger.error("numbers of assets fell below zero: they are counted anew at the next start")
        write(self._database, (), [ALL], self._session)

    def _keeps(self) -> bool:
        if self._are_kept is None:
            self._are_kept = ALL in self._find([ALL])
        return self._are_kept

    def _find(self, ids: Sequence[str]) -> dict[str, Any]:
        found = self._database[COLLECTION].find({"_id": {"$in": list(ids)}}, session=self._session)
        return {each["_id"]: each for each in found}


def _said(fields: Document) -> dict[str, Any]:
    """What a change says at the paths that decide: in dotted paths, or in the documents above them."""
    found = {path: fields[path] for path in DECIDING if path in fields}
    for path in DECIDING:
        above, _, name = path.partition(".")
        if name and above in fields:
            found[path] = fields[above][name]
    return found


def write(
    database: Database[Any], kept: Sequence[Document], gone: Sequence[str], session: ClientSession
) -> None:
    """Put documents in their places, and take others away."""
    replacements = [(document["_id"], document) for document in kept]
    bulk.update(database, COLLECTION, replacements, session, validate=False, upsert=True)
    if gone:
        database[COLLECTION].delete_many({"_id": {"$in": list(gone)}}, session=session)
