"""Shapes of history that chance finds too seldom, each told once by hand."""

from __future__ import annotations

from typing import Any

import pytest

import indexer.backfill
from chain.addresses import ZERO
from chain.errors import Transient
from chain.values import Header
from indexer.rebuild import check
from store.commit import Commit
from store.connection import Connection
from store.errors import Interrupted
from tests.property.indexed import RANGE_MAX, Indexed
from tests.property.listener import Listener
from tests.property.model_chain import ModelChain
from tests.property.model_contracts import AGENT2, MARKET, PEOPLE, RWA, RWA2, ModelLog, event_log

ALICE, BOB = PEOPLE[0], PEOPLE[1]
MINT = (("mint", 0, 0, 0),)
DEEP = 100
"""Confirmations that leave every block unfinalized."""


def minted(contract: str, token: int, to: str, price: int = 5) -> list[ModelLog]:
    return [
        event_log(contract, "asset", "Transfer", ZERO, to, token),
        event_log(contract, "asset", "MetadataUpdate", token),
        event_log(contract, "asset", "AssetMinted", token, "ipfs://x", price, to),
    ]


def linked(old: str, new: str) -> ModelLog:
    return event_log(MARKET, "marketplace", "RWAAssetContractUpdated", old, new)


def test_a_block_that_links_a_contract_and_has_its_logs_can_be_loaded_again(home: Connection) -> None:
    chain = ModelChain()
    indexed = Indexed(home, chain, DEEP)
    indexed.follow(chain.mine_logs(chain.view, [linked(RWA, RWA2)], minted(RWA2, 1, ALICE)))

    indexed.restart()

    assert check(indexed.ledger, indexed.following()).agrees


def test_a_block_that_sets_an_agent_and_has_its_logs_can_be_loaded_again(home: Connection) -> None:
    chain = ModelChain()
    indexed = Indexed(home, chain, DEEP)
    agent = event_log(RWA, "asset", "PricingAgentUpdated", ZERO, AGENT2)
    score = event_log(AGENT2, "agent", "MinimumConfidenceScoreUpdated", 70, 80)
    indexed.follow(chain.mine_logs(chain.view, [agent], [score]))

    indexed.restart()

    assert check(indexed.ledger, indexed.following()).agrees


def test_listeners_read_anew_what_a_link_brings_from_earlier_blocks_and_what_goes_with_it(
    home: Connection,
) -> None:
    chain, listener = ModelChain(), Listener()
    indexed = Indexed(home, chain, DEEP)
    indexed.follow(chain.mine(chain.view, [MINT]))
    listener.hears(indexed)
    before = chain.mine_empty(chain.mine_logs(chain.view, minted(RWA2, 1, ALICE)), 2)

    indexed.follow(chain.mine_logs(before, [linked(RWA, RWA2)], minted(RWA2, 2, BOB)))
    listener.hears(indexed)
    listener.assert_has_the_rows_of(indexed)
    assert home.database["transactions"].count_documents({"contractAddress": RWA2}) == 2

    indexed.follow(chain.mine_empty(before, 2))
    listener.hears(indexed)
    listener.assert_has_the_rows_of(indexed)
    assert home.database["transactions"].count_documents({"contractAddress": RWA2}) == 0
    again = home.database["events"].find({"body.resync": True}, sort=[("_id", 1)])
    assert [(each["blockNumber"], each["body"]["depth"]) for each in again] == [
        (before.number + 1, 0),
        (before.number, 0),
    ]
    assert indexed.checkpoint()["reorgs"] == 1


def test_a_link_that_brings_nothing_and_takes_nothing_is_no_reason_to_read_anew(home: Connection) -> None:
    chain = ModelChain()
    indexed = Indexed(home, chain, DEEP)
    indexed.follow(chain.mine(chain.view, [MINT]))

    indexed.follow(chain.mine_logs(chain.view, [linked(RWA, RWA2)], minted(RWA2, 1, ALICE)))
    indexed.follow(chain.mine_logs(chain.view, [linked(RWA2, RWA)]))

    assert home.database["events"].count_documents({"body.resync": True}) == 0


