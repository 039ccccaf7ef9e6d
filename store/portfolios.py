"""What a wallet owns and did: the rows that its portfolio is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from bson import ObjectId

from store.documents import TransactionType
from store.errors import TooMuch
from store.pages import chain_order
from store.prices import VALUATIONS
from store.snapshot import Document, Snapshot

MAX_ASSETS, MAX_MOVES, MAX_VALUATIONS = 50_000, 100_000, 200_000
"""What one answer may be computed from."""
MOVES = ("mint", "buy", "transfer")
Place = tuple[int, int]
"""Block number and log index."""


class Move(msgspec.Struct, frozen=True, gc=False):
    """An asset came to the wallet or left it; from itself to itself too. Amounts in wei."""

    asset: ObjectId
    type: TransactionType
    seller: str | None
    buyer: str | None
    price_wei: int | None
    fee_wei: int | None
    time: datetime
    place: Place


class Valuation(msgspec.Struct, frozen=True, gc=False):
    """The asset contract's price of an asset changed."""

    asset: ObjectId
    price_wei: int
    time: datetime
    place: Place


class Owned(msgspec.Struct, frozen=True, gc=False):
    """An asset of the wallet; `price_wei` is None where the contract never said one."""

    asset: ObjectId
    type: str | None
    price_wei: int | None
    asked_wei: int | None
    """The price asked, where it is for sale."""


class Portfolios:
    """What wallets own and did, as of one snapshot. Every method raises TooMuch."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def owned(self, wallet: str) -> list[Owned]:
        """Every asset of the wallet."""
        fields = {
            "assetType": 1,
            "currentPrice": 1,
            "createdAt": 1,
            "chain.initialPriceWei": 1,
            "marketStatus.listingPriceWei": 1,
        }
        rows = self._snapshot.find(
            "assets", {"ownership.currentOwner": wallet}, projection=fields, limit=MAX_ASSETS + 1
        )
        return [_owned(row) for row in _at_most(MAX_ASSETS, rows, "assets")]

    def moves(self, wallet: str, before: datetime | None = None) -> list[Move]:
        """Every mint, sale and transfer from or to the wallet, in the order of the chain."""
        until: Document = {} if before is None else {"timestamp": {"$lt": before}}
        parties: list[Document] = [{party: wallet, **until} for party in ("seller", "buyer")]
        rows = self._snapshot.find(
            "transactions",
            {"$or": parties, "type": {"$in": list(MOVES)}},
            sort=[(by.path, by.direction) for by in chain_order(-1)],
            limit=MAX_MOVES + 1,
        )
        return [_move(row) for row in reversed(_at_most(MAX_MOVES, rows, "mints, sales and transfers"))]

    def valuations(self, assets: Sequence[ObjectId], before: datetime) -> list[Valuation]:
        """Every price that the contract set of the assets, in the order of the chain."""
        rows = self._snapshot.find(
            "priceHistory",
            {
                "assetId": {"$in": list(assets)},
                "timestamp": {"$lt": before},
                "source.type": {"$in": list(VALUATIONS)},
            },
            limit=MAX_VALUATIONS + 1,
            projection={"assetId": 1, "priceWei": 1, "timestamp": 1, "blockchain": 1},
        )
        found = map(_valuation, _at_most(MAX_VALUATIONS, rows, "price points of its assets"))
        return sorted(found, key=lambda one: one.place)


def _at_most(limit: int, rows: list[Document], what: str) -> list[Document]:
    if len(rows) > limit:
        raise TooMuch("wallet", limit, what)
    return rows


def _owned(row: Document) -> Owned:
    return Owned(row["_id"], row["assetType"], price_of(row), _whole(row["marketStatus"]["listingPriceWei"]))


def price_of(asset: Any) -> int | None:
    """The contract's price in wei; None where neither the mint nor anybody since has said one."""
    price = asset["currentPrice"]
    unsaid = asset["chain"]["initialPriceWei"] is None and price["updatedAt"] == asset["createdAt"]
    return None if unsaid and price["valueWei"] == "0" else int(price["valueWei"])


def _move(row: Document) -> Move:
    return Move(
        row["assetId"],
        cast("TransactionType", row["type"]),
        row["seller"],
        row["buyer"],
        _whole(row["priceWei"]),
        _whole(row["platformFeeWei"]),
        row["timestamp"],
        _place(row),
    )


def _valuation(row: Document) -> Valuation:
    return Valuation(row["assetId"], int(row["priceWei"]), row["timestamp"], _place(row))


def _place(row: Document) -> Place:
    return row["blockchain"]["blockNumber"], row["blockchain"]["logIndex"]


def _whole(wei: str | None) -> int | None:
    return None if wei is None else int(wei)
