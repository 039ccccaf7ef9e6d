"""`explain=true`: what an answer was made of, so that anybody can check it against the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.fields import Flag, Strict
from api.responses import present_amount
from api.services import Facts, Written, services
from store.assets import AssetFilter, sorted_by
from store.documents import AssetDocument
from store.market import WINDOWS, Figures, Trade
from store.pages import PageRequest
from store.reading import View

Json = dict[str, Any]
Query = Mapping[str, Any]

METADATA_CALL = "getAssetMetadata(uint256)"
TOLD_BY_CALL = (
    "name", "assetType", "description", "metadata.assetLocation", "metadata.acquisitionDate",
    "chain.acquisitionDateSeconds", "chain.claimedVerified",
)  # fmt: skip
OF_THE_MINT = ("tokenId", "contractAddress", "createdAt", "chain.mintBlock", "chain.mintTransactionHash")
OF_THE_PRICE = ("currentPrice.value", "currentPrice.valueWei", "currentPrice.updatedAt")
OF_THE_OFFER = tuple(
    f"marketStatus.{name}" for name in ("listingPrice", "listingPriceWei", "listedAt", "listedBy")
)
Sources = dict[str, Sequence[Written | None]]


class ExplainQuery(Strict):
    """Whether to say what the answer was made of."""

    explain = Flag(metadata={"description": "Also say what the answer was made of."})


# --- one asset -----------------------------------------------------------------------------


def explain_asset(view: View, asset: AssetDocument) -> Json | None:
    """For each field that the chain decides, the logs that together made it what it is, newest first."""
    checkpoint = view.checkpoint
    assert checkpoint is not None
    assert checkpoint["tip"] is not None
    number, contract = checkpoint["tip"]["number"], asset["contractAddress"]
    facts = services().history.facts(view.chronicle, number, view.finalized, contract, asset["tokenId"])
    if facts is None:
        return None
    fields = {**_of_mint(facts), **_of_price(facts), **_of_owner(facts), **_of_market(facts, asset)}
    found = {name: _newest_first(written) for name, written in fields.items()}
    return {**{name: [_call(facts.minted)] for name in TOLD_BY_CALL}, **found}


def _of_mint(facts: Facts) -> Sources:
    described = (facts.described or facts.minted,)
    told = {"tokenURI": described, "chain.initialPriceWei": described}
    return {**dict.fromkeys(OF_THE_MINT, (facts.minted,)), **told}


def _of_price(facts: Facts) -> Sources:
    # A price that the oracle did not explain has no score: that, too, is what its log says.
    score = {"currentPrice.aiConfidenceScore": (facts.confidence or facts.price,)}
    return {**dict.fromkeys(OF_THE_PRICE, (facts.price,)), **score}


def _of_owner(facts: Facts) -> Sources:
    owner, touched = (facts.owner,), (facts.touched,)
    return {
        **dict.fromkeys(("currentOwner", "ownership.currentOwner"), owner),
        "ownership.ownerSince": (facts.since,),
        **dict.fromkeys(("chain.updatedBlock", "finality"), touched),
    }


def _of_market(facts: Facts, asset: AssetDocument) -> Sources:
    """Whether it is for sale follows from listing and owner; whether it can be bought, from approvals too."""
    offer = (facts.listing or facts.minted,)
    listed = (*offer, facts.owner) if asset["chain"]["listing"] else offer
    is_listed = asset["marketStatus"]["isListed"]
    allowed = (*listed, facts.approval, facts.operator) if is_listed else listed
    return {
        **dict.fromkeys(("isListed", "marketStatus.isListed"), listed),
        **dict.fromkeys(("marketStatus.isPurchasable", "marketStatus.unavailableReason"), allowed),
        **dict.fromkeys(OF_THE_OFFER, offer if is_listed else listed),
    }


def _newest_first(written: Sequence[Written | None]) -> list[Json]:
    told = {(each.block_number, each.log_index): each for each in written if each is not None}
    return [_log(told[place]) for place in sorted(told, reverse=True)]


def _log(written: Written) -> Json:
    return {
        "event": written.event,
        "call": None,
        "contract": written.contract,
        "blockNumber": written.block_number,
        "blockHash": written.block_hash,
        "timestamp": datetime.fromtimestamp(written.timestamp, UTC),
        "transactionHash": written.transaction_hash,
        "logIndex": written.log_index,
    }


def _call(minted: Written) -> Json:
    """Metadata is in no log: the contract was asked at the block of the mint, and cannot change it since."""
    return {**_log(minted), "event": None, "call": METADATA_CALL, "logIndex": None}


# --- the market ----------------------------------------------------------------------------


def explain_stats(view: View, figures: Figures) -> Json:
    """Formula, inputs and what was left out, for each figure."""
    return {**_counted(view, figures), **_floors(view, figures), "trade": _trades(view, figures)}


def _counted(view: View, figures: Figures) -> Json:
    stale = view.market.active_listings() - figures.listed
    return {
        "assets": _figure("assets minted up to the block", {"minted": figures.assets}),
        "holders": _figure("distinct values of currentOwner", {"assets": figures.assets}),
        "listed": _figure(
            "active listings whose seller still owns the asset",
            {"activeListings": figures.listed + stale},
            _left_out("owner-changed", stale),
        ),
        "purchasable": _figure(
            "listed, and the marketplace is approved to transfer the asset",
            {"listed": figures.listed},
            _left_out("not-approved", figures.listed - figures.purchasable),
        ),
        "listedRatio": _figure(
            "listed / assets, null without assets", {"listed": figures.listed, "assets": figures.assets}
        ),
    }


def _floors(view: View, figures: Figures) -> Json:
    unpurchasable = figures.listed - figures.purchasable
    return {
        "floorPrice": _figure(
            "lowest listingPriceWei of what is listed, purchasable or not",
            {
                "listings": figures.listed,
                "unpurchasable": unpurchasable,
                "cheapest": _cheapest(view, purchasable=None),
            },
            _left_out("owner-changed", view.market.active_listings() - figures.listed),
        ),
        "purchasableFloorPrice": _figure(
            "lowest listingPriceWei of what is purchasable",
            {"listings": figures.purchasable, "cheapest": _cheapest(view, purchasable=True)},
            _left_out("not-approved", unpurchasable),
        ),
    }


def _cheapest(view: View, purchasable: bool | None) -> Json | None:
    wanted = AssetFilter(is_listed=True, is_purchasable=purchasable)
    found = view.assets.page(wanted, sorted_by("listingPrice", 1), PageRequest(1)).rows
    return {"tokenId": found[0]["tokenId"], "contractAddress": found[0]["contractAddress"]} if found else None


def _trades(view: View, figures: Figures) -> Json:
    to = view.checkpoint["tipTimestamp"] if view.checkpoint else None
    windows = {}
    for name, trade in figures.trade.items():
        length = WINDOWS[name]
        begins = to - length if to and length else None
        windows[name] = {"after": begins, "upTo": to, **_trade(trade)}
    return windows


def _trade(trade: Trade) -> Json:
    selves = _left_out("self-trade", trade.self_trades, trade.self_traded_wei)
    return {
        "sales": _figure("sales in the window", {"allSales": trade.sales + trade.self_trades}, selves),
        "volume": _figure("sum of priceWei of those sales", {"sales": trade.sales}, selves),
        "fees": _figure(
            "sum over all sales of floor(priceWei × feeBps / 10000), feeBps as in force at each sale",
            {"allSales": trade.sales + trade.self_trades},
        ),
    }


def _figure(formula: str, inputs: Json, excluded: list[Json] | None = None) -> Json:
    return {"formula": formula, "inputs": inputs, "excluded": excluded or []}


def _left_out(reason: str, count: int, wei: int | None = None) -> list[Json]:
    return [{"reason": reason, "count": count, "amount": present_amount(wei)}] if count else []