def test_a_head_whose_ancestors_are_unknown_makes_nothing_final(home: Connection) -> None:
    chain = ModelChain()
    start = chain.view
    indexed = Indexed(home, chain, 3)
    indexed.follow(chain.mine_empty(start, 3))
    ours = indexed.session.standing.finalized
    hidden = chain.mine_empty(start, 10)
    honest = chain.header_by_hash

    chain.view = hidden
    chain.header_by_hash = lambda _: None  # type: ignore[method-assign,assignment]
    chain.headers = lambda numbers: [] if list(numbers) != [0] else [chain.genesis.header]  # type: ignore[method-assign]
    indexed.step()

    assert indexed.session.standing.finalized == ours
    del chain.headers
    chain.header_by_hash = honest  # type: ignore[method-assign]
    indexed.follow(hidden)
    assert indexed.checkpoint()["tip"]["hash"] == hidden.hash


def test_a_finalized_block_of_a_branch_we_do_not_follow_yet_makes_none_of_ours_final(
    home: Connection,
) -> None:
    chain = ModelChain()
    start = chain.view
    chain.tagged = 1
    indexed = Indexed(home, chain, None)
    indexed.follow(chain.mine_empty(start, 8))
    lower = chain.mine_empty(start, 6)

    chain.view, chain.tagged = lower, 5
    indexed.step()
    indexed.step()

    assert indexed.checkpoint()["tip"]["hash"] == lower.hash


def test_a_finalized_tag_without_a_new_head_is_taken(home: Connection) -> None:
    chain = ModelChain()
    chain.tagged = 1
    indexed = Indexed(home, chain, None)
    indexed.follow(chain.mine_empty(chain.view, 4))

    chain.tagged = 3
    indexed.step()

    assert indexed.checkpoint()["finalized"]["number"] == 3


def test_finality_never_moves_back(home: Connection) -> None:
    chain = ModelChain()
    chain.tagged = 3
    indexed = Indexed(home, chain, None)
    indexed.follow(chain.mine_empty(chain.view, 4))

    chain.tagged = 1
    indexed.follow(chain.mine(chain.view, ()))

    assert indexed.checkpoint()["finalized"]["number"] == 3


def test_what_people_wrote_comes_back_when_a_backfill_finds_the_same_mint(home: Connection) -> None:
    chain = ModelChain()
    start = chain.view
    indexed = Indexed(home, chain, 3)
    indexed.follow(chain.mine(start, [MINT]))
    home.database["assets"].update_one({}, {"$set": {"metadata.creator": "Ada", "stats.viewCount": 7}})

    indexed.follow(chain.mine_empty(chain.mine(chain.mine(start, ()), [MINT]), 30))

    asset = indexed.asset(RWA, 1)
    assert asset["metadata"].get("creator") == "Ada"
    assert asset["stats"] == {"viewCount": 7}
    assert home.database["orphans"].count_documents({}) == 0


def test_what_people_wrote_is_not_given_to_a_stranger_with_the_same_token_id(home: Connection) -> None:
    chain = ModelChain()
    start = chain.view
    indexed = Indexed(home, chain, DEEP)
    indexed.follow(chain.mine(start, [MINT]))
    home.database["assets"].update_one({}, {"$set": {"metadata.creator": "Ada"}})

    other = chain.mine(start, [(("mint", 0, 1, 1),)])
    indexed.follow(chain.mine(other, ()))
    assert "creator" not in indexed.asset(RWA, 1)["metadata"]
    assert home.database["orphans"].count_documents({}) == 1
    indexed.follow(chain.mine_empty(chain.mine(start, [MINT]), 3))

    assert indexed.asset(RWA, 1)["metadata"]["creator"] == "Ada"
    assert home.database["orphans"].count_documents({}) == 0


def test_a_listing_taken_back_while_the_marketplace_spoke_of_another_collection_is_gone(
    home: Connection,
) -> None:
    """The marketplace keeps listings by token id alone, whatever collection they were made for."""
    chain = ModelChain()
    indexed = Indexed(home, chain, DEEP)
    block = chain.mine(chain.view, [MINT, (("list", 0, 0, 0),)])
    block = chain.mine(block, [(("link_market", 1, 0, 0),), (("delist", 0, 0, 0),)])

    indexed.follow(chain.mine(block, [(("link_market", 0, 0, 0),)]))

    assert indexed.differences() == []


