"""Answers that are one page of a list: of assets, of deeds, of activity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from api.pagination import Pages
from api.responses import present_activity, present_asset_item, present_listing, present_transaction
from api.services import services
from store.assets import AssetFilter, sorted_by
from store.pages import Direction, Page, PageRequest
from store.reading import View
from store.transactions import TransactionFilter

Row = TypeVar("Row")
Query = Mapping[str, Any]

FILTERS = ("is_listed", "is_purchasable", "is_verified", "min_confidence")
LISTING_ORDERS = {"price": "listingPrice", "listedAt": "listedAt", "tokenId": "tokenId", "name": "name"}
STATES = ("as_of_block", "finality")
"""Parameters that name the state that a list is of."""
AMOUNTS = ("price_min", "price_max", "listing_price_min", "listing_price_max")


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that pages can be taken of: its key in the answer, and what it is a list of."""

    key: str
    what: object
    """Filters and order; their repr tells one list from another, so that cursors cannot be mixed up."""
    view: View | None = None
    """The state that the list is of; None where reorgs do not touch it."""

    def answer(
        self, query: Query, read: Callable[[PageRequest], Page[Row]], present: Callable[[Row], dict[str, Any]]
    ) -> dict[str, Any]:
        """Rows under the key, and `pagination`."""
        state = "".join(f" {name} {query[name]}" for name in STATES if name in query)
        pages = Pages(f"{self.key} {self.what!r}{state}", services().cursors, self.view)
        asked = pages.asked(query)
        page = read(asked)
        return {self.key: [present(row) for row in page.rows], "pagination": pages.present(page, asked)}


def direction_of(query: Query, default: Direction) -> Direction:
    """1 for asc, -1 for desc."""
    directions: dict[str, Direction] = {"asc": 1, "desc": -1}
    return directions.get(query.get("sort_direction", ""), default)


def asset_filter(query: Query, owner: str | None) -> AssetFilter:
    """The filter that a query asks for."""
    types = query.get("asset_type")
    return AssetFilter(
        contract=query.get("contract_address"),
        types=None if types is None else tuple(types),
        owner=owner,
        text=query.get("q"),
        **{name: query.get(name) for name in FILTERS},
        **{f"{name}_wei": query.get(name) for name in AMOUNTS},
    )


def page_of_assets(view: View, query: Query, owner: str | None) -> dict[str, Any]:
    """One page of assets, with facets where asked for; newest first unless told otherwise."""
    wanted = asset_filter(query, owner)
    order = sorted_by(query.get("sort_by", "createdAt"), direction_of(query, -1))
    answer = Listed("assets", (wanted, order), view).answer(
        query,
        lambda asked: view.assets.page(wanted, order, asked),
        lambda asset: present_asset_item(asset, view.finalized),
    )
    if "facets" not in query:
        return answer
    found = view.assets.facets(wanted, query["facets"])
    facets = {name: [{"value": value, "count": count} for value, count in found[name]] for name in found}
    return {**answer, "facets": facets}


def page_of_listings(view: View, query: Query) -> dict[str, Any]:
    """One page of what is for sale, cheapest first unless told otherwise."""
    types = query.get("asset_type")
    wanted = AssetFilter(
        contract=query.get("contract_address"),
        types=None if types is None else tuple(types),
        seller=query.get("seller"),
        is_listed=True,
        is_purchasable=query.get("is_purchasable"),
        listing_price_min_wei=query.get("price_min"),
        listing_price_max_wei=query.get("price_max"),
    )
    order = sorted_by(LISTING_ORDERS[query.get("sort_by", "price")], direction_of(query, 1))
    return Listed("listings", (wanted, order), view).answer(
        query,
        lambda asked: view.assets.page(wanted, order, asked),
        lambda asset: present_listing(asset, view.finalized),
    )


def deed_filter(query: Query, wallet: str | None = None) -> TransactionFilter:
    """The filter that a query asks for; with `wallet`, that wallet's own view."""
    types = query.get("type")
    names = ("token_id", "seller", "buyer", "status", "from_time", "to_time", "transaction_hash")
    return TransactionFilter(
        contract=query.get("contract_address"),
        types=None if types is None else tuple(types),
        wallet=wallet or query.get("wallet"),
        own_view=wallet is not None,
        **{name: query.get(name) for name in names},
    )


def page_of_deeds(view: View, query: Query, wanted: TransactionFilter) -> dict[str, Any]:
    """One page of deeds, newest first."""
    viewer = wanted.wallet if wanted.own_view else None
    return Listed("transactions", wanted, view).answer(
        query,
        lambda asked: view.transactions.page(wanted, asked),
        lambda row: present_transaction(row, view.finalized, viewer),
    )


def page_of_activity(view: View, query: Query) -> dict[str, Any]:
    """One page of activity, newest first."""
    wanted = deed_filter(query)
    return Listed("activity", wanted, view).answer(
        query,
        lambda asked: view.transactions.activity(wanted, asked),
        lambda row: present_activity(row, view.finalized),
    )
