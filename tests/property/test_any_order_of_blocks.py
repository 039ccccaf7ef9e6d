"""Whatever blocks come in whatever order: the database is what a fresh index of the winning branch gives."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import indexer.backfill
import indexer.session
from indexer.rebuild import check, rebuild
from store.connection import Connection
from store.counting import kept_holdings
from tests.property.indexed import Indexed, assert_same, empty, people_of
from tests.property.listener import Listener
from tests.property.model_chain import Block, ModelChain, Transaction
from tests.property.model_contracts import DEEDS

CONFIRMATIONS = 6
REACH = 3
"""Final blocks that are applied one by one here, so that short chains have backfills, too."""


class Move(NamedTuple):
    """What happens next; `choice` selects a block among those that do not contradict finality."""

    kind: str
    choice: int
    transactions: tuple[Transaction, ...] = ()
    repeat: int = 1
    """Blocks to mine, of which the first has the transactions."""


History = tuple[list[tuple[Transaction, ...]], list[Move], int]
"""The first blocks, what happens then, and which branch wins."""


numbers = st.integers(0, 30)
common = st.sampled_from(
    ["mint", "mint", "list", "list", "buy", "transfer", "send_back", "approve_all", "delist"]
)
deeds = st.tuples(common | st.sampled_from(sorted(DEEDS)), numbers, numbers, numbers)
transactions = st.lists(deeds, min_size=1, max_size=3).map(tuple)
highest_often = st.just(0) | numbers


def a_move(
    kind: str, choice: st.SearchStrategy[int] = numbers, *more: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    return st.tuples(choice, *more).map(lambda drawn: Move(kind, *drawn))


def moves_with(blocks: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        a_move("grow", highest_often, blocks),
        a_move("grow", highest_often, blocks),
        a_move("grow", st.just(0), blocks, st.integers(2, 14)),
        a_move("announce", highest_often),
        a_move("announce", highest_often),
        a_move("step"),
        a_move("restart"),
        a_move("forget"),
        a_move("people"),
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """The same few transactions turn up on every branch, as they do when a reorg includes them again."""
    known = draw(st.lists(transactions, min_size=1, max_size=14))
    blocks = st.lists(st.sampled_from(known), max_size=4).map(tuple)
    first = draw(st.lists(blocks, min_size=1, max_size=8))
    return first, draw(st.lists(moves_with(blocks), min_size=4, max_size=40)), draw(numbers)


class Story:
    """A chain that grows and forks, an indexer that follows it, and people who write meanwhile."""

    def __init__(self, connection: Connection, first: list[tuple[Transaction, ...]]) -> None:
        self.chain = ModelChain()
        for each in first:
            self.chain.view = self.chain.mine(self.chain.view, each)
        self.indexed = Indexed(connection, self.chain, CONFIRMATIONS)
        self.said: dict[tuple[object, str], dict[str, Any]] = {}
        """What people wrote, by asset id and transaction of the mint."""
        self.visits = 0

    def play(self, move: Move) -> None:
        getattr(self, move.kind)(move)

    def grow(self, move: Move) -> None:
        block = self._block(move.choice)
        for at in range(move.repeat):
            block = self.chain.mine(block, move.transactions if at == 0 else ())

    def announce(self, move: Move) -> None:
        self.chain.view = self._block(move.choice)
        self.indexed.step()

    def step(self, _: Move) -> None:
        self.indexed.step()

    def restart(self, _: Move) -> None:
        self.indexed.restart()

    def forget(self, move: Move) -> None:
        """From now on the node does (not) know the blocks off its branch."""
        self.chain.forgets_orphans = move.choice % 2 == 0

    def people(self, move: Move) -> None:
        found = sorted(self.indexed.ledger.all_assets(), key=lambda asset: str(asset["_id"]))
        if not found:
            return
        self.visits += 1
        asset = found[move.choice % len(found)]
        fields = [
            {"metadata.creator": f"artist {self.visits}"},
            {"stats.viewCount": self.visits},
            {"verification": {"isVerified": True, "by": self.visits}},
        ][move.choice % 3]
        after = self.indexed.database["assets"].find_one_and_update(
            {"_id": asset["_id"]}, {"$set": fields}, return_document=True
        )
        assert after is not None
        self.said[asset["_id"], asset["chain"]["mintTransactionHash"]] = people_of(after)

    def win(self, choice: int) -> Block:
        """Let one branch be the chain for good; a head below our own tip is no reason to take anything back."""
        block = self._block(choice)
        tip = self.indexed.session.standing.tip
        self.chain.view = self.chain.blocks[tip.hash] if tip and self._is_ours(block, tip.hash) else block
        self.indexed.catch_up()
        return self.chain.view

    def _is_ours(self, block: Block, tip: str) -> bool:
        return self.chain.descends(self.chain.blocks[tip], block.hash)

    def _block(self, choice: int) -> Block:
        """Blocks that extend what is final for us, the highest first."""
        final = self.indexed.session.standing.finalized
        fit = [each for each in self.chain.order if each.number >= (final.number if final else 1)]
        fit = [each for each in fit if final is None or self.chain.descends(each, final.hash)]
        fit.sort(key=lambda each: -each.number)
        return fit[choice % len(fit)]


@pytest.fixture(autouse=True)
def short_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes thousands of events in earnest happens within a few."""
    monkeypatch.setattr(indexer.session, "LIVE_REACH", REACH)
    monkeypatch.setattr(indexer.backfill, "EVENTS_PER_COMMIT", 6)
    monkeypatch.setattr(indexer.backfill, "KEPT_STATES", 2)


