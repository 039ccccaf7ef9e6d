"""Whatever a node or a provider does, what is indexed is right in the end: every scenario of `dvault chaos-rpc`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from chain.chaos.proxy import ChaosProxy
from chain.chaos.storm import SCENARIOS
from dvault.composition import WrongChain
from indexer.opening import ForeignDatabase
from indexer.seed import NoContract
from store.connection import Connection
from store.endpoints import kept_cards
from tests.integration.chaos_storm import Follower, Theatre, assert_right, following, proxy_of
from tests.integration.indexing import stage
from tests.integration.market_play import MarketPlay

pytestmark = pytest.mark.timeout(180)
EXTRA_ROUNDS = 20

NEED_OTHERS = {"stale-endpoint", "false-history"}
REFUSED = {"wrong-chain": WrongChain, "no-code": NoContract}
OMITTING = {"empty-logs", "omitted-log"}
ADDING = {"undecodable-logs", "foreign-topics"}
TAGS = {"no-tags", "flickering-tags"}
PLAIN = [
    name for name in SCENARIOS if name not in NEED_OTHERS | {*REFUSED, "other-genesis"} | OMITTING | ADDING
]
MIXED = (
    "null-blocks", "lagging-backend", "foreign-logs", "duplicate-logs", "null-receipts", "missing-fields",
    "range-cap-quicknode", "batch-short", "cut-json", "rate-limit-alchemy-ok", "passing-errors",
)  # fmt: skip


@contextmanager
def theatre_of(connection: Connection, confirmations: int | None) -> Iterator[Theatre]:
    with stage() as scene:
        theatre = Theatre(scene, MarketPlay(scene.rpc), connection, confirmations)
        theatre.trade(3)
        scene.mine(30)
        theatre.trade(3)
        yield theatre


@pytest.fixture(scope="module")
def theatre(shared_connection: Connection) -> Iterator[Theatre]:
    """History of nearly a hundred blocks, most of them final."""
    with theatre_of(shared_connection, 12) as theatre:
        yield theatre


@pytest.fixture(scope="module")
def young(shared_connection: Connection) -> Iterator[Theatre]:
    """The same where nothing is final: every block is read by its hash, with its header."""
    with theatre_of(shared_connection, 100_000) as theatre:
        yield theatre


def stormy_day(
    theatre: Theatre, *names: str, ignoring: tuple[str, ...] = (), rate: float = 0.25, seed: int = 1
) -> Connection:
    """History, live blocks and two reorgs, all behind the proxy."""
    with theatre.stage.aside(), proxy_of(theatre, *names, seed=seed, rate=rate) as proxy:
        with following(theatre, [proxy]) as follower:
            follower.await_head()
            theatre.trade(1)
            follower.await_head()
            theatre.stage.reorg(3)
            theatre.trade(1)
            follower.await_head()
            theatre.stage.reorg(2)
            follower.await_head()
            for _ in range(EXTRA_ROUNDS):
                if not has_raged(proxy, names):
                    theatre.trade(1)
                    follower.await_head()
        assert_right(theatre, follower.connection, ignoring)
        assert has_raged(proxy, names), f"nothing was injected: {proxy.storm.injected}"
    return follower.connection


def has_raged(proxy: ChaosProxy, names: tuple[str, ...]) -> bool:
    """Was there a fault of nearly every kind? How often a node is asked depends on the machine."""
    return sum(not proxy.storm.injected[name] for name in names) <= len(names) // 3


def test_a_mixed_storm_is_outlived(theatre: Theatre) -> None:
    stormy_day(theatre, *MIXED, rate=0.05)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_mixed_storm_of_any_seed_is_outlived(theatre: Theatre, seed: int) -> None:
    stormy_day(theatre, *MIXED, "outage", "flickering-head", "dripping", rate=0.04, seed=seed)


@pytest.mark.long
@pytest.mark.parametrize("name", PLAIN)
def test_a_storm_of_one_kind_is_outlived(theatre: Theatre, name: str) -> None:
    stormy_day(replace(theatre, confirmations=None) if name in TAGS else theatre, name)


# --- what is added, what is left out --------------------------------------------------------------


@pytest.mark.long
def test_logs_that_cannot_be_read_are_quarantined_and_change_nothing_else(theatre: Theatre) -> None:
    connection = stormy_day(theatre, "undecodable-logs", ignoring=("chainEvents", "quarantine"))

    kept = list(connection.database["quarantine"].find())
    assert kept
    assert all(each["blockNumber"] % 5 == 0 and each["logIndex"] >= 10_000 for each in kept)


@pytest.mark.long
def test_logs_of_unknown_topics_change_nothing(theatre: Theatre) -> None:
    stormy_day(theatre, "foreign-topics", ignoring=("chainEvents", "quarantine"))


@pytest.mark.long
def test_blocks_emptied_of_their_logs_are_seen_by_their_blooms(young: Theatre) -> None:
    stormy_day(young, "empty-logs", rate=0.4)


@pytest.mark.long
def test_a_log_left_out_is_seen_where_its_contract_falls_silent(shared_connection: Connection) -> None:
    with stage() as scene:
        play = MarketPlay(scene.rpc)
        theatre = Theatre(scene, play, shared_connection, 100_000)
        for number in range(12):
            play.approve_all(play.alice, number % 2 == 0)
            play.set_minimum_confidence(50 + number)
            play.set_fee(100 + number)
        with proxy_of(theatre, "omitted-log", rate=0.4) as proxy:
            with following(theatre, [proxy]) as follower:
                follower.await_head()
            assert_right(theatre, follower.connection)
            assert proxy.storm.injected["omitted-log"] > 5


# --- endpoints that are not believed ----------------------------------------------------------------


def cards_of(follower: Follower) -> list[dict[str, Any]]:
    kept = kept_cards(follower.connection.database)
    return [dict(card) for card in kept["endpoints"]] if kept else []


@pytest.mark.long
def test_an_endpoint_that_stands_still_is_asked_last(theatre: Theatre) -> None:
    with theatre.stage.aside(), proxy_of(theatre, "stale-endpoint") as proxy:
        with following(theatre, [proxy], [theatre.stage.rpc.url]) as follower:
            follower.await_head()
            theatre.trade(2)
            follower.await_head(lambda: [card["state"] for card in cards_of(follower)] == ["lagging", "good"])
        assert_right(theatre, follower.connection)


@pytest.mark.long
def test_an_endpoint_of_another_history_is_put_aside_before_it_has_a_say(theatre: Theatre) -> None:
    honest = theatre.stage.rpc.url
    with theatre.stage.aside(), proxy_of(theatre, "false-history") as proxy, proxy_of(theatre) as calm:
        theatre.stage.mine(200)
        with following(theatre, [proxy, calm], [honest]) as follower:
            follower.await_head(lambda: len(cards_of(follower)) == 3)
            liar, *others = cards_of(follower)
        assert liar["state"] == "quarantined"
        assert "the others say" in liar["reason"]
        assert [card["state"] for card in others] == ["good", "good"]
        assert_right(theatre, follower.connection)


@pytest.mark.long
@pytest.mark.parametrize("name", REFUSED)
def test_another_chain_is_refused_at_the_start(theatre: Theatre, name: str) -> None:
    with proxy_of(theatre, name) as proxy, following(theatre, [proxy]) as follower:
        with pytest.raises(REFUSED[name]):
            follower.await_head()
        assert follower.checkpoint() == {}


@pytest.mark.long
def test_another_genesis_is_refused_and_changes_nothing(theatre: Theatre) -> None:
    with proxy_of(theatre) as calm, following(theatre, [calm]) as follower:
        follower.await_head()
    before = {**follower.checkpoint(), "epoch": None}

    with proxy_of(theatre, "other-genesis") as proxy:
        again = Follower(theatre, [proxy.url], follower.connection)
        with again, pytest.raises(ForeignDatabase):
            again.await_head(lambda: False)

    assert {**follower.checkpoint(), "epoch": None} == before
