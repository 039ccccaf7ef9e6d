"""Every index we need, declared once; EARLY ones before indexing, LATE ones after the first backfill.

People's are early: uniqueness and expiry must hold from the first document on. Of the chain's, each costs a
large part of the insert rate, and building one over existing documents is cheap: hence only what the indexer
itself asks for is there from the start. Lists sort by a key and then `_id`, so their indexes end in `_id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pymongo.database import Database
from pymongo.errors import OperationFailure

from store.connection import Document
from store.errors import IndexConflict

Key = tuple[str, Literal[1, -1]]
BUILT_BY_ANOTHER = (85, 86)
"""IndexOptionsConflict and IndexKeySpecsConflict."""


@dataclass(frozen=True, slots=True)
class Index:
    """One index; `present` names a path that a document must have to be in it (None: every document).

    `expire_after_seconds`: documents are removed that long after the time they hold there.
    """

    collection: str
    keys: tuple[Key, ...]
    unique: bool = False
    present: str | None = None
    expire_after_seconds: int | None = None

    @property
    def name(self) -> str:
        """As MongoDB would call it."""
        return "_".join(f"{path}_{direction}" for path, direction in self.keys)

    def definition(self) -> Document:
        """As `createIndexes` takes it and `listIndexes` tells it, without the version."""
        found: Document = {"key": dict(self.keys), "name": self.name}
        if self.unique:
            found["unique"] = True
        if self.present:
            found["partialFilterExpression"] = {self.present: {"$exists": True}}
        if self.expire_after_seconds is not None:
            found["expireAfterSeconds"] = self.expire_after_seconds
        return found


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What is there: `conflicts` are ours by name or key, but defined otherwise."""

    present: tuple[str, ...]
    missing: tuple[str, ...]
    conflicts: tuple[str, ...]


def up(*paths: str) -> tuple[Key, ...]:
    return tuple((path, 1) for path in paths)


def down(*paths: str) -> tuple[Key, ...]:
    return tuple((path, -1) for path in paths)


CHAIN_ORDER = ("blockchain.blockNumber", "blockchain.logIndex", "_id")

INDEXING: tuple[Index, ...] = (
    Index("assets", up("chain.listing.seller"), present="chain.listing.seller"),
    Index("assets", up("chain.base"), present="chain.base"),
    Index("operatorApprovals", up("base"), present="base"),
    Index("keyVault", up("keyAltNames"), unique=True, present="keyAltNames"),
)

SESSION_KEPT_SECONDS = 24 * 3600
"""How long a session that is over can still be looked up: reuse of its tokens is told apart from nonsense."""
USAGE_KEPT_SECONDS = 400 * 24 * 3600
"""More than the longest life of a key."""
RATE_COUNTS = "rateCounts"
PEOPLE: tuple[Index, ...] = (
    Index("users", up("walletAddress"), unique=True),
    Index("users", up("apiKeys.key")),
    Index("users", up("nonce"), present="nonce"),
    Index("users", up("roles", "_id")),
    Index("sessions", up("userId", "isValid", "_id")),
    Index("sessions", up("expiresAt"), expire_after_seconds=SESSION_KEPT_SECONDS),
    Index("nonces", up("expiresAt"), expire_after_seconds=0),
    Index("apiKeys", up("key"), unique=True),
    Index("apiKeys", up("userId", "_id")),
    Index("apiKeys", up("forgetAt"), expire_after_seconds=0),
    Index("apiKeyUsage", up("keyId", "day")),
    Index("apiKeyUsage", up("day"), expire_after_seconds=USAGE_KEPT_SECONDS),
    Index(RATE_COUNTS, up("expireAt"), expire_after_seconds=0),
    Index("favorites", up("userId", "assetId", "mintTransactionHash"), unique=True),
    Index("favorites", (*up("userId"), *down("_id"))),
    Index("favorites", up("userId", "contractAddress", "tokenId")),
    Index("countedViews", up("expireAt"), expire_after_seconds=0),
    Index("viewSalts", up("expireAt"), expire_after_seconds=0),
    Index("auditLog", down("at", "_id")),
    Index("auditLog", (*up("target"), *down("at", "_id"))),
    Index("auditLog", (*up("actor.name"), *down("at", "_id"))),
    Index("auditLog", (*up("action"), *down("at", "_id"))),
)

EARLY: tuple[Index, ...] = (*INDEXING, *PEOPLE)

ASSET_LISTS: tuple[Index, ...] = (
    Index("assets", up("contractAddress", "tokenId"), unique=True),
    Index("assets", up("tokenId", "_id")),
    Index("assets", down("chain.mintBlock", "chain.mintLogIndex", "_id")),
    Index("assets", (*up("ownership.currentOwner"), *down("chain.mintBlock", "chain.mintLogIndex", "_id"))),
    Index("assets", (*up("assetType"), *down("chain.mintBlock", "chain.mintLogIndex", "_id"))),
    Index("assets", (*up("marketStatus.isListed"), *down("chain.mintBlock", "chain.mintLogIndex", "_id"))),
    Index("assets", up("marketStatus.isListed", "marketStatus.listingPriceKey", "_id")),
    Index("assets", up("marketStatus.isPurchasable", "marketStatus.listingPriceKey", "_id")),
    Index("assets", up("marketStatus.listingPriceKey", "_id")),
    Index("assets", up("marketStatus.isListed", "marketStatus.listedAt", "_id")),
    Index("assets", up("marketStatus.listedBy", "marketStatus.listingPriceKey", "_id")),
    Index("assets", up("currentPrice.valueKey", "_id")),
    Index("assets", up("currentPrice.value")),
    Index("assets", up("currentPrice.aiConfidenceScore", "_id")),
    Index("assets", up("name", "_id")),
    Index("assets", up("updatedAt", "_id")),
    Index("assets", up("stats.viewCount", "_id")),
    Index("assets", up("verification.isVerified", "_id")),
    Index("assets", up("searchKeys")),
)

