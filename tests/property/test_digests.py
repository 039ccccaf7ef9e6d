"""Two indexers of one chain agree at every height, whatever way each of them came there."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import indexer.backfill
import indexer.session
from indexer.block_documents import read_blocks
from indexer.evidence import Census, tally_fields
from indexer.heights import digests_at
from indexer.rebuild import LAST_BLOCK, AlteredEvents, check, rebuild
from indexer.rolling import START
from indexer.verify import stored_differences
from store.connection import Connection
from store.counting import is_counted
from store.trade_hours import ALL_HOURS, nothing
from tests.property.indexed import Indexed, assert_same
from tests.property.model_chain import DEPLOYED_AT, Block, ModelChain
from tests.property.test_any_order_of_blocks import (
    COMMON,
    REACH,
    Databases,
    History,
    fresh_index,
    histories,
    told,
    transactions,
)

MINT = (("mint", 0, 0, 0),)


@pytest.fixture(autouse=True)
def short_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.session, "LIVE_REACH", REACH)
    monkeypatch.setattr(indexer.backfill, "KEPT_STATES", 2)


def at_every_height(indexed: Indexed, top: int) -> list[tuple[str, str, int]]:
    found = [digests_at(indexed.ledger, indexed.following(), number) for number in range(top + 1)]
    return [(each.rolling, each.state, each.events) for each in found]


def counted_anew(indexed: Indexed) -> dict[str, int]:
    """The evidence of every block, counted by going through them."""
    window = {each["_id"]: each["evidence"] for each in indexed.ledger.headers()}
    census = Census(indexed.ledger.spans(0, LAST_BLOCK), window)
    for block in read_blocks(indexed.ledger.blocks(-1, LAST_BLOCK)):
        census.see(block)
    return tally_fields(census.tally)


@settings(COMMON, max_examples=8)
@given(history=histories())
def test_after_reorgs_and_restarts_the_digests_are_those_of_a_fresh_index(
    databases: Databases, history: History
) -> None:
    story = told(databases[0], history)
    ours, top = story.indexed, story.chain.view.number
    theirs = fresh_index(databases[1], story)

    assert at_every_height(ours, top) == at_every_height(theirs, top)
    for each in (ours, theirs):
        tally = each.checkpoint()["evidence"]
        assert tally == counted_anew(each)
        assert sum(tally.values()) == top - DEPLOYED_AT + 1


@settings(COMMON, max_examples=6)
@given(
    blocks=st.lists(st.lists(transactions, max_size=3), min_size=4, max_size=25),
    confirmations=st.integers(0, 8),
)
def test_the_digests_do_not_depend_on_how_history_was_cut(
    databases: Databases, blocks: list[list[object]], confirmations: int
) -> None:
    chain = ModelChain()
    for each in blocks:
        chain.view = chain.mine(chain.view, each)  # type: ignore[arg-type]
    found = []
    for at, (range_max, start, per_commit) in enumerate([(1, 0, 1), (10, 1, 7), (1000, 1, 8000)]):
        connection = databases[at % 2]
        for name in connection.database.list_collection_names():
            connection.database[name].delete_many({})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(indexer.backfill, "EVENTS_PER_COMMIT", per_commit)
            indexed = Indexed(connection, chain, confirmations, range_max=range_max, start_block=start)
            indexed.catch_up()
        found.append(at_every_height(indexed, chain.view.number))

    assert found[0] == found[1] == found[2]


def grown(home: Connection, confirmations: int = 2) -> tuple[Indexed, list[Block]]:
    """Six blocks with a mint each, an empty one after each."""
    chain = ModelChain()
    blocks = []
    for n in range(6):
        blocks.append(chain.mine(chain.view, [(("mint", 0, 0, n),)]))
        chain.view = chain.mine(blocks[-1], ())
    indexed = Indexed(home, chain, confirmations)
    indexed.catch_up()
    return indexed, blocks


def test_the_digest_starts_at_nothing_and_stands_still_over_empty_blocks(home: Connection) -> None:
    indexed, blocks = grown(home)
    digests = [each[0] for each in at_every_height(indexed, indexed.chain.view.number)]

    assert digests[: blocks[0].number] == [START.hex()] * blocks[0].number
    for block in blocks:
        assert digests[block.number] == digests[block.number + 1] != digests[block.number - 1]
    assert indexed.checkpoint()["rollingDigest"] == digests[-1]


def test_a_rewind_takes_the_rolling_digest_back(home: Connection) -> None:
    indexed, blocks = grown(home, confirmations=8)
    before = at_every_height(indexed, blocks[-2].number)

    indexed.session.rewind_to(blocks[-2].number)

    assert indexed.checkpoint()["rollingDigest"] == before[-1][0]
    assert at_every_height(indexed, blocks[-2].number) == before
    assert indexed.checkpoint()["evidence"] == counted_anew(indexed)


def test_one_altered_event_is_found_and_its_block_named(home: Connection) -> None:
    indexed, blocks = grown(home)
    number = blocks[3].number
    event = home.database["chainEvents"].find_one({"_id": number})
    assert event is not None
    event["transactions"][0]["logs"][1]["data"] = b"\1"
    home.database["chainEvents"].replace_one({"_id": number}, event)

    outcome = check(indexed.ledger, indexed.following())

    assert (outcome.agrees, outcome.altered) == (False, (number,))
    before = indexed.contents()
    with pytest.raises(AlteredEvents, match=f"block {number} "):
        rebuild(indexed.ledger, indexed.following())
    assert indexed.contents() == before


@pytest.mark.parametrize("gone", [2, 5])
def test_a_block_that_was_removed_is_missed(gone: int, home: Connection) -> None:
    indexed, blocks = grown(home)
    home.database["chainEvents"].delete_one({"_id": blocks[gone].number})

    outcome = check(indexed.ledger, indexed.following())

    assert not outcome.agrees
    assert outcome.altered == ((blocks[3].number,) if gone == 2 else ())


def test_a_rebuild_counts_the_evidence_anew(home: Connection) -> None:
    indexed, _ = grown(home)
    tally = indexed.checkpoint()["evidence"]
    indexed.ledger.note(evidence={"receipts": 7, "bloom": 0, "logsOnly": 0})

    rebuild(indexed.ledger, indexed.following())

    assert indexed.checkpoint()["evidence"] == tally
    assert Counter(tally).total() == indexed.chain.view.number


def test_a_rebuild_counts_assets_and_hours_anew(home: Connection) -> None:
    indexed, _ = grown(home)
    right = indexed.contents()
    assert right["holdings"]["all"]["assets"] > 0
    home.database["holdings"].update_one({"_id": "all"}, {"$inc": {"assets": 3, "listed": -1}})
    home.database["holdings"].insert_one({"_id": "0xstranger", "assets": 2})
    home.database["tradeHours"].update_many({}, {"$inc": {"sales": 5, "mints": 1}})
    home.database["tradeHours"].insert_one({**nothing(), "_id": 1})

    rebuild(indexed.ledger, indexed.following())

    assert_same(indexed.contents(), right)


def test_a_database_of_an_earlier_version_is_counted_when_its_indexer_starts(home: Connection) -> None:
    indexed, _ = grown(home)
    right = indexed.contents()
    home.database["holdings"].delete_many({})
    home.database["tradeHours"].delete_one({"_id": ALL_HOURS})
    home.database["tradeHours"].update_many({}, {"$unset": {"mints": 1, "listings": 1}})
    home.database["checkpoints"].update_one({"_id": "indexer"}, {"$set": {"tradeHours": True}})

    indexed.restart().step()

    assert_same(indexed.contents(), right)
    assert is_counted(indexed.ledger)


def test_verify_finds_numbers_that_are_not_those_of_the_documents(home: Connection) -> None:
    indexed, _ = grown(home)
    assert list(stored_differences(indexed.ledger, indexed.following())) == []
    home.database["holdings"].update_one({"_id": "all"}, {"$inc": {"listed": 1}})

    (found,) = stored_differences(indexed.ledger, indexed.following())

    assert found.field == "holdings all"