def test_a_backfill_that_failed_half_way_goes_on_where_it_stopped(
    home: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer.backfill, "EVENTS_PER_COMMIT", 1)
    chain = FailingChain()
    middle = chain.mine_empty(chain.mine(chain.view, [MINT]), 8)
    middle = chain.mine(middle, [(("mint", 0, 1, 1),)])
    chain.view = top = chain.mine_empty(middle, 30)
    indexed = Indexed(home, chain, 2)
    chain.fails_from = 12
    with pytest.raises(Transient):
        indexed.step()
    chain.fails_from = 10**9

    chain.view = chain.branch(top)[4]
    indexed.step()
    indexed.follow(top)

    assert indexed.checkpoint()["tip"]["hash"] == top.hash
    assert check(indexed.ledger, indexed.following()).agrees


def test_history_is_completed_also_when_the_rest_of_it_is_short(
    home: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer.backfill, "EVENTS_PER_COMMIT", 1)
    chain = FailingChain()
    chain.view = chain.mine_empty(chain.mine(chain.view, [MINT]), 12)
    indexed = Indexed(home, chain, 5)
    chain.fails_from = RANGE_MAX + 2
    with pytest.raises(Transient):
        indexed.step()
    chain.fails_from = 10**9

    indexed.restart()
    indexed.catch_up()

    assert indexed.history_completed == 1
    assert indexed.checkpoint()["digest"] == indexed.scanned_digest()


def test_an_agent_that_was_dismissed_is_heard_neither_live_nor_in_a_backfill(
    home: Connection, other: Connection
) -> None:
    chain = ModelChain()
    live = Indexed(home, chain, DEEP)
    for deeds in (
        [(("pricing_agent", 0, 1, 0),)],
        [(("pricing_agent", 0, 0, 0),)],
        [(("minimum", 33, 1, 0),)],
    ):
        live.follow(chain.mine(chain.view, deeds))
    top = chain.mine_empty(chain.view, 3)
    live.follow(top)
    late = Indexed(other, chain, 1)

    late.follow(top)

    ours, theirs = live.contents(), late.contents()
    assert theirs["chainEvents"] == ours["chainEvents"]
    assert theirs["market"]["market"] == ours["market"]["market"]


def test_adopted_history_with_a_log_nobody_understands_can_be_adopted_twice(home: Connection) -> None:
    chain = ModelChain()
    start = chain.mine_logs(chain.view, minted(RWA2, 1, ALICE), [ModelLog(RWA2, (b"\1" * 32,), b"")])
    indexed = Indexed(home, chain, DEEP)
    indexed.follow(chain.mine_logs(start, [linked(RWA, RWA2)]))

    indexed.follow(chain.mine_empty(start, 2))
    assert home.database["quarantine"].count_documents({}) == 0
    indexed.follow(chain.mine_logs(chain.view, [linked(RWA, RWA2)]))

    assert home.database["quarantine"].count_documents({}) == indexed.checkpoint()["quarantined"] == 1


def test_a_long_backfill_remembers_who_approved_the_marketplace(
    home: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer.backfill, "KEPT_STATES", 2)
    monkeypatch.setattr(indexer.backfill, "EVENTS_PER_COMMIT", 1)
    chain = ModelChain()
    block = chain.mine(chain.view, [MINT, *((("approve_all", 0, n, 1),) for n in range(4))])
    block = chain.mine_empty(chain.mine(block, [(("list", 0, 0, 0),)]), RANGE_MAX)
    for n in range(4):
        block = chain.mine_empty(chain.mine(block, [(("price", 0, 0, n),)]), RANGE_MAX)
    indexed = Indexed(home, chain, 0)

    indexed.follow(block)

    assert indexed.asset(RWA, 1)["marketStatus"]["isPurchasable"]


