"""Reorgs of a real node: whatever happens, the books are those of an index from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chain.contracts import encode_call
from chain.transactions import Transaction, wait_receipt
from chain.values import Address
from indexer.branch import DeepReorg
from indexer.finality import FinalityPolicy
from store.connection import Connection
from tests.integration.indexing import ALL_FINAL, Indexing, Stage, emptied, stage
from tests.integration.market_play import ETHER, MarketPlay, Metadata
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


def request(
    play: MarketPlay, sender: Address, to: Address, function: str, *args: Any, value: int = 0
) -> dict[str, Any]:
    """A transaction for the replacement branch."""
    return Transaction(sender, to, encode_call(play.abi_of(to), function, args), value).request()


def trade(play: MarketPlay) -> int:
    """Nine eventful blocks about one token: minted, priced, listed, sold, listed again, sent away."""
    token = listed(play)
    play.set_price(token, 3 * ETHER)
    play.buy(play.bob, token)
    play.approve_all(play.bob)
    play.list(play.bob, token, 5)
    play.set_fee(300)
    play.transfer(play.bob, play.carol, token)
    return token


def people_write(books: Indexing, token: int) -> None:
    """What the API would write about an asset."""
    books.database["assets"].update_one(
        {"tokenId": token, "contractAddress": books.contracts.asset},
        {"$set": {"metadata.creator": "Siza", "stats": {"views": 7}, "verification": {"isVerified": True}}},
    )


# --- depths ---------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 3, 12, 64])
def test_a_reorg_that_empties_blocks_takes_everything_in_them_back(
    depth: int, scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    first = trade(play)
    play.approve_all(play.alice)
    listed(play)
    scene.mine(64 - 16 if depth == 64 else 0)
    for _ in range(2 if depth == 64 else 0):
        listed(play)
    play.set_price(first, 8)
    books.catch_up()
    head = scene.number()

    scene.reorg(depth)
    books.catch_up()

    assert scene.number() == head
    (reorg,) = books.database["reorgs"].find()
    assert (reorg["depth"], reorg["ancestor"]["number"], reorg["oldTip"]["number"]) == (
        depth,
        head - depth,
        head,
    )
    assert books.checkpoint()["reorgs"] == 1
    books.assert_like_fresh()


@pytest.mark.parametrize("depth", [1, 3, 12, 64])
def test_a_reorg_to_a_branch_of_other_deeds_leaves_only_those(
    depth: int, scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    kept = listed(play)
    scene.mine(55 if depth == 64 else 3)
    trade(play)
    play.delist(play.alice, kept)
    books.catch_up()
    mint = ("mint", play.dave, "ipfs://other", 9, Metadata("Other", "Boat"))

    scene.reorg(
        depth,
        (request(play, play.owner, play.asset, *mint), 0),
        (request(play, play.owner, play.agent, "updatePrice", kept, 4, "model-v9", 80), depth // 2),
        (request(play, play.bob, play.market, "buy", kept, value=12 * ETHER), depth - 1),
    )
    books.catch_up()

    assert [(row["type"], row["tokenId"]) for row in books.rows()][-1] == ("buy", kept)
    assert books.rows("priceHistory", **{"source.dataSourceName": "model-v9"})[0]["priceWei"] == "4"
    books.assert_like_fresh()


def test_a_second_reorg_back_over_the_first_one_ends_where_a_fresh_index_does(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    for round_ in range(4):
        play.set_price(token, round_ + 1)
        play.transfer(play.alice, play.bob, token)
        play.transfer(play.bob, play.alice, token)
        books.catch_up()
        scene.reorg(
            2 + round_ % 2, (request(play, play.owner, play.market, "updateMarketplaceFee", 100 + round_), 1)
        )
        books.catch_up()
        if round_ % 2 == 0:
            play.transfer(play.alice, play.alice, token) if play.owner_of(
                token
            ) == play.alice else play.transfer(play.bob, play.alice, token)

    books.catch_up()

    assert books.checkpoint()["reorgs"] == 4
    books.assert_like_fresh()


# --- heads that are not higher ----------------------------------------------------------------


def test_a_head_that_shrinks_on_our_own_branch_changes_nothing(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    with scene.aside():
        play.set_price(token, 4)
        play.delist(play.alice, token)
        books.catch_up()
        before = books.documents()

    for _ in range(3):
        assert books.session.step() is False

    assert books.documents() == before
    assert books.checkpoint()["reorgs"] == 0


def test_a_shrunken_chain_that_grows_another_way_is_followed_once_it_contradicts_us(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    with scene.aside():
        for price in range(1, 6):
            play.set_price(token, price)
        books.catch_up()
    play.delist(play.alice, token)

    for _ in range(3):
        books.session.step()

    assert books.checkpoint()["tip"]["number"] == scene.number()
    assert books.rows("priceHistory", **{"source.type": "ai-oracle"}) == []
    books.assert_like_fresh()


def test_one_low_head_of_another_branch_is_not_believed_until_it_is_told_again(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    with scene.aside():
        play.set_price(token, 4)
        play.set_price(token, 5)
        books.catch_up()
        before = books.documents()
    play.delist(play.alice, token)

    books.session.step()

    assert books.documents() == before
    books.catch_up()
    books.assert_like_fresh()


def test_another_block_at_the_same_height_is_noticed_at_the_next_poll(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    with scene.aside():
        play.set_price(token, 4)
        books.catch_up()
        height = scene.number()
    play.set_price(token, 5)

    assert scene.number() == height
    assert books.session.step() is True

    asset = books.asset(token)
    assert asset is not None
    assert asset["currentPrice"]["valueWei"] == "5"
    books.assert_like_fresh()


def test_a_reorg_back_to_the_start_block_takes_back_all_there_is(
    scene: Stage, shared_connection: Connection
) -> None:
    with scene.aside():
        play = MarketPlay(scene.rpc)
        books = Indexing(play, emptied(shared_connection, "ours"), scene.node)
        trade(play)
        books.catch_up()
        scene.reorg(scene.number() - play.deployed.start_block + 1)
        books.catch_up()

        assert books.documents("assets", "transactions", "priceHistory", "chainEvents", "quarantine") == {}
        assert books.checkpoint()["events"] == 0


# --- restarts, the boundary, finality -----------------------------------------------------------


def test_a_reorg_while_the_process_was_down_is_found_at_the_first_step(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    kept = listed(play)
    trade(play)
    books.catch_up()
    scene.reorg(5, (request(play, play.alice, play.market, "delistAsset", kept), 2))

    books.load()
    books.catch_up()

    assert books.checkpoint()["reorgs"] == 1
    books.assert_like_fresh()


def test_a_restart_between_any_two_blocks_changes_nothing(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    trade(play)
    for height in range(play.deployed.start_block, scene.number() + 1):
        books.catch_up(height)
        books.load()

    books.catch_up()

    books.assert_like_fresh()


def test_a_reorg_where_backfill_ended_and_following_began_makes_no_double_and_no_gap(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    boundary = scene.number()
    play.set_price(token, 4)
    play.set_price(token, 5)
    books.load(policy=FinalityPolicy(2, 128))
    books.catch_up()
    assert books.checkpoint()["finalized"]["number"] == boundary

    scene.reorg(2, (request(play, play.alice, play.market, "delistAsset", token), 0))
    books.catch_up()

    assert [row["type"] for row in books.rows()] == ["mint", "list", "delist"]
    books.assert_like_fresh()


def test_a_reorg_discovered_when_the_chain_is_already_far_ahead_is_undone_before_the_backfill(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    books.load(policy=FinalityPolicy(8, 128))
    kept = listed(play)
    scene.mine(8)
    play.set_price(kept, 4)
    second = listed(play)
    books.catch_up()

    scene.reorg(3)
    play.set_price(kept, 5)
    scene.mine(40)
    books.catch_up()

    assert books.asset(second) is None
    books.assert_like_fresh()


def test_a_reorg_below_finality_halts_and_changes_not_a_single_document(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    trade(play)
    books.load(policy=FinalityPolicy(3, 128))
    books.catch_up()
    before = books.all_documents()
    scene.reorg(4)

    for _ in range(3):
        with pytest.raises(DeepReorg, match="below finality"):
            books.session.step()
    with pytest.raises(DeepReorg):
        books.load()

    assert books.all_documents() == before


def test_a_reorg_below_finality_is_found_although_the_chain_went_on(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    trade(play)
    books.load(policy=FinalityPolicy(3, 128))
    books.catch_up()
    before = books.all_documents()
    scene.reorg(5)
    scene.mine(60)

    with pytest.raises(DeepReorg):
        books.session.step()

    assert books.all_documents() == before


def test_an_indexer_that_had_halted_says_so_no_longer_once_the_chain_agrees(
    play: MarketPlay, books: Indexing
) -> None:
    trade(play)
    books.load(policy=FinalityPolicy(3, 128))
    books.catch_up()
    books.ledger.note(state="halted", lastError="the chain was reorganised")

    books.load(policy=FinalityPolicy(3, 128))

    assert (books.checkpoint()["state"], books.checkpoint()["lastError"]) == ("live", None)


def test_what_was_there_at_finality_is_kept_while_it_may_be_needed_and_then_dropped(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    books.load(policy=FinalityPolicy(6, 128))
    token = listed(play)
    scene.mine(6)
    books.catch_up()
    play.set_price(token, 4)
    born = listed(play)
    play.approve_all(play.carol)
    books.catch_up()
    bases = {d["tokenId"]: d["chain"].get("base") for d in books.ledger.all_assets()}
    assert bases[token]["currentPrice"]["valueWei"] == str(10 * ETHER)
    assert bases[born] == {"absent": True}
    assert [d["base"] for d in books.ledger.all_operators()] == [{"said": None}]

    scene.mine(4)
    books.catch_up()
    bases = {d["tokenId"]: d["chain"].get("base") for d in books.ledger.all_assets()}
    assert bases[token] is None
    assert bases[born]["chain"]["listing"] is None
    books.assert_like_fresh()

    scene.mine(4)
    books.catch_up()
    assert list(books.ledger.assets_with_base()) == []
    assert list(books.ledger.operators_with_base()) == []
    assert books.database["market"].find_one({"_id": "base"}, {"_id": 0}) == books.database[
        "market"
    ].find_one({"_id": "market"}, {"_id": 0})
    books.assert_like_fresh()


def test_the_finalized_tag_decides_where_there_is_one_and_never_moves_back(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    tagged = scene.number()
    play.set_price(token, 4)
    play.set_price(token, 5)
    books.load(policy=FinalityPolicy(None, 128))
    books.chain.tagged = tagged
    books.catch_up()
    assert books.checkpoint()["finalized"]["number"] == tagged

    books.chain.tagged = 0
    books.catch_up()
    books.load()
    books.catch_up()
    assert books.checkpoint()["finalized"]["number"] == tagged

    scene.reorg(2)
    books.catch_up()
    assert books.asset(token) is not None
    assert len(books.rows("priceHistory", tokenId=token)) == 2
    books.assert_true()

    books.chain.tagged = scene.number()
    assert books.session.step() is False
    assert books.checkpoint()["finalized"]["number"] == scene.number()


def test_a_tag_that_stays_at_the_first_block_is_overruled_by_the_deepest_reorg_we_accept(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    books.load(policy=FinalityPolicy(None, 20))
    books.chain.tagged = 0
    trade(play)
    scene.mine(30)

    books.catch_up()

    assert books.checkpoint()["finalized"]["number"] == scene.number() - 20
    books.assert_true()


# --- what people wrote ------------------------------------------------------------------------


def test_what_people_wrote_survives_a_reorg_of_everything_that_happened_to_the_asset_since(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    play.buy(play.bob, token)
    books.catch_up()
    people_write(books, token)

    scene.reorg(2)
    books.catch_up()

    asset = books.asset(token)
    assert asset is not None
    assert asset["metadata"]["creator"] == "Siza"
    assert (asset["stats"], asset["verification"]) == ({"views": 7}, {"isVerified": True})
    assert (asset["ownership"]["currentOwner"], asset["marketStatus"]["isListed"]) == (play.alice, False)


@pytest.mark.parametrize("way", ["live", "after a restart", "by backfill"])
def test_a_mint_taken_back_and_included_again_finds_what_people_wrote_about_it(
    way: str, scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    books.load(policy=FinalityPolicy(8, 128))
    scene.mine(8)
    minted = play.mint(play.alice)
    token = play.token_of(minted)
    raw = scene.rpc.call("eth_getRawTransactionByHash", minted["transactionHash"])
    books.catch_up()
    people_write(books, token)

    scene.reorg(1)
    if way != "by backfill":
        books.catch_up()
        assert books.asset(token) is None
        (orphan,) = books.database["orphans"].find()
        assert orphan["people"]["metadata"] == {"creator": "Siza"}
    if way == "after a restart":
        books.load()
    scene.rpc.call("eth_sendRawTransaction", raw)
    assert wait_receipt(scene.rpc, minted["transactionHash"])["blockHash"] != minted["blockHash"]
    scene.mine(40 if way == "by backfill" else 0)
    books.catch_up()

    asset = books.asset(token)
    assert asset is not None
    assert asset["metadata"]["creator"] == "Siza"
    assert asset["stats"] == {"views": 7}
    assert list(books.database["orphans"].find()) == []
    books.assert_true()


def test_another_asset_under_the_same_token_id_does_not_inherit_what_people_wrote(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = play.mint_token(play.alice)
    books.catch_up()
    people_write(books, token)

    other = ("mint", play.dave, "ipfs://other", 9, Metadata("Other", "Boat", "Porto", 0, "", True))
    scene.reorg(1, (request(play, play.owner, play.asset, *other), 0))
    books.catch_up()

    asset = books.asset(token)
    assert asset is not None
    assert (asset["name"], asset["ownership"]["currentOwner"], asset["tokenURI"]) == (
        "Other",
        play.dave,
        "ipfs://other",
    )
    assert set(asset["metadata"]) == {"assetLocation", "acquisitionDate"}
    assert "stats" not in asset
    assert [orphan["tokenId"] for orphan in books.database["orphans"].find()] == [token]
    books.assert_like_fresh()


def test_the_same_transaction_in_another_block_gives_the_same_row_once(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    sent = play.transfer(play.alice, play.bob, token)
    raw = scene.rpc.call("eth_getRawTransactionByHash", sent["transactionHash"])
    books.catch_up()
    (before,) = books.rows(type="transfer")

    scene.reorg(1, (request(play, play.owner, play.asset, "mint", play.carol, "", 1, Metadata()), 0))
    scene.rpc.call("eth_sendRawTransaction", raw)
    wait_receipt(scene.rpc, sent["transactionHash"])
    books.catch_up()

    (after,) = books.rows(type="transfer")
    assert after["_id"] == before["_id"]
    assert after["blockchain"]["blockHash"] != before["blockchain"]["blockHash"]
    books.assert_like_fresh()


def test_an_approval_for_all_taken_back_makes_its_listings_unpurchasable_again(
    scene: Stage, play: MarketPlay, books: Indexing
) -> None:
    token = listed(play)
    play.approve(play.alice, token, "0x" + 40 * "0")
    books.catch_up()
    play.approve_all(play.alice)
    books.catch_up()
    asset = books.asset(token)
    assert asset is not None
    assert asset["marketStatus"]["isPurchasable"] is True

    scene.reorg(1)
    books.catch_up()

    asset = books.asset(token)
    assert asset is not None
    status = asset["marketStatus"]
    assert (status["isListed"], status["isPurchasable"], status["unavailableReason"]) == (
        True,
        False,
        "not-approved",
    )
    books.assert_like_fresh()


def test_everything_final_equals_everything_followed(scene: Stage, play: MarketPlay, books: Indexing) -> None:
    trade(play)
    books.catch_up()

    books.load(policy=ALL_FINAL)
    books.catch_up()

    with books.fresh(policy=ALL_FINAL) as other:
        assert books.documents() == other.documents()
        assert books.standing() == other.standing()