ROW_LISTS: tuple[Index, ...] = (
    Index("transactions", down(*CHAIN_ORDER)),
    Index("transactions", (*up("tokenId"), *down(*CHAIN_ORDER))),
    Index("transactions", (*up("seller"), *down(*CHAIN_ORDER))),
    Index("transactions", (*up("buyer"), *down(*CHAIN_ORDER))),
    Index("transactions", (*up("type"), *down(*CHAIN_ORDER))),
    Index("transactions", (*up("contractAddress"), *down(*CHAIN_ORDER))),
    Index("transactions", up("blockchain.transactionHash")),
    Index("transactions", down("timestamp", "_id")),
    Index("transactions", up("type", "timestamp")),
    Index("priceHistory", down(*CHAIN_ORDER)),
    Index("priceHistory", up("tokenId", "contractAddress", *CHAIN_ORDER)),
    Index("priceHistory", (*up("source.type"), *down(*CHAIN_ORDER))),
    Index("priceHistory", (*up("contractAddress"), *down(*CHAIN_ORDER))),
    Index("priceHistory", down("timestamp", "_id")),
    Index("priceHistory", (*up("tokenId"), *down("timestamp"))),
    Index("priceHistory", (*up("assetId"), *down("timestamp"))),
    Index("priceHistory", up("blockchain.transactionHash")),
)

EVENTS_KEPT_SECONDS = 7 * 24 * 3600
"""How long a listener may stay away and still hear everything."""

BOOKS: tuple[Index, ...] = (
    Index("events", up("toldAt"), expire_after_seconds=EVENTS_KEPT_SECONDS),
    Index("chainEvents", up("tokens", "_id")),
    Index("chainEvents", up("transactions.hash")),
    Index("operatorApprovals", up("owner")),
    Index("quarantine", up("blockNumber", "logIndex")),
    Index("reorgs", down("detectedAt", "_id")),
    Index("reorgs", up("transactionHashes")),
    Index("reorgs", up("orphaned.hash")),
    Index("orphans", up("mintTransactionHash")),
    Index("orphans", up("contractAddress", "tokenId")),
)

LATE: tuple[Index, ...] = (*ASSET_LISTS, *ROW_LISTS, *BOOKS)


def ensure_early(database: Database[Document]) -> list[str]:
    """Build what indexing needs; returns the names of what was built. Raises IndexConflict."""
    return ensure(database, EARLY)


def ensure_late(database: Database[Document]) -> list[str]:
    """Build what readers need; returns the names of what was built. Raises IndexConflict."""
    return ensure(database, LATE)


def describe(database: Database[Document], wanted: Sequence[Index] = (*EARLY, *LATE)) -> IndexReport:
    """Compare what is there with what we want; names are `collection.index`."""
    present: list[str] = []
    missing: list[str] = []
    conflicts: list[str] = []
    for collection, ours in by_collection(wanted).items():
        theirs = _existing(database, collection)
        for index in ours:
            verdict = _verdict(index, theirs)
            {"present": present, "missing": missing, "conflict": conflicts}[verdict].append(_full_name(index))
    return IndexReport(tuple(present), tuple(missing), tuple(conflicts))


def ensure(database: Database[Document], wanted: Sequence[Index]) -> list[str]:
    """Build those that are not there; returns the names of what was built. Raises IndexConflict."""
    report = describe(database, wanted)
    if report.conflicts:
        raise IndexConflict(report.conflicts)
    missing = [index for index in wanted if _full_name(index) in report.missing]
    for collection, ours in by_collection(missing).items():
        _build(database, collection, ours)
    return [_full_name(index) for index in missing]


def _build(database: Database[Document], collection: str, indexes: Sequence[Index]) -> None:
    """One command for all of a collection: it is read once."""
    try:
        database.command("createIndexes", collection, indexes=[index.definition() for index in indexes])
    except OperationFailure as error:
        if error.code in BUILT_BY_ANOTHER:
            raise IndexConflict([f"{collection}: {error}"]) from error
        raise


def _existing(database: Database[Document], collection: str) -> list[Document]:
    """Definitions as told by the server, without the version; none for a collection that does not exist."""
    return [
        {field: dict(value) if field == "key" else value for field, value in told.items() if field != "v"}
        for told in database[collection].list_indexes()
    ]


def _verdict(index: Index, theirs: Sequence[Document]) -> Literal["present", "missing", "conflict"]:
    wanted = index.definition()
    if any(_same({**told, "name": index.name}, wanted) for told in theirs):
        return "present"
    return "conflict" if any(told["name"] == index.name for told in theirs) else "missing"


def _same(told: Document, wanted: Document) -> bool:
    """The order of the keys matters, and dicts do not compare it."""
    return told == wanted and list(told["key"].items()) == list(wanted["key"].items())


def by_collection(indexes: Iterable[Index]) -> dict[str, list[Index]]:
    """Those of one collection together: they are built at once."""
    grouped: dict[str, list[Index]] = {}
    for index in indexes:
        grouped.setdefault(index.collection, []).append(index)
    return grouped


def _full_name(index: Index) -> str:
    return f"{index.collection}.{index.name}"
