"""The traps of the three contracts, one by one, each fallen into on purpose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain.contracts import encode_call
from chain.decode import Decoder
from chain.errors import RpcError
from chain.node import Node
from chain.transactions import Transaction, deploy, execute
from chain.values import Address
from indexer import rebuild
from indexer.finality import FinalityPolicy
from indexer.following import Following
from indexer.gather import Gatherer
from store.commit import Commit
from store.connection import Connection
from store.errors import Interrupted
from store.ledger import Ledger
from tests.integration.indexing import (
    ABIS,
    ALL_FINAL,
    EVERYTHING,
    Indexing,
    Stage,
    assert_same,
    emptied,
    stage,
)
from tests.integration.market_play import ETHER, MarketPlay, Metadata
from tests.integration.market_row import listed
from tests.integration.market_view import ZERO

TRANSFER = keccak(text="Transfer(address,address,uint256)")
HEX_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


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


def there(books: Indexing, token: int, contract: str | None = None) -> dict[str, Any]:
    asset = books.asset(token, contract)
    assert asset is not None
    return asset


def status(books: Indexing, token: int, contract: str | None = None) -> tuple[bool, bool, str | None]:
    told = there(books, token, contract)["marketStatus"]
    return told["isListed"], told["isPurchasable"], told["unavailableReason"]


def points(books: Indexing, token: int) -> list[tuple[str, str, str | None, int | None]]:
    return [
        (p["source"]["type"], p["priceWei"], p["source"]["dataSourceName"], p["aiMetrics"]["confidenceScore"])
        for p in books.rows("priceHistory", tokenId=token)
    ]


def word(value: int | str) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes.fromhex(value[2:]).rjust(32, b"\0")


def live_and_backfilled(books: Indexing) -> None:
    """What was followed block by block is what ranges of history give."""
    books.load(policy=ALL_FINAL)
    books.catch_up()
    with books.fresh(policy=ALL_FINAL) as other:
        assert_same(books.documents(), other.documents())
        assert books.standing() == other.standing()


# --- identity -----------------------------------------------------------------------------------


def test_t01_one_transaction_makes_as_many_rows_as_it_did_deeds(play: MarketPlay, books: Indexing) -> None:
    tokens = [listed(play, 2), listed(play, 3)]
    bought = play.batch_buy(tokens)
    minted = play.batch_mint(play.carol, 3)

    books.catch_up()

    sales = books.rows(**{"blockchain.transactionHash": bought["transactionHash"]})
    assert [(row["type"], row["tokenId"], row["priceWei"]) for row in sales] == [
        ("buy", tokens[0], "2"),
        ("buy", tokens[1], "3"),
    ]
    assert len(books.rows(**{"blockchain.transactionHash": minted["transactionHash"]})) == 3
    books.assert_like_fresh()


def test_t02_a_transaction_included_again_at_another_log_index_keeps_its_rows(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    sale = play.buy(play.bob, token)
    raw = scene.rpc.call("eth_getRawTransactionByHash", sale["transactionHash"])
    books.catch_up()
    before = {row["_id"]: row["blockchain"]["logIndex"] for row in books.rows(type="buy")}
    mint = encode_call(play.abi_of(play.asset), "mint", (play.carol, "", 1, Metadata()))

    scene.reorg(1, (Transaction(play.owner, play.asset, mint).request(), 0), (raw, 0))
    books.catch_up()

    after = {row["_id"]: row["blockchain"]["logIndex"] for row in books.rows(type="buy")}
    assert before.keys() == after.keys()
    assert set(after.values()) == {3}
    books.assert_like_fresh()


def test_t03_a_token_id_reused_by_a_reorg_has_nothing_of_the_asset_before(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play, 77)
    play.set_price(token, 5)
    books.catch_up()
    other = Metadata("Yacht", "Boat", "Porto", 5, "White", True)
    mint = encode_call(play.abi_of(play.asset), "mint", (play.dave, "ipfs://yacht", 9, other))

    scene.reorg(4, (Transaction(play.owner, play.asset, mint).request(), 1))
    books.catch_up()

    asset = there(books, token)
    assert (asset["name"], asset["assetType"], asset["description"]) == ("Yacht", "Boat", "White")
    assert (asset["metadata"]["assetLocation"], asset["tokenURI"]) == ("Porto", "ipfs://yacht")
    assert asset["chain"]["isVerified"] is True
    assert asset["currentPrice"]["aiConfidenceScore"] is None
    assert points(books, token) == [("mint", "9", None, None)]
    books.assert_like_fresh()


# --- T4: the marketplace and the agent pointed elsewhere -------------------------------------------


def with_history(play: MarketPlay) -> tuple[MarketPlay, int]:
    """A second asset contract whose token 2 has a past: minted, priced by an account, sent to bob."""
    second = play.second_asset()
    second.mint_token(play.carol)
    token = second.mint_token(play.alice)
    second.set_pricing_agent(play.dave)
    second.set_price_directly(play.dave, token, 5)
    second.transfer(play.alice, play.bob, token)
    second.set_pricing_agent(play.agent)
    return second, token


def test_t04_a_second_asset_contract_is_adopted_with_all_that_happened_there(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    second, token = with_history(play)
    books.catch_up()
    assert books.asset(token, second.asset) is None

    play.repoint_market(second.asset)
    books.catch_up()

    assert [row["type"] for row in books.rows(contractAddress=second.asset)] == ["mint", "mint", "transfer"]
    assert [p[0] for p in points(books, token)] == ["mint", "direct"]
    asset = there(books, token, second.asset)
    assert (asset["name"], asset["ownership"]["currentOwner"]) == ("Harbour warehouse", play.bob)
    assert books.ledger.market("market")["assetContracts"] == [play.asset, second.asset]
    books.assert_like_fresh()


def test_t04_listings_sales_and_prices_belong_to_the_contract_in_force_there_and_back(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    second, token = with_history(play)
    play.repoint_market(second.asset)
    play.repoint_agent(second.asset)
    second.approve_and_list(play.bob, token, 100)
    second.set_price(token, 8, "model-v3", 88)
    second.buy(play.carol, token)
    play.repoint_market(play.asset)
    play.repoint_agent(play.asset)
    ours = [play.mint_token(play.alice) for _ in range(token)][-1]
    play.approve_and_list(play.alice, ours, 12)
    play.set_price(ours, 9)
    second.transfer(play.carol, play.dave, token)

    books.catch_up()

    assert ours == token
    assert [row["type"] for row in books.rows(contractAddress=second.asset, tokenId=token)] == [
        "mint", "transfer", "list", "buy", "transfer",
    ]  # fmt: skip
    assert [row["type"] for row in books.rows(contractAddress=play.asset, tokenId=ours)] == ["mint", "list"]
    assert there(books, token, second.asset)["currentPrice"]["aiConfidenceScore"] == 88
    assert there(books, token, second.asset)["ownership"]["currentOwner"] == play.dave
    assert there(books, ours)["currentPrice"]["valueWei"] == "9"
    assert (status(books, ours)[0], status(books, token, second.asset)[0]) == (True, False)
    books.assert_like_fresh()


def test_t04_a_link_orphaned_by_a_reorg_takes_everything_of_the_second_contract_with_it(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    second, token = with_history(play)
    books.catch_up()
    before = books.documents()
    play.repoint_agent(second.asset)
    play.repoint_market(second.asset)
    second.approve_and_list(play.bob, token, 100)
    books.catch_up()
    assert there(books, token, second.asset)["marketStatus"]["isListed"] is True

    scene.reorg(4)
    books.catch_up()

    blocks = {key for key in books.documents() if key[0] == "blocks"}
    assert {k: v for k, v in books.documents().items() if k not in blocks} == {
        k: v for k, v in before.items() if k not in blocks
    }
    books.assert_like_fresh()

    play.repoint_market(second.asset)
    books.load()
    books.catch_up()
    assert there(books, token, second.asset)["ownership"]["currentOwner"] == play.bob
    books.assert_like_fresh()


def test_t04_unreadable_logs_of_an_adopted_contract_go_with_it_and_come_back_with_it(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    second, _ = with_history(play)
    play.emit_raw(second.asset, [keccak(text="Nonsense()")], b"\x01")
    books.catch_up()
    play.repoint_market(second.asset)
    books.catch_up()
    assert books.database["quarantine"].count_documents({}) == 1

    scene.reorg(1)
    books.catch_up()
    assert books.database["quarantine"].count_documents({}) == 0
    play.repoint_market(second.asset)
    books.catch_up()

    assert books.checkpoint()["quarantined"] == books.database["quarantine"].count_documents({}) == 1
    books.assert_like_fresh()


def test_t04_a_contract_linked_and_used_in_one_block_is_understood_after_a_restart_too(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    second, token = with_history(play)
    with play.one_block():
        play.repoint_market(second.asset)
        play.act(play.owner, second.asset, "mint", play.carol, "ipfs://third", 3, Metadata("Third"))
        play.act(play.bob, second.asset, "approve", play.market, token)
        play.list(play.bob, token, 50)
    books.catch_up()
    before = books.documents()

    books.load()
    gatherer = Gatherer(books.node, enrich=True)
    following = Following(books.contracts, Decoder(ABIS), gatherer, books.options.start_block, 1000)
    assert rebuild.rebuild(books.ledger, following).agrees

    assert books.documents() == before
    assert status(books, token, second.asset) == (True, True, None)
    scene.reorg(1)
    books.catch_up()
    books.assert_like_fresh()


def test_t04_a_listing_withdrawn_while_the_market_points_elsewhere_is_gone_when_it_points_back(
    play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    second = play.second_asset()
    second.mint_token(play.bob)
    play.repoint_market(second.asset)
    play.delist(play.alice, token)
    play.repoint_market(play.asset)
    books.catch_up()

    assert play.listing(token)["isActive"] is False
    assert status(books, token) == (False, False, None)
    books.assert_like_fresh()


def test_t04_a_listing_sold_against_a_namesake_is_gone_when_the_market_points_back(
    play: MarketPlay, books: Indexing
) -> None:
    token = listed(play, 12)
    second = play.second_asset()
    namesake = [second.mint_token(play.alice) for _ in range(token)][-1]
    second.approve(play.alice, namesake)
    play.repoint_market(second.asset)
    play.buy(play.bob, token)
    play.repoint_market(play.asset)
    books.catch_up()

    assert there(books, namesake, second.asset)["ownership"]["currentOwner"] == play.bob
    assert status(books, token) == (False, False, None)
    books.assert_like_fresh()


def test_t04_another_pricing_agent_neither_speaks_for_ours_nor_is_heard_after_its_time(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = play.mint_token()
    agent, _ = deploy(scene.rpc, play.owner, "DynamicPricingAgent", play.owner, play.asset)
    play.known[agent] = ("AGENT2", "DynamicPricingAgent")
    play.act(play.owner, agent, "grantRole", keccak(text="ORACLE_ROLE"), play.owner)
    play.set_pricing_agent(agent)
    play.act(play.owner, agent, "updatePrice", token, 3, "model-v9", 99)
    play.set_pricing_agent(play.agent)
    play.act(play.owner, agent, "updateMinimumConfidenceScore", 95)
    books.catch_up()

    assert points(books, token)[1:] == [("ai-oracle", "3", "model-v9", 99)]
    assert books.ledger.market("market")["minimumConfidence"] == 70
    live_and_backfilled(books)


def test_t04_another_pricing_agent_pointed_elsewhere_does_not_move_ours(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = play.mint_token()
    second = play.second_asset()
    agent, _ = deploy(scene.rpc, play.owner, "DynamicPricingAgent", play.owner, play.asset)
    play.known[agent] = ("AGENT2", "DynamicPricingAgent")
    play.set_pricing_agent(agent)
    play.act(play.owner, agent, "updateRWAAssetContract", second.asset)
    play.act(play.owner, agent, "updateMinimumConfidenceScore", 95)
    play.set_pricing_agent(play.agent)
    play.set_price(token, 4)
    books.catch_up()

    market = books.ledger.market("market")
    assert (market["agentAsset"], market["minimumConfidence"]) == (play.asset, 70)
    assert points(books, token)[1:] == [("ai-oracle", "4", "model-v3", 90)]
    live_and_backfilled(books)


def stranger_with_a_token(scene: Stage, play: MarketPlay, token_id: int) -> Address:
    """A contract that logs one mint when it is made, and answers every call with the same metadata."""
    types = "(string,string,string,uint256,string,bool)"
    answer = encode([types], [("Odd", "Boat", "Porto", 1, "", False)])
    head = b"\x61" + len(answer).to_bytes(2, "big")
    runtime = head + b"\x60\x0e\x60\x00\x39" + head + b"\x60\x00\xf3" + answer
    topics = (word(token_id), word(play.bob), word(0), TRANSFER)
    logging = b"".join(b"\x7f" + topic for topic in topics) + b"\x60\x00\x60\x00\xa4"
    size = b"\x61" + len(runtime).to_bytes(2, "big")
    offset = b"\x61" + (len(logging) + 3 + 3 + 3 + 3 + 3).to_bytes(2, "big")
    code = logging + size + offset + b"\x60\x00\x39" + size + b"\x60\x00\xf3" + runtime
    receipt = execute(scene.rpc, Transaction(play.owner, None, "0x" + code.hex()))
    return to_checksum_address(receipt["contractAddress"])


@pytest.mark.parametrize("token_id", [2**63 - 1, 2**63, 2**64 - 1, 2**256 - 1])
def test_t04_a_linked_contract_may_number_its_tokens_as_it_likes(
    token_id: int, scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    stranger = stranger_with_a_token(scene, play, token_id)
    play.repoint_market(stranger)
    token = play.mint_token()

    books.catch_up()

    assert there(books, token)["ownership"]["currentOwner"] == play.alice
    if token_id < 2**63:
        assert there(books, token_id, stranger)["name"] == "Odd"
    else:
        (odd,) = books.database["quarantine"].find()
        assert "beyond 64 bits" in odd["reason"]
    live_and_backfilled(books)


# --- prices ----------------------------------------------------------------------------------------


def test_t05_a_price_told_by_two_contracts_is_one_point_even_twice_in_one_transaction(
    play: MarketPlay, books: Indexing
) -> None:
    token, other = play.mint_token(price_wei=1), play.mint_token(price_wei=1)
    play.batch_prices([token, other, token, token], [5, 5, 5, 5])
    play.set_pricing_agent(play.dave)
    play.set_price_directly(play.dave, token, 6)

    books.catch_up()

    oracle = ("ai-oracle", "5", "model-v3", 90)
    assert points(books, token) == [("mint", "1", None, None), *[oracle] * 3, ("direct", "6", None, None)]
    assert points(books, other) == [("mint", "1", None, None), oracle]
    assert there(books, token)["currentPrice"]["aiConfidenceScore"] is None
    books.assert_like_fresh()


def test_t05_a_price_of_the_agent_alone_sets_nothing(play: MarketPlay, books: Indexing) -> None:
    token = play.mint_token(price_wei=1)
    topic = keccak(text="PriceUpdated(uint256,uint256,uint256,uint256,string,uint8)")
    data = encode(["uint256", "uint256", "uint256", "string", "uint8"], [1, 2, 3, "alone", 90])
    play.emit_raw(play.agent, [topic, word(token)], data)

    books.catch_up()

    assert points(books, token) == [("mint", "1", None, None)]
    assert books.checkpoint()["quarantined"] == 0
    books.assert_like_fresh()


@pytest.mark.parametrize("on_ether", [False, True])
def test_t06_a_buyer_that_lists_again_while_it_is_still_buying_has_it_listed(
    on_ether: bool, play: MarketPlay, books: Indexing
) -> None:
    token, relister = listed(play, 6), play.actor("Relister")
    play.buy_and_relist(relister, token, 9, value_wei=7, on_ether=on_ether)

    books.catch_up()

    assert status(books, token) == (True, True, None)
    assert there(books, token)["marketStatus"]["listedBy"] == relister
    assert [(row["type"], row["priceWei"]) for row in books.rows()[-2:]] == [("buy", "6"), ("list", "9")]
    books.assert_like_fresh()


def test_t06_a_token_listed_sold_listed_and_sold_again_in_one_block(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = play.mint_token(play.alice)
    play.approve_all(play.alice)
    play.approve_all(play.bob)
    with play.one_block():
        play.list(play.alice, token, 400)
        play.buy(play.bob, token, 400)
        play.list(play.bob, token, 800)
        play.buy(play.alice, token, 800)
        play.list(play.alice, token, 1200)

    books.catch_up()

    deeds = [(row["type"], row["priceWei"], row["platformFeeWei"]) for row in books.rows()[1:]]
    assert deeds == [
        ("list", "400", None), ("buy", "400", "10"), ("list", "800", None), ("buy", "800", "20"),
        ("list", "1200", None),
    ]  # fmt: skip
    assert there(books, token)["marketStatus"]["listingPriceWei"] == "1200"
    books.assert_like_fresh()


def test_t07_a_mint_is_a_mint_at_its_transfer_whatever_the_receiver_does_first(
    play: MarketPlay, books: Indexing
) -> None:
    forwarder = play.actor("Forwarder", play.market, play.carol)
    sent = play.token_of(play.mint(forwarder, 4))
    receiver = play.actor("ListingMinterReceiver", play.market, 8)
    offered = play.token_of(play.mint(receiver, 5))

    books.catch_up()

    assert [(r["type"], r["seller"], r["buyer"]) for r in books.rows(tokenId=sent)] == [
        ("mint", None, forwarder),
        ("transfer", forwarder, play.carol),
    ]
    assert there(books, sent)["ownership"]["currentOwner"] == play.carol
    assert there(books, sent)["chain"]["initialPriceWei"] == "4"
    assert [(r["type"], r["priceWei"]) for r in books.rows(tokenId=offered)] == [("mint", "5"), ("list", "8")]
    books.assert_like_fresh()


def test_t08_metadata_is_what_the_contract_says_of_the_token(play: MarketPlay, books: Indexing) -> None:
    token = play.token_of(play.mint(metadata=Metadata("A", "B", "C", 1_600_000_000, "D", True)))
    books.catch_up()

    asset, said = there(books, token), play.view(play.asset, "getAssetMetadata", token)

    assert (asset["name"], asset["assetType"], asset["description"]) == (
        said["name"], said["assetType"], said["description"],
    )  # fmt: skip
    assert asset["metadata"]["assetLocation"] == said["assetLocation"]
    assert int(asset["metadata"]["acquisitionDate"].timestamp()) == said["acquisitionDate"] == 1_600_000_000


def test_t08_a_block_that_is_no_more_answers_nothing_and_changes_nothing(
    scene: Stage, play: MarketPlay, shared_connection: Connection
) -> None:
    with Node([scene.rpc.url], deadline_seconds=0.5) as node:
        books = Indexing(play, emptied(shared_connection, "ours"), node)
        books.catch_up()
        before = books.documents()
        play.mint()
        gone = node.head()
        scene.reorg(1)
        books.chain.head = lambda: gone  # type: ignore[method-assign]

        with pytest.raises(RpcError):
            books.session.step()

        assert books.documents() == before
        del books.chain.head
        books.catch_up()
        books.assert_true()


def test_t09_a_sale_pays_the_fee_in_force_at_its_place_in_the_block(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    tokens = [listed(play, 10 * ETHER) for _ in range(3)]
    play.set_collector(play.carol)
    before = play.balance(play.carol)
    with play.one_block():
        play.buy(play.bob, tokens[0])
        play.set_fee(1000)
        play.buy(play.bob, tokens[1])
        play.set_fee(0)
        play.buy(play.bob, tokens[2])

    books.catch_up()

    fees = [int(row["platformFeeWei"]) for row in books.rows(type="buy")]
    assert fees == [ETHER // 4, ETHER, 0]
    assert sum(fees) == play.balance(play.carol) - before
    books.assert_like_fresh()


@pytest.mark.parametrize(
    ("price", "basis_points"), [(3, 250), (39, 250), (40, 250), (10**18 + 39, 333), (9, 1000)]
)
def test_t09_fees_are_rounded_down_to_the_wei(
    price: int, basis_points: int, play: MarketPlay, books: Indexing
) -> None:
    play.set_fee(basis_points)
    play.set_collector(play.carol)
    token = listed(play, price)
    before = play.balance(play.carol)
    play.buy(play.bob, token)

    books.catch_up()

    (sale,) = books.rows(type="buy")
    assert int(sale["platformFeeWei"]) == play.balance(play.carol) - before == price * basis_points // 10_000


def test_t10_the_price_of_a_sale_is_not_what_the_transaction_carried(
    play: MarketPlay, books: Indexing
) -> None:
    play.buy(play.bob, listed(play, 12), 1000)
    play.batch_buy([listed(play, 2), listed(play, 3)])

    books.catch_up()

    sales = [(row["priceWei"], row["buyer"]) for row in books.rows(type="buy")]
    batch = play.actor("BatchBuyer")
    assert sales == [("12", play.bob), ("2", batch), ("3", batch)]
    books.assert_like_fresh()


def test_t11_amounts_are_exact_to_the_wei_and_sort_exactly(play: MarketPlay, books: Indexing) -> None:
    amounts = [2**256 - 1, 2 * 10**18 + 1, 2 * 10**18, 15_123456789012345678, 2**63, 2**64, 0, 10**34 + 1]
    tokens = [play.mint_token(play.alice, amount) for amount in amounts]
    play.approve_all(play.alice)
    for token, amount in zip(tokens, amounts, strict=True):
        play.list(play.alice, token, amount or 1)

    books.catch_up()

    assets = list(books.database["assets"].find().sort("currentPrice.valueKey", 1))
    assert [int(asset["currentPrice"]["valueWei"]) for asset in assets] == sorted(amounts)
    keys = [int.from_bytes(asset["marketStatus"]["listingPriceKey"], "big") for asset in assets]
    assert keys == sorted(amount or 1 for amount in amounts)
    assert {int(row["priceWei"]) for row in books.rows(type="list")} == {amount or 1 for amount in amounts}
    books.assert_like_fresh()


@pytest.mark.parametrize("seconds", [2**256 - 1, 253_402_300_800, 1_700_000_000_000, 2**63, 0])
def test_t12_a_date_that_is_none_stays_a_number_and_stops_nothing(
    seconds: int, play: MarketPlay, books: Indexing
) -> None:
    token = play.token_of(play.mint(metadata=Metadata(acquired_at=seconds)))

    books.catch_up()

    asset = there(books, token)
    assert asset["metadata"]["acquisitionDate"] is None
    assert asset["chain"]["acquisitionDateSeconds"] == str(seconds)
    books.assert_like_fresh()


def test_t13_texts_that_are_no_utf8_are_kept_as_far_as_they_can_be_read(
    play: MarketPlay, books: Indexing
) -> None:
    odd: Any = Metadata(b"\xff\x00\xfe\x80", b"", "x" * 8_000, 1, "<script>\x00\U0001f600")
    token = play.token_of(play.mint(uri=b"ipfs://\xff\xed\xa0\x80", metadata=odd))
    play.set_price(token, 3, b"\xff\x00\xfe\x80")
    play.set_price(token, 4, b"")

    books.catch_up()

    asset = there(books, token)
    assert (asset["name"], asset["assetType"]) == ("\ufffd\x00\ufffd\ufffd", "")
    assert asset["description"] == "<script>\x00\U0001f600"
    assert asset["tokenURI"].startswith("ipfs://\ufffd")
    assert [p[2] for p in points(books, token)] == [None, "\ufffd\x00\ufffd\ufffd", ""]
    assert books.checkpoint()["quarantined"] == 0
    books.load()
    live_and_backfilled(books)


# --- time and order -----------------------------------------------------------------------------------


def test_t14_times_come_from_the_block_and_order_from_the_position(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    with play.one_block() as receipts:
        play.mint(play.alice, 1)
        play.mint(play.alice, 2)
        play.act(play.alice, play.asset, "transferFrom", play.alice, play.bob, 1)
        play.act(play.owner, play.agent, "updatePrice", 2, 9, "m", 90)

    books.catch_up()

    block = scene.rpc.call("eth_getBlockByNumber", receipts[0]["blockNumber"], False)
    rows = [*books.rows(), *books.rows("priceHistory")]
    assert {int(row["timestamp"].timestamp()) for row in rows} == {int(block["timestamp"], 16)}
    assert {row["timestamp"] for row in rows} == {row["blockchain"]["timestamp"] for row in rows}
    assert [(row["type"], row["blockchain"]["logIndex"]) for row in books.rows()] == [
        ("mint", 0),
        ("mint", 3),
        ("transfer", 6),
    ]
    assert [p["blockchain"]["logIndex"] for p in books.rows("priceHistory")] == [0, 3, 7]
    books.assert_like_fresh()


def test_t15_listed_for_sale_and_purchasable_are_three_facts(play: MarketPlay, books: Indexing) -> None:
    token = listed(play)
    seen = []

    def note(expected: tuple[bool, bool, str | None]) -> None:
        books.catch_up()
        seen.append(status(books, token))
        assert seen[-1] == expected
        books.assert_true()

    note((True, True, None))
    play.approve(play.alice, token, play.dave)
    note((True, False, "not-approved"))
    play.approve_all(play.alice)
    note((True, True, None))
    play.transfer(play.alice, play.bob, token)
    note((False, False, "owner-changed"))
    assert there(books, token)["chain"]["listing"]["seller"] == play.alice
    play.approve_all(play.bob)
    note((False, False, "owner-changed"))
    play.approve_all(play.alice, False)
    play.transfer(play.bob, play.alice, token)
    note((True, False, "not-approved"))
    assert there(books, token)["marketStatus"]["listingPriceWei"] == str(12 * ETHER)
    play.approve(play.alice, token)
    note((True, True, None))
    play.approve_all(play.alice, operator=play.dave)
    note((True, True, None))
    play.transfer(play.alice, play.alice, token)
    note((True, False, "not-approved"))
    play.approve(play.alice, token)
    play.approve_all(play.alice)
    play.approve_all(play.alice, False)
    note((True, True, None))
    play.transfer(play.alice, play.bob, token)
    play.delist(play.alice, token)
    note((False, False, None))
    assert there(books, token)["chain"]["listing"] is None
    books.assert_like_fresh()


def test_t16_every_address_in_every_document_has_its_checksum(play: MarketPlay, books: Indexing) -> None:
    token = listed(play)
    play.buy(play.bob, token)
    play.approve_all(play.bob)
    play.transfer(play.bob, play.carol, token)
    play.emit_raw(play.market, [bytes(32)])
    books.catch_up()

    told = [
        str(document) for key, document in books.all_documents().items() if key[0] not in ("blocks", "reorgs")
    ]
    found = {address for text in told for address in re.findall(r"0x[0-9a-fA-F]{40}(?![0-9a-fA-F])", text)}

    assert found >= {play.alice, play.bob, play.carol, play.owner, play.asset, play.agent, play.market}
    assert {address for address in found if to_checksum_address(address) != address} == set()


def test_t17_the_whole_history_is_kept_where_the_contract_forgets(play: MarketPlay, books: Indexing) -> None:
    token = play.mint_token(price_wei=0)
    with play.one_block():
        for price in range(1, 104):
            play.set_price(token, price)

    books.catch_up()

    assert [p[1] for p in points(books, token)] == [str(price) for price in range(104)]
    books.assert_true()


def test_t19_the_first_sale_pays_the_fee_that_no_log_ever_told(play: MarketPlay, books: Indexing) -> None:
    play.buy(play.bob, listed(play, 1000))

    books.catch_up()

    assert [row["platformFeeWei"] for row in books.rows(type="buy")] == ["25"]


def test_t21_every_row_of_a_transaction_says_what_the_transaction_cost(
    play: MarketPlay, books: Indexing
) -> None:
    receipt = play.batch_buy([listed(play, 2), listed(play, 3)])
    minted = play.mint()

    books.catch_up()

    for told in (receipt, minted):
        rows = books.rows(**{"blockchain.transactionHash": told["transactionHash"]})
        assert {row["blockchain"]["gasUsed"] for row in rows} == {int(told["gasUsed"], 16)}
        assert {row["blockchain"]["gasPriceWei"] for row in rows} == {str(int(told["effectiveGasPrice"], 16))}
    assert len(books.rows(type="buy")) == 2


def test_t22_a_chain_shorter_than_our_tip_loses_us_nothing(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    with scene.aside():
        token = listed(play)
        books.catch_up()
        before = books.documents()

    books.load()
    books.catch_up()

    assert books.documents() == before
    assert there(books, token)["marketStatus"]["isListed"] is True


class Failing(Ledger):
    """A database that fails at one commit, before it is written or after."""

    at = 0
    written = False

    def commit(self, commit: Commit) -> None:
        self.at -= 1
        if self.at == 0 and not self.written:
            raise Interrupted("not written")
        super().commit(commit)
        if self.at == 0:
            raise Interrupted("written, but nobody heard of it")


@pytest.mark.parametrize("written", [False, True])
def test_t23_a_crash_at_any_commit_neither_doubles_nor_loses(
    written: bool, scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    ledger = Failing(books.connection, books.checkpoint()["epoch"])
    ledger.written = written
    books.ledger = ledger
    books.load(policy=FinalityPolicy(3, 128))
    token = listed(play)
    for round_ in range(1, 5):
        play.set_price(token, round_)
        play.transfer(play.alice, play.alice, token)
        ledger.at = min(round_, 3)
        with pytest.raises(Interrupted):
            books.catch_up()
        books.load()
        books.catch_up()
        scene.reorg(2)
        play.set_price(token, 10 + round_)
        ledger.at = 1 + round_ % 3
        with pytest.raises(Interrupted):
            books.catch_up()
        books.load()
        books.catch_up()

    assert books.checkpoint()["reorgs"] == 4
    books.assert_like_fresh()


def test_t23_a_crash_in_a_backfill_resumes_where_it_was(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    ledger = Failing(books.connection, books.checkpoint()["epoch"])
    books.ledger = ledger
    token = listed(play)
    second, _ = with_history(play)
    play.repoint_market(second.asset)
    play.repoint_market(play.asset)
    play.buy(play.bob, token)
    for at in (1, 2, 3):
        ledger.at = at
        ledger.written = at == 2
        books.load(policy=ALL_FINAL)
        try:
            books.catch_up()
        except Interrupted:
            continue

    ledger.at = 0
    books.load()
    books.catch_up()

    books.assert_like_fresh()


def test_t24_what_the_minter_claims_is_not_the_platforms_word(play: MarketPlay, books: Indexing) -> None:
    token = play.token_of(play.mint(metadata=Metadata(is_verified=True)))

    books.catch_up()

    assert there(books, token)["chain"]["isVerified"] is True
    assert "verification" not in there(books, token)
    assert "isVerified" not in there(books, token)["metadata"]


def test_t25_a_price_in_dollars_is_unknown_and_not_zero(play: MarketPlay, books: Indexing) -> None:
    play.buy(play.bob, listed(play))

    books.catch_up()

    rows = [*books.rows(), *books.rows("priceHistory")]
    assert {row["priceUsd"] for row in rows} == {None}
    assert {asset["currentPrice"]["valueUsd"] for asset in books.ledger.all_assets()} == {None}


def test_t26_a_market_without_an_owner_and_with_a_collector_that_refuses_stays_readable(
    play: MarketPlay, books: Indexing
) -> None:
    dear = listed(play)
    play.set_collector(play.actor("EtherRefuser"))
    play.renounce_ownership(play.market)
    with play.refused("MarketplaceContract: Failed to send fee to collector"):
        play.buy(play.bob, dear)
    play.buy(play.bob, listed(play, 12))

    books.catch_up()

    market = books.ledger.market("market")
    assert market["owners"][play.market] == ZERO
    assert market["feeCollector"] == play.actor("EtherRefuser")
    assert [(row["tokenId"], row["platformFeeWei"]) for row in books.rows(type="buy")] == [(dear + 1, "0")]
    assert status(books, dear) == (True, True, None)
    books.assert_like_fresh()


def test_t27_an_agent_that_was_replaced_leaves_no_trace_when_it_is_refused(
    play: MarketPlay, books: Indexing
) -> None:
    token = play.mint_token(price_wei=1)
    play.set_pricing_agent(play.dave)
    with play.refused("RWAAssetContract: Only pricing agent can update prices"):
        play.set_price(token, 3)

    books.catch_up()

    assert points(books, token) == [("mint", "1", None, None)]
    assert books.ledger.market("market")["pricingAgents"] == {play.asset: play.dave}
    books.assert_like_fresh()


# --- poison ---------------------------------------------------------------------------------------------


def test_logs_that_nobody_can_read_are_set_aside_with_their_bytes_and_the_line_goes_on(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = play.mint_token(play.alice)
    poison = [
        (play.asset, [keccak(text="Nonsense()")], b"\x01"),
        (play.asset, [], b"anonymous"),
        (play.asset, [TRANSFER, word(play.alice), word(play.bob)], word(token)),
        (play.asset, [TRANSFER, word(play.alice), word(play.bob), word(2**64)], b""),
        (play.asset, [TRANSFER, b"\xff" * 32, word(play.bob), word(token)], b""),
        (play.market, [keccak(text="AssetListed(uint256,address,uint256,uint256)"), word(token), word(play.alice)], b""),
        (play.agent, [keccak(text="PriceUpdated(uint256,uint256,uint256,uint256,string,uint8)"), word(token)], b"\xff"),
        (play.asset, [TRANSFER, word(play.alice), word(play.bob), word(999)], b""),
    ]  # fmt: skip
    for address, topics, data in poison:
        play.emit_raw(address, topics, data)
        scene.mine(1)  # The state after a poisoned block has the emitter's code; this block's has not.
    play.set_price(token, 4)

    books.catch_up()

    kept = list(books.database["quarantine"].find().sort("blockNumber", 1))
    assert [(q["address"], q["topics"], q["data"]) for q in kept] == [
        (address, ["0x" + topic.hex() for topic in topics], data) for address, topics, data in poison
    ]
    assert all(q["reason"] for q in kept)
    assert books.checkpoint()["quarantined"] == len(poison)
    assert points(books, token)[-1][1] == "4"
    books.assert_like_fresh()

    scene.reorg(7)
    books.catch_up()
    assert (
        books.checkpoint()["quarantined"]
        == books.database["quarantine"].count_documents({})
        == len(poison) - 3
    )
    live_and_backfilled(books)


def said(name: str) -> bytes:
    return keccak(text=name)


@pytest.mark.parametrize(
    "deeds",
    [
        ["mint again"],
        ["burn", "mint again"],
        ["burn"],
        ["sale without a transfer"],
        ["sale without a transfer", "mint again"],
        ["delist what is not listed"],
        ["list twice"],
        ["two mints in one block"],
    ],
    ids=" then ".join,
)
def test_readable_logs_that_contradict_each_other_do_not_stop_the_line(
    deeds: list[str], scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = play.mint_token(play.alice)
    nobody, alice, bob, number = word(0), word(play.alice), word(play.bob), word(token)
    logs: dict[str, tuple[str, list[bytes], bytes]] = {
        "mint again": (play.asset, [TRANSFER, nobody, bob, number], b""),
        "two mints in one block": (play.asset, [TRANSFER, nobody, bob, word(token + 50)], b""),
        "burn": (play.asset, [TRANSFER, alice, nobody, number], b""),
        "sale without a transfer": (
            play.market, [said("AssetSold(uint256,address,address,uint256,uint256)"), number, alice, bob], word(3) + word(1),
        ),
        "delist what is not listed": (play.market, [said("AssetDelisted(uint256,address,uint256)"), number, alice], word(1)),
        "list twice": (play.market, [said("AssetListed(uint256,address,uint256,uint256)"), number, bob], word(3) + word(1)),
    }  # fmt: skip
    for deed in deeds:
        play.emit_raw(*logs[deed])
        play.emit_raw(*logs[deed])
        scene.mine(1)
    last = play.mint_token(play.carol, 3)

    books.catch_up()

    assert there(books, last)["ownership"]["currentOwner"] == play.carol
    assert books.checkpoint()["tip"]["number"] == scene.number()
    scene.reorg(2)
    books.catch_up()
    books.load(policy=ALL_FINAL)
    books.catch_up()
    with books.fresh(policy=ALL_FINAL) as other:
        # Not the raw facts: while the emitter's code was there, nobody could tell the token's metadata.
        names = [name for name in EVERYTHING if name != "chainEvents"]
        assert_same(books.documents(*names), other.documents(*names))


def test_look_alikes_and_reverts_leave_nothing_at_all(play: MarketPlay, books: Indexing) -> None:
    token = play.mint_token(play.alice)
    books.catch_up()
    before = {key: document for key, document in books.documents().items() if key[0] != "blocks"}
    play.act(play.dave, play.actor("LookAlike"), "pretend", token, play.bob, play.carol, 1)
    with play.refused("ERC721InsufficientApproval"):
        play.act(play.bob, play.asset, "transferFrom", play.alice, play.bob, token)

    books.catch_up()

    assert {key: document for key, document in books.documents().items() if key[0] != "blocks"} == before


def test_an_index_without_receipts_and_metadata_has_the_same_facts_otherwise(
    play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    play.buy(play.bob, token)
    books.catch_up()

    with books.fresh(enrich=False) as other:
        plain = there(other, token)
        assert (plain["name"], plain["chain"]["acquisitionDateSeconds"]) == (None, None)
        assert {row["blockchain"]["gasUsed"] for row in other.rows()} == {None}
        assert [row["_id"] for row in other.rows()] == [row["_id"] for row in books.rows()]
        assert plain["ownership"] == there(books, token)["ownership"]
        other.assert_true()
