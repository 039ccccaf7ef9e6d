"""Every single thing that can happen on the market, and exactly the documents that it changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from chain.transactions import NodeReceipt
from store.connection import Connection
from store.encoding import amount_key, ether
from store.identity import asset_id
from tests.integration.indexing import (
    ALL_FINAL,
    Document,
    Documents,
    Indexing,
    Stage,
    assert_same,
    emptied,
    stage,
)
from tests.integration.market_play import DEAD, ETHER, MarketPlay
from tests.integration.market_row import Row
from tests.integration.market_rows import ROWS, play_everything
from tests.integration.market_view import ZERO

TEN, TWELVE, MOST = 10 * ETHER, 12 * ETHER, 2**256 - 1
DERIVED = ("value", "valueKey", "listingPrice", "listingPriceKey", "updatedBlock", "updatedLogIndex", "base")
"""Fields that are other forms of the ones compared, or bookkeeping; they are checked by themselves."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a block changed. Deeds: type, seller, buyer, wei, fee. Points: source, wei, data source, confidence."""

    deeds: list[tuple[Any, ...]] = field(default_factory=list)
    points: list[tuple[Any, ...]] = field(default_factory=list)
    minted: list[tuple[Any, ...]] = field(default_factory=list)
    """Owner, price, URI, listing price."""
    changed: list[dict[str, Any]] = field(default_factory=list)
    """Of each asset that was there before, by token id, the new values of the fields that changed."""
    market: dict[str, Any] = field(default_factory=dict)
    approvals: dict[str, bool] = field(default_factory=dict)


def listed(price: int, by: str) -> dict[str, Any]:
    offer = {
        "isListed": True,
        "isPurchasable": True,
        "listingPriceWei": str(price),
        "listedAt": "now",
        "listedBy": by,
    }
    kept = {"seller": by, "priceWei": str(price), "listedAt": "now"}
    return {
        **{f"marketStatus.{n}": v for n, v in offer.items()},
        **{f"chain.listing.{n}": v for n, v in kept.items()},
    }


def owned(by: str) -> dict[str, Any]:
    return {"ownership.currentOwner": by, "ownership.ownerSince": "now", "chain.approved": None}


def priced(wei: int, score: int | None) -> dict[str, Any]:
    return {
        "currentPrice.valueWei": str(wei),
        "currentPrice.aiConfidenceScore": score,
        "currentPrice.updatedAt": "now",
    }


HIDDEN: dict[str, Any] = {
    "marketStatus.isListed": False,
    "marketStatus.isPurchasable": False,
    "marketStatus.listingPriceWei": None,
    "marketStatus.listedAt": None,
    "marketStatus.listedBy": None,
}
CLOSED: dict[str, Any] = {**HIDDEN, "chain.listing": None}
STALE: dict[str, Any] = {**HIDDEN, "marketStatus.unavailableReason": "owner-changed"}
UNSAID = {"chain.approved": None}


def minted(to: str, wei: int = TEN, uri: str = "ipfs://harbour") -> Told:
    return Told([("mint", None, to, wei, None)], [("mint", wei, None, None)], [(to, wei, uri, None)])


def oracle(
    wei: int, *, source: str = "model-v3", score: int = 90, changes: dict[str, Any] | None = None
) -> Told:
    return Told(
        [], [("ai-oracle", wei, source, score)], [], [priced(wei, score) if changes is None else changes]
    )


def sale(seller: str, buyer: str, wei: int, fee: int) -> Told:
    # After a wash buy the buyer is the owner that was there before.
    moved = owned(buyer) if seller != buyer else UNSAID
    return Told([("buy", seller, buyer, wei, fee)], [("sale", wei, None, None)], [], [{**CLOSED, **moved}])