@pytest.mark.parametrize("confirmations", [DEEP, 0])
def test_a_token_that_was_burnt_and_minted_again_does_not_stop_the_line(
    home: Connection, confirmations: int
) -> None:
    """Ours has no burn; a collection that the marketplace is pointed to may. The first mint stays."""
    chain = ModelChain()
    indexed = Indexed(home, chain, confirmations)
    block = chain.mine_logs(chain.view, [linked(RWA, RWA2)], minted(RWA2, 1, ALICE))
    indexed.follow(block)
    gone = event_log(RWA2, "asset", "Transfer", ALICE, ZERO, 1)

    indexed.follow(chain.mine_empty(chain.mine_logs(block, [gone], minted(RWA2, 1, BOB, 9)), 2))

    assert indexed.asset(RWA2, 1)["chain"]["mintBlock"] == block.number
    assert indexed.checkpoint()["quarantined"] == 1
    assert indexed.checkpoint()["digest"] == indexed.scanned_digest()
    assert check(indexed.ledger, indexed.following()).agrees


def test_metadata_of_a_token_beyond_64_bits_does_not_stop_the_line(home: Connection) -> None:
    chain = ModelChain()
    block = chain.mine_logs(chain.view, minted(RWA, 2**63, ALICE))
    held = block.contracts.collections[RWA]
    held.owners[2**63], held.texts[2**63] = ALICE, ("n", "t", "w", 0, "d", False)
    indexed = Indexed(home, chain, DEEP)

    indexed.follow(block)

    assert indexed.checkpoint()["quarantined"] == 3


def test_a_commit_that_failed_is_not_forgotten_because_the_node_failed_too(
    home: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer.backfill, "EVENTS_PER_COMMIT", 1)
    chain = FailingChain()
    block = chain.view
    for number in range(8):
        block = chain.mine_empty(chain.mine(block, [(("mint", 0, number, 0),)]), RANGE_MAX - 1)
    chain.view = block
    indexed = Indexed(home, chain, 0)
    chain.fails_from = RANGE_MAX + 2
    commit = indexed.ledger.commit
    failing = iter([True])

    def once_not(what: Commit) -> None:
        if next(failing, False):
            raise Interrupted("the network is gone")
        commit(what)

    monkeypatch.setattr(indexed.ledger, "commit", once_not)
    with pytest.raises((Transient, Interrupted)) as caught:
        indexed.step()
    chain.fails_from = 10**9
    if caught.type is Interrupted:
        indexed.restart()
    indexed.catch_up()

    assert home.database["assets"].count_documents({}) == 8


class FailingChain(ModelChain):
    """A node that loses its connection above a height."""

    fails_from = 10**9

    def logs(self, from_block: int, to_block: int, addresses: Any) -> Any:
        if to_block >= self.fails_from:
            raise Transient("connection reset")
        return super().logs(from_block, to_block, addresses)


def test_the_same_height_again_with_another_hash_is_noticed(home: Connection) -> None:
    chain = ModelChain()
    start = chain.view
    indexed = Indexed(home, chain, DEEP)
    indexed.follow(chain.mine(start, [MINT]))

    indexed.follow(chain.mine(start, ()))

    assert home.database["assets"].count_documents({}) == 0
    assert indexed.checkpoint()["reorgs"] == 1


def test_one_straggling_lower_head_takes_nothing_back(home: Connection) -> None:
    chain = ModelChain()
    start = chain.view
    indexed = Indexed(home, chain, DEEP)
    top = chain.mine_empty(chain.mine(start, [MINT]), 3)
    indexed.follow(top)

    chain.view = chain.mine(start, ())
    assert not indexed.step()
    chain.view = top
    assert not indexed.step()

    assert indexed.checkpoint()["tip"]["hash"] == top.hash
    assert indexed.checkpoint()["reorgs"] == 0


def test_heads_of_two_nodes_in_turn_take_nothing_back(home: Connection) -> None:
    chain = ModelChain()
    start = chain.view
    indexed = Indexed(home, chain, DEEP)
    top = chain.mine_empty(start, 4)
    indexed.follow(top)
    straggler: Header = chain.mine(start, ()).header

    for _ in range(3):
        chain.view = chain.blocks[straggler.hash]
        indexed.step()
        chain.view = top
        indexed.step()

    assert indexed.checkpoint()["reorgs"] == 0