def told(connection: Connection, history: History) -> Story:
    first, moves, winner = history
    empty(connection)
    story, listener = Story(connection, first), Listener()
    for move in moves:
        story.play(move)
        assert_counted(story.indexed)
        assert_heard(listener, story.indexed)
    story.win(winner)
    assert_heard(listener, story.indexed)
    return story


def fresh_index(connection: Connection, story: Story) -> Indexed:
    """The winning branch, indexed at once by a program that saw nothing else; as final as ours."""
    empty(connection)
    final = story.indexed.session.standing.finalized
    assert final is not None
    indexed = Indexed(connection, story.chain, story.chain.view.number - final.number)
    indexed.catch_up()
    return indexed


def holds(databases: tuple[Connection, Connection], history: History) -> None:
    story = told(databases[0], history)
    ours = story.indexed
    contents = ours.contents()

    assert_same(contents, fresh_index(databases[1], story).contents())
    assert contents["checkpoint"]["tip"]["hash"] == story.chain.view.hash
    assert contents["checkpoint"]["digest"] == ours.scanned_digest()
    assert contents["holdings"] == counted_by_hand(ours)
    if not story.chain.view.contracts.relinked_while_listed:
        assert ours.differences() == []
    assert check(ours.ledger, ours.following()).agrees
    rebuild(ours.ledger, ours.following())
    assert_same(ours.contents(), contents)
    people_keep_their_word(story)


def assert_counted(indexed: Indexed) -> None:
    """At every block: what is kept is what a count says; nothing is kept before history is complete."""
    kept = {each["_id"]: each for each in kept_holdings(indexed.ledger)}
    complete = indexed.checkpoint()["digest"] is not None
    assert kept == (counted_by_hand(indexed) if complete else {})


def assert_heard(listener: Listener, indexed: Indexed) -> None:
    """At every block: whoever keeps a copy by what is told has our rows."""
    listener.hears(indexed)
    listener.assert_has_the_rows_of(indexed)


def counted_by_hand(indexed: Indexed) -> dict[str, dict[str, Any]]:
    """What `holdings` has to be, from the asset documents alone."""
    assets = list(indexed.database["assets"].find())
    owners = Counter(each["ownership"]["currentOwner"] for each in assets)
    found: dict[str, dict[str, Any]] = {
        owner: {"_id": owner, "assets": held} for owner, held in owners.items()
    }
    found["all"] = {
        "_id": "all",
        "assets": len(assets),
        "holders": len(owners),
        "listed": sum(each["marketStatus"]["isListed"] for each in assets),
        "purchasable": sum(each["marketStatus"]["isPurchasable"] for each in assets),
        "active": sum(each["chain"]["listing"] is not None for each in assets),
    }
    return found


def people_keep_their_word(story: Story) -> None:
    """Every field that people wrote is with its asset while that is there, else with its orphan."""
    assets = {
        (each["_id"], each["chain"]["mintTransactionHash"]): each
        for each in story.indexed.ledger.all_assets()
    }
    orphans = {
        (each["contractAddress"], each["tokenId"], each["mintTransactionHash"]): each["people"]
        for each in story.indexed.database["orphans"].find()
    }
    for identity, asset in assets.items():
        assert people_of(asset) == story.said.get(identity, {})
    for identity, said in story.said.items():
        if identity not in assets:
            assert said in orphans.values()
    missing = [identity for identity in story.said if identity not in assets]
    assert len(orphans) == len(missing)


settings.register_profile(
    "histories",
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
COMMON = settings.get_profile("histories")
Databases = tuple[Connection, Connection]


@settings(COMMON, max_examples=25)
@given(history=histories())
def test_the_database_is_a_function_of_the_winning_branch(databases: Databases, history: History) -> None:
    holds(databases, history)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(COMMON, max_examples=500)
@given(history=histories())
def test_the_database_is_a_function_of_the_winning_branch_at_length(
    databases: Databases, history: History
) -> None:
    holds(databases, history)
