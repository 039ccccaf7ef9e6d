"""What is worth looking at while the demo runs: addresses for a browser, and lines for a shell."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from dvault.demo.history import BATCH, RELISTED, STALE

ADDRESSES = (
    "/api/status",
    "/api/assets?isListed=true",
    "/api/assets/1/price-history?interval=1d",
    "/api/market/stats",
    "/api/activity",
    "/api/reorgs",
    "/api/openapi.json",
)


class Stop(NamedTuple):
    """One thing to try; `path` begins after the host."""

    what: str
    path: str


def stops(tokens: Collection[int], person: str) -> Iterator[Stop]:
    """What to try with these tokens on the market; `person` is somebody's address."""
    if STALE in tokens:
        yield Stop(
            "a stale listing: given away while listed, so not for sale; see unavailableReason",
            f"/api/assets/{STALE}",
        )
    if RELISTED in tokens:
        yield Stop(
            "listed again within its own sale: sold once, and for sale again by the buyer",
            f"/api/assets/{RELISTED}/transactions",
        )
    if BATCH[0] in tokens:
        yield Stop(
            "bought with others in one transaction: compare the transactionHash",
            f"/api/assets/{BATCH[0]}/activity",
        )
    yield Stop("for sale, cheapest first", "/api/market/listings?sortBy=price&sortDirection=asc")
    yield Stop("what one person owns", f"/api/users/{person}/assets")
    yield Stop("sales only, newest first", "/api/transactions?type=buy&limit=3")