def resold(seller: str, buyer: str, wei: int, again: int) -> Told:
    offer = listed(again, buyer)
    del offer["marketStatus.isListed"], offer["marketStatus.isPurchasable"]
    if seller == buyer:
        kept = {path: value for path, value in offer.items() if value != buyer}
    else:
        kept = {**offer, "ownership.currentOwner": buyer, "ownership.ownerSince": "now"}
    deeds = [("buy", seller, buyer, wei, 0), ("list", buyer, None, again, None)]
    return Told(deeds, [("sale", wei, None, None), ("user-listing", again, None, None)], [], [kept])


ADOPTED = {"assetContracts": ["RWA", "RWA2"], "owners": {"RWA": "owner", "MARKET": "owner", "RWA2": "owner"}}
ODD = "\ufffd\x00\ufffd\ufffd"
EXPECTED: dict[str, Told] = {
    "mint": minted("alice", 15_123456789012345678, "ipfs://one"),
    "mint_at_the_limits": minted("bob", MOST, "\ufffd\ufffd"),
    "price_by_the_oracle": oracle(18 * ETHER, score=91),
    "same_price_again": oracle(
        TEN, changes={"currentPrice.aiConfidenceScore": 90, "currentPrice.updatedAt": "now"}
    ),
    "price_zero_from_an_unreadable_source": oracle(0, source=ODD, score=70),
    "price_by_an_ordinary_account": Told(
        [], [("direct", 7 * ETHER, None, None)], [],
        [{"currentPrice.valueWei": str(7 * ETHER), "currentPrice.updatedAt": "now"}],
    ),
    "two_equal_prices_in_one_transaction": Told(
        [], [("ai-oracle", 5 * ETHER, "model-v3", 90)] * 2, [], [priced(5 * ETHER, 90)]
    ),
    "approve": Told(changed=[{"chain.approved": "MARKET"}]),
    "approve_all": Told(approvals={"carol": True}),
    "self_transfer": Told([("transfer", "alice", "alice", None, None)], changed=[{}]),
    "send_to_the_dead_address": Told(
        [("transfer", "alice", "dead", None, None)],
        changed=[{"ownership.currentOwner": "dead", "ownership.ownerSince": "now"}],
    ),
    "three_mints_in_one_transaction": Told(
        [("mint", None, "carol", ETHER, None)] * 3, [("mint", ETHER, None, None)] * 3,
        [("carol", ETHER, "ipfs://many", None)] * 3,
    ),
    "list_asset": Told(
        [("list", "alice", None, MOST, None)], [("user-listing", MOST, None, None)], [], [listed(MOST, "alice")]
    ),
    "delist": Told([("delist", "alice", None, TWELVE, None)], changed=[CLOSED]),
    "buy": sale("alice", "bob", TWELVE, 6 * ETHER // 10),
    "buy_for_three_wei": sale("alice", "bob", 3, 0),
    "transfer_while_listed": Told(
        [("transfer", "alice", "bob", None, None)], changed=[{**STALE, **owned("bob")}]
    ),
    "transfer_back_to_the_lister": Told(
        [("transfer", "bob", "alice", None, None)],
        changed=[{
            "ownership.currentOwner": "alice", "ownership.ownerSince": "now", "marketStatus.isListed": True,
            "marketStatus.unavailableReason": "not-approved", "marketStatus.listingPriceWei": str(TWELVE),
            "marketStatus.listedAt": "then", "marketStatus.listedBy": "alice",
        }],
    ),
    "stale_delist_by_the_former_owner": Told(
        [("delist", "alice", None, TWELVE, None)],
        changed=[{"marketStatus.unavailableReason": None, "chain.listing": None}],
    ),
    "wash_buy": sale("alice", "alice", TWELVE, TWELVE // 40),
    "fee_change": Told(market={"feeBps": 1000}),
    "collector_change": Told(market={"feeCollector": "EtherRefuser"}),
    "minimum_confidence": Told(market={"minimumConfidence": 80}),
    "grant": Told(),
    "grant_again": Told(),
    "revoke": Told(),
    "renounce": Told(),
    "set_pricing_agent": Told(market={"pricingAgents": {"RWA": "dave"}}),
    "repoint_the_market": Told(market={"marketplaceAsset": "RWA2", **ADOPTED}),
    "repoint_the_agent": Told(market={"agentAsset": "RWA2", **ADOPTED}),
    "transfer_ownership_of_the_asset_contract": Told(market={"owners": {"RWA": "bob", "MARKET": "owner"}}),
    "transfer_ownership_of_the_marketplace": Told(market={"owners": {"RWA": "owner", "MARKET": "bob"}}),
    "renounce_ownership": Told(),
    "two_buys_in_one_transaction": Told(
        [("buy", "alice", "BatchBuyer", 2 * ETHER, ETHER // 20), ("buy", "alice", "BatchBuyer", 3 * ETHER, 3 * ETHER // 40)],
        [("sale", 2 * ETHER, None, None), ("sale", 3 * ETHER, None, None)], [],
        [{**CLOSED, **owned("BatchBuyer")}] * 2,
    ),
    "list_delist_list_in_one_transaction": Told(
        [("list", "BatchLister", None, 5, None), ("delist", "BatchLister", None, 5, None), ("list", "BatchLister", None, 6, None)],
        [("user-listing", 5, None, None), ("user-listing", 6, None, None)], [],
        [{**listed(6, "BatchLister"), "chain.approved": "MARKET"}],
    ),
    "relist_when_the_token_arrives": resold("alice", "Relister", 6, 9),
    "relist_when_the_refund_arrives": resold("alice", "Relister", 6, 9),
    "forward_what_was_bought": Told(
        [("buy", "alice", "Forwarder", 6, 0), ("transfer", "Forwarder", "carol", None, None)],
        [("sale", 6, None, None)], [], [{**CLOSED, **owned("carol")}],
    ),
    "mint_to_a_contract_that_lists": Told(
        [("mint", None, "ListingMinterReceiver", TEN, None), ("list", "ListingMinterReceiver", None, 8 * ETHER, None)],
        [("mint", TEN, None, None), ("user-listing", 8 * ETHER, None, None)],
        [("ListingMinterReceiver", TEN, "ipfs://harbour", str(8 * ETHER))],
    ),
    "mint_to_a_contract_that_forwards": Told(
        [("mint", None, "Forwarder", TEN, None), ("transfer", "Forwarder", "carol", None, None)],
        [("mint", TEN, None, None)], [("carol", TEN, "ipfs://harbour", None)],
    ),
    "buy_its_own_listing_and_relist": resold("SelfBuyer", "SelfBuyer", 7, 8),
    "look_alike": Told(),
}  # fmt: skip

REFUSED: dict[str, tuple[list[str], tuple[bool, bool, str | None] | None]] = {
    "mint_by_a_stranger": ([], None),
    "price_with_too_little_confidence": (["mint"], (False, False, None)),
    "buy_for_too_little": (["mint", "list"], (True, True, None)),
    "buy_after_the_approval_was_withdrawn": (["mint", "list"], (True, False, "not-approved")),
    "seller_that_refuses_ether": (["mint", "list"], (True, True, None)),
}
"""Rows whose last word is a refusal: all deeds that led up to it, and (listed, purchasable, reason) after it."""


@pytest.fixture(scope="module")
def scene() -> Iterator[Stage]:
    with stage() as running:
        yield running


@pytest.fixture
def play(scene: Stage) -> MarketPlay:
    return MarketPlay(scene.rpc)


@pytest.fixture
def books(play: MarketPlay, scene: Stage, shared_connection: Connection) -> Indexing:
    return Indexing(play, emptied(shared_connection, "ours"), scene.node)


def test_every_row_has_its_expectation() -> None:
    assert {row.name for row in ROWS} == EXPECTED.keys() | REFUSED.keys()


@pytest.mark.parametrize("row", [row for row in ROWS if row.name in EXPECTED], ids=lambda row: row.name)
def test_a_deed_changes_exactly_its_documents_live_and_backfilled(
    row: Row, play: MarketPlay, books: Indexing
) -> None:
    receipt = row.deed(play)
    number = int(receipt["blockNumber"], 16)

    books.catch_up(number - 1)
    before = books.documents()
    books.catch_up(number)
    after = books.documents()

    assert told(play, receipt, before, after) == EXPECTED[row.name]
    assert_rows_say_where_they_are_from(receipt, before, after)
    books.assert_true()
    books.catch_up()
    assert_amounts_agree(books.documents())
    assert_the_same_by_backfill(books)


@pytest.mark.parametrize("row", [row for row in ROWS if row.name in REFUSED], ids=lambda row: row.name)
def test_a_refused_deed_changes_nothing_live_and_backfilled(
    row: Row, play: MarketPlay, books: Indexing
) -> None:
    deeds, status = REFUSED[row.name]

    row.deed(play)
    books.catch_up()

    assert [deed["type"] for deed in books.rows()] == deeds
    for asset in books.ledger.all_assets():
        market = asset["marketStatus"]
        assert (market["isListed"], market["isPurchasable"], market["unavailableReason"]) == status
    assert_amounts_agree(books.documents())
    assert_the_same_by_backfill(books)


def test_everything_in_a_row_followed_or_backfilled_seventy_blocks_later_is_the_same(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    books.catch_up()
    for row in ROWS:
        row.deed(play)
        books.catch_up()
    scene.mine(70)
    books.catch_up()

    with books.fresh() as other:
        assert_same(books.documents(), other.documents())
        assert books.standing() == other.standing()
        other.assert_true()
    books.assert_true()
    assert_amounts_agree(books.documents())


def test_everything_at_once_found_by_a_late_starter_is_true(play: MarketPlay, books: Indexing) -> None:
    play_everything(play)

    books.catch_up()

    books.assert_like_fresh()
    assert books.database["quarantine"].count_documents({}) == 0


# --- looking at what changed ----------------------------------------------------------------------


def assert_the_same_by_backfill(books: Indexing) -> None:
    books.load(policy=ALL_FINAL)
    books.catch_up()
    with books.fresh(policy=ALL_FINAL) as other:
        assert_same(books.documents(), other.documents())
        assert books.standing() == other.standing()
        other.assert_true()


def told(play: MarketPlay, receipt: NodeReceipt, before: Documents, after: Documents) -> Told:
    """The difference between two databases, in names instead of addresses."""
    names = {
        **{address: label for address, (label, _) in play.known.items()},
        **{getattr(play, name): name for name in ("owner", "alice", "bob", "carol", "dave")},
        DEAD: "dead", ZERO: "nobody",
    }  # fmt: skip
    now = datetime.fromtimestamp(block_of(play, receipt)["timestamp"], UTC)

    def name(value: Any) -> Any:
        if isinstance(value, datetime):
            return "now" if value == now else "then"
        if isinstance(value, dict):
            return {name(key): name(each) for key, each in value.items()}
        if isinstance(value, list):
            return [name(each) for each in value]
        return names.get(value, value) if isinstance(value, str) else value

    def wei(amount: str | None) -> int | None:
        return None if amount is None else int(amount)

    gone = before.keys() - after.keys()
    assert {key for key in gone if key[0] != "blocks"} == set()
    new = sorted(
        (after[key] for key in after.keys() - before.keys() if key[0] == "assets"), key=lambda a: a["tokenId"]
    )
    both = [(before[key], after[key]) for key in before.keys() & after.keys() if before[key] != after[key]]
    assets = sorted(((o, n) for o, n in both if "ownership" in n), key=lambda pair: pair[1]["tokenId"])
    market = (before["market", "market"], after["market", "market"])
    return Told(
        [
            (row["type"], name(row["seller"]), name(row["buyer"]), wei(row["priceWei"]), wei(row["platformFeeWei"]))
            for row in added("transactions", before, after)
        ],
        [
            (p["source"]["type"], wei(p["priceWei"]), p["source"]["dataSourceName"], p["aiMetrics"]["confidenceScore"])
            for p in added("priceHistory", before, after)
        ],
        [
            (
                name(asset["ownership"]["currentOwner"]), wei(asset["currentPrice"]["valueWei"]), asset["tokenURI"],
                asset["marketStatus"]["listingPriceWei"],
            )
            for asset in new
        ],
        [name(changes(old, now_)) for old, now_ in assets],
        {key: name(market[1][key]) for key in market[1] if market[0][key] != market[1][key]},
        {
            name(document["owner"]): document["approved"]
            for key, document in after.items()
            if key[0] == "operatorApprovals" and before.get(key) != document
        },
    )  # fmt: skip


def added(name: str, before: Documents, after: Documents) -> list[Document]:
    rows = [after[key] for key in after.keys() - before.keys() if key[0] == name]
    return sorted(rows, key=lambda row: row["blockchain"]["logIndex"])


def changes(old: Document, new: Document) -> Document:
    """Dotted paths whose value is another one, with the new value."""
    ours, theirs = flat(old), flat(new)
    found = {path: theirs.get(path) for path in ours | theirs if ours.get(path) != theirs.get(path)}
    if old["chain"]["listing"] is not None and new["chain"]["listing"] is None:
        found = {path: value for path, value in found.items() if not path.startswith("chain.listing.")}
        return {**found, "chain.listing": None}
    return found


def flat(document: Document, prefix: str = "") -> Document:
    found: Document = {}
    for name, value in document.items():
        if name in DERIVED:
            continue
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def block_of(play: MarketPlay, receipt: NodeReceipt) -> Document:
    block = play.rpc.call("eth_getBlockByNumber", receipt["blockNumber"], False)
    return {"timestamp": int(block["timestamp"], 16)}


def assert_rows_say_where_they_are_from(receipt: NodeReceipt, before: Documents, after: Documents) -> None:
    """What a row says of its transaction is what the receipt says; a sale pays in ether."""
    indices = {int(log["logIndex"], 16) for log in receipt["logs"]}
    for name in ("transactions", "priceHistory"):
        for row in added(name, before, after):
            origin = row["blockchain"]
            assert origin["transactionHash"] == receipt["transactionHash"]
            assert (origin["blockNumber"], origin["blockHash"]) == (
                int(receipt["blockNumber"], 16),
                receipt["blockHash"],
            )
            assert origin["logIndex"] in indices
            assert origin["timestamp"] == row["timestamp"]
            assert row["assetId"] == asset_id(row["contractAddress"], row["tokenId"])
            assert row["priceUsd"] is None
            if name == "transactions":
                assert origin["gasUsed"] == int(receipt["gasUsed"], 16)
                assert origin["gasPriceWei"] == str(int(receipt["effectiveGasPrice"], 16))
                assert row["paymentMethod"] == ("eth" if row["type"] == "buy" else None)
            else:
                assert row["source"]["modelVersion"] is None
                assert row["aiMetrics"]["factors"] == []


def assert_amounts_agree(documents: Documents) -> None:
    """Every amount beside its exact wei is that amount."""
    for (name, _), document in documents.items():
        if name == "assets":
            price, market = document["currentPrice"], document["marketStatus"]
            assert_amount(price["valueWei"], price["value"], price["valueKey"])
            assert_amount(market["listingPriceWei"], market["listingPrice"], market["listingPriceKey"])
        elif name in ("transactions", "priceHistory"):
            assert document["price"] == ether_of(document["priceWei"])
        if name == "transactions":
            assert document["platformFee"] == ether_of(document["platformFeeWei"])


def assert_amount(wei: str | None, number: float | None, key: bytes | None) -> None:
    assert number == ether_of(wei)
    assert key == (None if wei is None else amount_key(int(wei)))


def ether_of(wei: str | None) -> float | None:
    return None if wei is None else ether(int(wei))
