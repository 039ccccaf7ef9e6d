"""The window of blocks that may be taken back, how a head joins it, and what is final."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.values import BlockRef, Header
from indexer.actions import Transferred
from indexer.blocks import DecodedBlock, DecodedTransaction, Log, LoggedBlock
from indexer.branch import Branch, DeepReorg, join
from indexer.digest import digest_of
from indexer.digest import moved as digest_moved
from indexer.fetch import EVENTS_PER_RANGE, FIRST_RANGE, RangePlan
from indexer.finality import FinalityPolicy
from indexer.interpret import Interpreter
from indexer.state import AssetState
from indexer.window import Applied, Bases, Window
from indexer.world import World
from tests.unit.indexer.plays import (
    AGENT,
    BUYER,
    CAROL,
    MARKET,
    NOBODY,
    RWA,
    SELLER,
    a_market,
    an_asset,
    approved_all,
    at,
    moved,
    numbered,
    priced,
)

KEY = (RWA, 1)
OPERATOR = (RWA, SELLER)


def a_header(number: int, branch: str = "a", parent: str = "a") -> Header:
    return Header(number, f"{branch}{number}", f"{parent}{number - 1}", 1_700_000_000 + number)


def a_block(number: int, *events: Any) -> DecodedBlock:
    logged = LoggedBlock(number, f"a{number}", f"a{number - 1}", 1_700_000_000 + number, [])
    return DecodedBlock(
        logged, [DecodedTransaction(at(number), numbered(events, 0), [])] if events else [], []
    )


def world_of(market: Any, assets: Any, operators: Any) -> World:
    return World(Interpreter(MARKET, AGENT), market, assets, operators)


class Followed:
    """A window at block 10 with asset 1 known, taking blocks on as the follower does."""

    def __init__(self) -> None:
        self.window = Window(BlockRef(10, "a10"), Bases(a_market()))
        self.market = a_market()
        self.assets: dict[Any, AssetState | None] = {KEY: an_asset()}
        self.operators: dict[Any, bool | None] = {OPERATOR: None}

    def apply(self, number: int, *events: Any) -> None:
        world = world_of(self.market, dict(self.assets), dict(self.operators))
        block = a_block(number, *events)
        world.apply(block)
        touched = frozenset(world.before), frozenset(world.operators_before)
        self.window.add(Applied(a_header(number), block, (), *touched), self.window.first_touched(world))
        self.market, self.assets, self.operators = world.market, world.assets, world.operators


def test_the_base_of_an_asset_is_its_state_before_the_first_block_that_touched_it() -> None:
    followed = Followed()
    before = followed.assets[KEY]

    followed.apply(11, moved(SELLER, BUYER))
    followed.apply(12, moved(BUYER, CAROL))

    assert followed.window.bases.assets == {KEY: before}


def test_a_token_minted_in_the_window_has_no_state_as_its_base() -> None:
    followed = Followed()
    followed.assets = {}

    followed.apply(11, moved(NOBODY, SELLER, token=2))

    assert followed.window.bases.assets == {(RWA, 2): None}


def test_folding_again_up_to_a_block_gives_the_states_after_it() -> None:
    followed = Followed()
    followed.apply(11, moved(SELLER, BUYER))
    after = dict(followed.assets)
    followed.apply(12, moved(BUYER, CAROL), approved_all(SELLER, MARKET))

    assert followed.window.refold(11, world_of).assets == after
    assert followed.window.refold(12, world_of).assets == followed.assets
    assert followed.window.refold(10, world_of).assets == followed.window.bases.assets
    assert followed.window.refold(11, world_of).operators == {OPERATOR: None}


def test_finality_moves_bases_up_and_forgets_what_no_later_block_touched() -> None:
    followed = Followed()
    followed.apply(11, moved(SELLER, BUYER), approved_all(SELLER, MARKET))
    middle = followed.assets[KEY]
    followed.apply(12, priced(9, 12))

    followed.window.settle(BlockRef(11, "a11"), followed.window.bases_at(11, world_of))

    assert followed.window.bases.assets == {KEY: middle}
    assert followed.window.bases.operators == {}
    assert list(followed.window.blocks) == [12]
    followed.window.settle(BlockRef(12, "a12"), followed.window.bases_at(12, world_of))
    assert followed.window.bases.assets == {}
    assert followed.window.tip == BlockRef(12, "a12")


def test_truncating_forgets_blocks_and_the_bases_they_alone_needed() -> None:
    followed = Followed()
    followed.apply(11, approved_all(SELLER, MARKET))
    followed.apply(12, moved(SELLER, BUYER))

    followed.window.truncate(11)

    assert followed.window.tip == BlockRef(11, "a11")
    assert followed.window.bases.assets == {}
    assert followed.window.bases.operators == {OPERATOR: None}


def test_a_window_knows_its_blocks_down_to_finality() -> None:
    followed = Followed()
    followed.apply(11)

    known = [followed.window.ref(number) for number in (9, 10, 11, 12)]

    assert known == [None, BlockRef(10, "a10"), BlockRef(11, "a11"), None]


# --- digest ---------------------------------------------------------------------------


@given(order=st.permutations(range(5)))
def test_the_digest_does_not_depend_on_order(order: list[int]) -> None:
    states = [an_asset(token_id=n) for n in range(5)]
    owners = [(RWA, str(n)) for n in range(5)]

    assert digest_of([states[n] for n in order], [owners[n] for n in order], a_market()) == digest_of(
        states, owners, a_market()
    )


events = st.sampled_from(
    [moved(SELLER, BUYER), moved(BUYER, SELLER), moved(NOBODY, SELLER, token=2), moved(SELLER, CAROL, token=2),
     priced(9, 0), priced(9, 12), approved_all(SELLER, MARKET), approved_all(SELLER, MARKET, False)]
)  # fmt: skip


@given(batches=st.lists(st.lists(events, max_size=4), max_size=5))
def test_the_digest_that_moved_along_is_the_one_computed_anew(batches: list[list[Any]]) -> None:
    world = world_of(a_market(), {KEY: an_asset()}, {})
    digest = digest_of([an_asset()], [], a_market())
    for number, batch in enumerate(batches, start=11):
        world.start_batch()
        world.apply(DecodedBlock(a_block(number).block, [decoded(number, batch)], []))
        digest = digest_moved(digest, world)

    approving = [key for key, approved in world.operators.items() if approved]
    states = [state for state in world.assets.values() if state is not None]
    assert digest == digest_of(states, approving, world.market)


def decoded(number: int, batch: list[Any]) -> DecodedTransaction:

    logs = [Log(address=bytes(20), log_index=n, topics=b"", data=b"") for n in range(len(batch))]
    return DecodedTransaction(at(number), numbered(tuple(batch), 0), logs)


def test_different_states_have_different_digests() -> None:
    digests = {
        digest_of([asset], approving, market)
        for asset in (an_asset(), an_asset(price_wei=10), an_asset(owner=CAROL))
        for approving in ([], [OPERATOR])
        for market in (a_market(), a_market(fee_bps=0))
    }

    assert len(digests) == 12


# --- joining --------------------------------------------------------------------------

OURS = {number: BlockRef(number, f"a{number}") for number in range(10, 14)}
FINAL = OURS[10]


def test_a_head_directly_above_joins_at_our_tip() -> None:
    assert join(a_header(14), FINAL, OURS.get, lambda _: None) == Branch(OURS[13], [a_header(14)])


def test_skipped_blocks_are_walked_down_and_come_oldest_first() -> None:
    branch = join(a_header(16), FINAL, OURS.get, lambda child: a_header(child.number - 1))

    assert branch == Branch(OURS[13], [a_header(14), a_header(15), a_header(16)])


def test_a_fork_joins_at_the_common_ancestor() -> None:
    parents = {13: a_header(12, "b", "a")}

    branch = join(a_header(13, "b", "b"), FINAL, OURS.get, lambda child: parents[child.number])

    assert branch == Branch(OURS[11], [a_header(12, "b", "a"), a_header(13, "b", "b")])


def test_a_fork_at_the_final_block_itself_is_no_deep_reorg() -> None:
    assert join(a_header(11, "b", "a"), FINAL, OURS.get, lambda _: None) == Branch(
        FINAL, [a_header(11, "b", "a")]
    )


def test_an_unknown_parent_says_nothing() -> None:
    assert join(a_header(15), FINAL, OURS.get, lambda _: None) is None


def test_a_fork_below_finality_is_a_deep_reorg_and_names_both_hashes() -> None:
    with pytest.raises(DeepReorg, match=r"a10.*b10") as caught:
        join(a_header(13, "b", "b"), FINAL, OURS.get, lambda child: a_header(child.number - 1, "b", "b"))

    assert caught.value.finalized == FINAL


# --- finality and ranges --------------------------------------------------------------


@pytest.mark.parametrize(
    ("confirmations", "reorg_depth", "head", "tagged", "final"),
    [
        (12, 64, 100, 99, 88),
        (0, 64, 100, None, 100),
        (12, 64, 5, None, -1),
        (None, 64, 100, 90, 90),
        (None, 64, 100, 0, 36),
        (None, 64, 100, None, 36),
        (None, 64, 100, 101, 36),
        (None, 64, 10, None, -1),
        (None, 64, 0, 0, 0),
    ],
)
def test_what_is_final(confirmations: Any, reorg_depth: int, head: int, tagged: Any, final: int) -> None:
    policy = FinalityPolicy(confirmations, reorg_depth)

    assert policy.finalized(head, tagged) == final
    assert policy.uses_tag == (confirmations is None)


@given(
    first=st.integers(0, 50),
    length=st.integers(0, 3000),
    largest=st.integers(1, 1000),
    density=st.lists(st.integers(0, 100_000), max_size=30),
)
def test_ranges_cover_every_block_once_and_stay_below_the_largest(
    first: int, length: int, largest: int, density: list[int]
) -> None:
    plan = RangePlan(first, first + length - 1, largest)
    taken: list[int] = []
    for _ in range(length + 1):
        found = plan.take()
        if found is None:
            break
        assert 1 <= found[1] - found[0] + 1 <= largest
        taken += range(found[0], found[1] + 1)
        if density:
            plan.learn(found[1] - found[0] + 1, density.pop())

    assert taken == list(range(first, first + length))


def test_a_dense_range_makes_the_next_one_smaller_and_an_empty_one_larger_by_steps() -> None:
    plan = RangePlan(0, 10**6, 5000)
    plan.learn(100, 100 * EVENTS_PER_RANGE)
    assert plan.size == 1
    plan.learn(FIRST_RANGE, 0)
    assert plan.size == 4 * FIRST_RANGE
    plan.learn(4000, 0)
    assert plan.size == 5000


def test_an_action_of_an_unknown_token_is_set_aside_with_its_log() -> None:
    world = world_of(a_market(), {KEY: None}, {})
    world.apply(DecodedBlock(a_block(11).block, [decoded(11, [moved(SELLER, BUYER)])], []))

    assert [bad.log.log_index for _, bad in world.rejected] == [0]
    assert world.before == {}
    assert Transferred.__name__ in world.rejected[0][1].reason
