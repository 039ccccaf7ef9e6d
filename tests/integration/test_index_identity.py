"""Whose database it is, who may write to it, what it starts from, and how damage is found and mended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from bson import ObjectId

from chain.decode import Decoder
from indexer import rebuild
from indexer.deployment import deployment_block
from indexer.finality import FinalityPolicy
from indexer.following import Contracts, Following
from indexer.gather import Gatherer
from indexer.opening import ForeignDatabase
from indexer.replay import NothingIndexed
from indexer.seed import SilentSeed
from indexer.state import Listing
from indexer.verify import differences
from store.commit import Commit
from store.connection import Connection
from store.errors import LeaseLost
from store.ledger import Ledger
from tests.integration.indexing import ABIS, Indexing, Stage, assert_same, emptied, stage
from tests.integration.market_play import ETHER, MarketPlay
from tests.integration.market_row import listed


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


def traded(play: MarketPlay, books: Indexing) -> list[int]:
    """A market with a bit of everything: sold, stale, listed by approval for all; half of it final."""
    tokens = [listed(play, price) for price in (3, 4, 5)]
    play.set_price(tokens[0], 7 * ETHER)
    play.buy(play.bob, tokens[0])
    books.load(policy=FinalityPolicy(6, 128))
    play.transfer(play.alice, play.carol, tokens[1])
    play.approve_all(play.alice)
    play.set_fee(500)
    play.emit_raw(play.agent, [bytes(32)], b"\xff")
    books.catch_up()
    return tokens


def following(books: Indexing) -> Following:
    """As a process of its own would have it."""
    gatherer = Gatherer(books.node, enrich=True)
    return Following(books.contracts, Decoder(ABIS), gatherer, books.options.start_block, 1000)


# --- whose database it is ---------------------------------------------------------------------


def other_contracts(books: Indexing, **names: str) -> dict[str, Any]:
    return {"contracts": replace(books.contracts, **names)}


@pytest.mark.parametrize(
    ("what", "options"),
    [
        ("chain id", lambda _books: {"chain_id": 688688}),
        ("start block", lambda books: {"start_block": books.options.start_block + 1}),
        ("contracts", lambda books: other_contracts(books, asset=books.play.bob)),
        ("contracts", lambda books: other_contracts(books, agent=books.play.bob)),
        ("contracts", lambda books: other_contracts(books, marketplace=books.play.bob)),
    ],
)
def test_a_database_filled_with_other_settings_is_refused_and_left_alone(
    what: str, options: Any, play: MarketPlay, books: Indexing
) -> None:
    traded(play, books)
    before = books.all_documents()

    with pytest.raises(ForeignDatabase, match=f"belongs to {what}.*nothing was changed"):
        books.load(**options(books))

    assert books.all_documents() == before


def test_a_database_of_another_chain_with_the_same_id_is_refused_and_left_alone(
    play: MarketPlay, books: Indexing
) -> None:
    traded(play, books)
    before = books.all_documents()
    books.chain.genesis = "0x" + 64 * "7"

    with pytest.raises(ForeignDatabase, match="genesis block"):
        books.load()

    assert books.all_documents() == before


def test_addresses_in_another_letter_case_are_the_same_contracts(play: MarketPlay, books: Indexing) -> None:
    traded(play, books)

    books.load(contracts=Contracts(*(getattr(books.contracts, n) for n in ("asset", "agent", "marketplace"))))

    books.catch_up()


# --- who may write ------------------------------------------------------------------------------


def test_a_ledger_of_an_old_epoch_writes_nothing_any_more(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    traded(play, books)
    old = books.session
    books.database["checkpoints"].update_one({"_id": "indexer"}, {"$inc": {"epoch": 1}})
    before = books.all_documents()
    listed(play)

    with pytest.raises(LeaseLost):
        old.step()

    assert books.all_documents() == before


def test_every_kind_of_write_is_fenced(scene: Stage, play: MarketPlay, books: Indexing) -> None:
    traded(play, books)
    stale = Ledger(books.connection, books.checkpoint()["epoch"] - 1)
    before = books.all_documents()

    stale.note(lastError="I am still here")
    with pytest.raises(LeaseLost):
        stale.commit(Commit({"tip": None}, rewind_above=0))
    with pytest.raises(LeaseLost):
        rebuild.rebuild(stale, following(books))

    assert books.all_documents() == before


def test_an_old_session_that_loses_its_lease_during_a_backfill_writes_nothing(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    traded(play, books)
    scene.mine(80)
    listed(play)
    books.database["checkpoints"].update_one({"_id": "indexer"}, {"$inc": {"epoch": 1}})
    before = books.all_documents()

    with pytest.raises(LeaseLost):
        books.session.step()

    assert books.all_documents() == before


# --- what it starts from ------------------------------------------------------------------------


def test_what_constructors_set_without_a_log_is_asked_of_the_contracts(
    play: MarketPlay, books: Indexing
) -> None:
    play.set_fee(900)
    play.set_collector(play.dave)
    play.set_minimum_confidence(95)
    books.catch_up()

    seed = books.database["market"].find_one({"_id": "seed"})
    market = books.database["market"].find_one({"_id": "market"})

    assert seed == {
        "_id": "seed",
        "feeBps": 250,
        "feeCollector": play.owner,
        "marketplaceAsset": play.asset,
        "agentAsset": play.asset,
        "assetContracts": [play.asset],
        "pricingAgents": {},
        "minimumConfidence": 70,
        "owners": {},
    }
    assert market == {
        **seed,
        "_id": "market",
        "feeBps": 900,
        "feeCollector": play.dave,
        "pricingAgents": {play.asset: play.agent},
        "minimumConfidence": 95,
        "owners": {play.asset: play.owner, play.market: play.owner},
    }


def test_a_marketplace_born_pointing_to_another_asset_contract_is_followed_there(
    scene: Stage, shared_connection: Connection
) -> None:
    first, second = MarketPlay(scene.rpc), MarketPlay(scene.rpc)
    born = replace(second.deployed, asset=first.asset)
    mixed = MarketPlay(scene.rpc, replace(born, start_block=first.deployed.start_block))
    books = Indexing(mixed, emptied(shared_connection, "ours"), scene.node)
    token = listed(second, 6)
    other = first.mint_token(first.carol)

    books.catch_up()

    market = books.ledger.market("market")
    assert (market["marketplaceAsset"], market["assetContracts"]) == (
        second.asset,
        [first.asset, second.asset],
    )
    asset = books.asset(token, second.asset)
    assert asset is not None
    assert asset["marketStatus"]["listingPriceWei"] == "6"
    assert books.asset(other, first.asset) is not None
    books.assert_like_fresh()


def test_the_deployment_block_is_found_by_halving(scene: Stage, play: MarketPlay) -> None:
    head = scene.number()
    start = play.deployed.start_block

    assert deployment_block(scene.node, play.asset, 0, head) == start
    assert deployment_block(scene.node, play.market, 0, head) == start + 2
    assert deployment_block(scene.node, play.market, head, head) == head
    assert deployment_block(scene.node, play.bob, 0, head) is None


def test_an_address_without_code_is_refused_before_anything_is_written(
    scene: Stage, play: MarketPlay, shared_connection: Connection
) -> None:
    connection = emptied(shared_connection, "ours")
    wrong = MarketPlay(scene.rpc, replace(play.deployed, marketplace=play.bob))

    with pytest.raises(SilentSeed, match="get_marketplace_fee"):
        Indexing(wrong, connection, scene.node)

    assert connection.database["checkpoints"].find_one({"_id": "indexer"}) is None
    assert connection.database["market"].count_documents({}) == 0


def test_a_start_block_after_the_first_deeds_sets_aside_what_it_cannot_explain_and_goes_on(
    scene: Stage, play: MarketPlay, shared_connection: Connection
) -> None:
    play.set_fee(800)
    unknown = listed(play, 100)
    late = MarketPlay(scene.rpc, replace(play.deployed, start_block=scene.number() + 1))
    play.buy(play.bob, unknown)
    books = Indexing(late, emptied(shared_connection, "ours"), scene.node)
    known = listed(play, 100)
    play.buy(play.bob, known)

    books.catch_up()

    assert books.asset(unknown) is None
    (odd,) = books.database["quarantine"].find()
    assert "mint is not in the indexed history" in odd["reason"]
    assert odd["blockNumber"] == late.deployed.start_block
    assert books.checkpoint()["quarantined"] == 1
    (sale,) = books.rows(type="buy")
    assert (sale["tokenId"], sale["platformFeeWei"]) == (known, "8")
    books.assert_like_fresh()


def test_a_start_block_that_is_not_mined_yet_is_waited_for(
    scene: Stage, play: MarketPlay, shared_connection: Connection
) -> None:
    late = MarketPlay(scene.rpc, replace(play.deployed, start_block=scene.number() + 3))
    books = Indexing(late, emptied(shared_connection, "ours"), scene.node)
    assert books.session.step() is False
    assert books.checkpoint()["tip"] is None

    play.mint()
    books.catch_up()
    assert books.checkpoint()["tip"] is None
    scene.mine(1)
    token = play.mint_token(play.carol)
    books.catch_up()

    assert books.asset(token) is not None
    assert books.checkpoint()["tip"]["number"] == scene.number()
    books.assert_true()


def test_a_sale_before_a_fee_change_in_a_late_start_block_pays_the_old_fee(
    scene: Stage, play: MarketPlay, shared_connection: Connection
) -> None:
    token = play.mint_token(play.alice)
    late = MarketPlay(scene.rpc, replace(play.deployed, start_block=scene.number() + 1))
    with play.one_block():
        minted = play.mint(play.alice)
        play.approve(play.alice, token + 1)
        play.list(play.alice, token + 1, 1000)
        play.buy(play.bob, token + 1, 1000)
        play.set_fee(1000)
    assert scene.number() == late.deployed.start_block
    assert minted["transactionHash"]
    books = Indexing(late, emptied(shared_connection, "ours"), scene.node)

    books.catch_up()

    (sale,) = books.rows(type="buy")
    assert sale["platformFeeWei"] == "25"
    books.assert_true()


# --- finding and mending damage -------------------------------------------------------------------


def test_nothing_can_be_rebuilt_where_nothing_was_indexed(books: Indexing) -> None:
    with pytest.raises(NothingIndexed):
        rebuild.check(books.ledger, following(books))


def test_a_check_of_sound_books_agrees_and_writes_nothing(play: MarketPlay, books: Indexing) -> None:
    traded(play, books)
    before = books.all_documents()

    outcome = rebuild.check(books.ledger, following(books))

    assert outcome.agrees
    assert (outcome.assets, outcome.events) == (3, books.checkpoint()["events"])
    assert books.all_documents() == before


def test_a_rebuild_of_sound_books_changes_nothing(play: MarketPlay, books: Indexing) -> None:
    traded(play, books)
    before, standing = books.documents(), books.standing()

    assert rebuild.rebuild(books.ledger, following(books)).agrees

    assert_same(books.documents(), before)
    assert books.standing() == standing


def corrupt_rows(books: Indexing, tokens: list[int]) -> None:
    books.database["transactions"].delete_many({"tokenId": tokens[0]})
    books.database["priceHistory"].delete_many({})
    books.database["quarantine"].delete_many({})


def corrupt_an_owner(books: Indexing, tokens: list[int]) -> None:
    books.database["assets"].update_one(
        {"tokenId": tokens[0]},
        {
            "$set": {
                "ownership.currentOwner": books.play.dave,
                "name": "Changed",
                "chain.approved": books.play.dave,
            }
        },
    )


def remove_an_asset(books: Indexing, tokens: list[int]) -> None:
    books.database["assets"].delete_one({"tokenId": tokens[1]})


def add_a_stranger(books: Indexing, tokens: list[int]) -> None:
    asset = books.asset(tokens[2])
    row = books.rows()[-1]
    price = books.rows("priceHistory")[-1]
    assert asset is not None
    books.database["assets"].insert_one({**asset, "_id": ObjectId(), "tokenId": 999})
    books.database["transactions"].insert_one({**row, "_id": ObjectId(), "tokenId": 999})
    books.database["priceHistory"].insert_one({**price, "_id": ObjectId()})
    approval = {"_id": f"{books.play.asset}:{books.play.dave}", "contractAddress": books.play.asset}
    books.database["operatorApprovals"].insert_one({**approval, "owner": books.play.dave, "approved": True})


def add_a_row_of_the_future(books: Indexing, tokens: list[int]) -> None:
    row = books.rows()[-1]
    later = {**row["blockchain"], "blockNumber": books.checkpoint()["tip"]["number"] + 5}
    books.database["transactions"].insert_one({**row, "_id": ObjectId(), "blockchain": later})


def corrupt_approvals_and_settings(books: Indexing, tokens: list[int]) -> None:
    books.database["operatorApprovals"].update_many({}, {"$set": {"approved": False}, "$unset": {"base": ""}})
    books.database["market"].update_many({"_id": {"$ne": "seed"}}, {"$set": {"feeBps": 1}})


def corrupt_bases(books: Indexing, tokens: list[int]) -> None:
    """As if finality had been lost for what is touched, and invented for what is not."""
    books.database["assets"].update_many({"tokenId": {"$ne": tokens[0]}}, {"$unset": {"chain.base": ""}})
    books.database["assets"].update_one({"tokenId": tokens[0]}, {"$set": {"chain.base": {"absent": True}}})


def invent_the_base_of_an_approval(books: Indexing, tokens: list[int]) -> None:
    books.database["operatorApprovals"].update_many({}, {"$set": {"base": {"said": True}}})


@pytest.mark.parametrize(
    "damage",
    [
        corrupt_rows,
        corrupt_an_owner,
        remove_an_asset,
        add_a_stranger,
        add_a_row_of_the_future,
        corrupt_approvals_and_settings,
        corrupt_bases,
        invent_the_base_of_an_approval,
    ],
)
def test_a_rebuild_restores_every_document_exactly(damage: Any, play: MarketPlay, books: Indexing) -> None:
    tokens = traded(play, books)
    before, standing = books.documents(), books.standing()
    damage(books, tokens)
    assert books.documents() != before

    rebuild.rebuild(books.ledger, following(books))

    assert_same(books.documents(), before)
    assert books.standing() == standing
    books.assert_true()


def test_a_base_of_an_approval_that_is_long_final_does_not_survive_a_rebuild(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    tokens = traded(play, books)
    scene.mine(10)
    books.catch_up()
    before = books.documents()
    invent_the_base_of_an_approval(books, tokens)

    rebuild.rebuild(books.ledger, following(books))

    assert_same(books.documents(), before)


def test_a_rebuild_leaves_what_people_wrote(play: MarketPlay, books: Indexing) -> None:
    tokens = traded(play, books)
    words = {"metadata.creator": "Siza", "stats": {"views": 3}, "media": {"images": []}}
    books.database["assets"].update_one({"tokenId": tokens[0]}, {"$set": words})
    before = books.documents()

    rebuild.rebuild(books.ledger, following(books))

    assert_same(books.documents(), before)


def test_the_indexer_goes_on_after_a_rebuild(scene: Stage, play: MarketPlay, books: Indexing) -> None:
    tokens = traded(play, books)
    corrupt_an_owner(books, tokens)
    corrupt_rows(books, tokens)
    rebuild.rebuild(books.ledger, following(books))

    books.load()
    scene.reorg(3)
    play.delist(play.alice, tokens[2])
    books.catch_up()

    books.assert_like_fresh()


def test_a_check_finds_a_damaged_digest(play: MarketPlay, books: Indexing) -> None:
    traded(play, books)
    books.database["checkpoints"].update_one({"_id": "indexer"}, {"$set": {"digest": "0" * 64}})

    assert not rebuild.check(books.ledger, following(books)).agrees


# --- verify ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("owner", lambda _state, play: {"owner": play.dave}),
        ("priceWei", lambda state, _play: {"price_wei": state.price_wei + 1}),
        ("approved", lambda _state, play: {"approved": play.dave}),
        ("tokenURI", lambda _state, _play: {"token_uri": "ipfs://forged"}),
        ("listing", lambda _state, _play: {"listing": None}),
        ("listing", lambda state, play: {"listing": Listing(play.alice, 6, state.listing.listed_at)}),
        ("listing", lambda state, play: {"listing": Listing(play.alice, 5, state.listing.listed_at + 1)}),
        ("listing", lambda state, play: {"listing": Listing(play.bob, 5, state.listing.listed_at)}),
    ],
)
def test_verify_names_the_field_of_the_asset_that_differs(
    field: str, told: Any, play: MarketPlay, books: Indexing
) -> None:
    token = traded(play, books)[2]
    assert books.differences() == []
    world = books.world()
    state = world.assets[play.asset, token]
    assert state is not None
    world.assets[play.asset, token] = msgspec.structs.replace(state, **told(state, play))

    tip = books.session.standing.tip
    assert tip is not None
    (found,) = differences(books.node, world, books.contracts, tip)

    assert (found.contract, found.token_id, found.field) == (play.asset, token, field)


def test_verify_names_settings_approvals_and_tokens_that_do_not_exist(
    play: MarketPlay, books: Indexing
) -> None:
    token = traded(play, books)[2]
    world = books.world()
    state = world.assets[play.asset, token]
    assert state is not None
    stranger = msgspec.structs.replace(state, token_id=77, listing=None)
    world.assets[play.asset, 77] = stranger
    world.operators[play.asset, play.alice] = False
    world.market = msgspec.structs.replace(
        world.market, fee_bps=1, fee_collector=play.dave, minimum_confidence=1, agent_asset=play.dave
    )

    tip = books.session.standing.tip
    assert tip is not None
    found = list(differences(books.node, world, books.contracts, tip))

    assert {each.field for each in found if each.token_id is None} == {
        "feeBps", "feeCollector", "minimumConfidence", "agentAsset",
    }  # fmt: skip
    assert {each.field for each in found if each.token_id == 77} >= {"owner"}
    assert {each.field for each in found if each.token_id == token} == {"approvedForAll"}
    assert all("reverted" in each.chain for each in found if each.token_id == 77 and each.field == "owner")


def test_verify_notices_where_the_marketplace_is_pointed_to(play: MarketPlay, books: Indexing) -> None:
    traded(play, books)
    world = books.world()
    world.market = msgspec.structs.replace(world.market, marketplace_asset=play.bob)

    tip = books.session.standing.tip
    assert tip is not None
    found = {each.field for each in differences(books.node, world, books.contracts, tip)}

    assert "marketplaceAsset" in found
