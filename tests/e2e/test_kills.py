"""Power cuts (kill -9) at every place of a write, and at moments nobody chose: nothing is lost, nothing doubled.

After each of them the database is held against itself (books.Books), and the next start goes on from there;
at the end, and now and then, it is held against the contracts, a replay, and an index from scratch.
`make test` runs a slice, `make test-long` everything: 300 kills.
"""

from __future__ import annotations

import signal
from itertools import cycle

import pytest

from tests.e2e.forked import market
from tests.e2e.places import (
    BATCH,
    BEGINNING,
    BLOCK,
    CATCHING_UP,
    COMPLETION,
    FINALITY,
    REWIND,
    STARTING,
    STAYING,
)
from tests.e2e.running import Running
from tests.e2e.storm import Storm, storm

pytestmark = pytest.mark.timeout(900)
SLICED = pytest.mark.parametrize(
    "few", [pytest.param(True, id="slice"), pytest.param(False, id="all", marks=pytest.mark.long)]
)
SEED = 20240607
FINAL, DEEP = 8, 70
"""Confirmations: few, so that blocks become final all the time; many, so that 64 can be taken back."""
DEPTHS = (1, 3, 12, 64)
KILLS_UNTIL_PEACE = 30
RANDOM = {"backfill": 64, "live": 36, "rewind": 48}
"""Kills at random times, in all."""


def named() -> int:
    """Kills at named places, in all; of a rewind, every place is tried alive and at a start."""
    return sum(
        map(
            len,
            (BEGINNING, BATCH, COMPLETION, CATCHING_UP, BLOCK, FINALITY, STARTING, STAYING, REWIND, REWIND),
        )
    )


def test_everything_is_at_least_300_kills():
    assert named() + sum(RANDOM.values()) >= 300


@SLICED
def test_history_is_indexed_whole_however_often_it_is_cut_off(connection, mongo_uri, tmp_path, few):
    with (
        market(connection, mongo_uri, tmp_path, FINAL, LOG_RANGE_MAX="4") as stage,
        storm(stage, SEED) as deadly,
    ):
        for place in BEGINNING[:: 8 if few else 1]:
            with_history_ahead(deadly)
            if place == "begin: done":
                connection.client.drop_database(connection.database.name)  # nobody gets there twice
            deadly.dies(deadly.start("backfill", place, nth=some(deadly, place)), place)
        for place, command in zip(BATCH[:: 9 if few else 1], cycle(("backfill", "run")), strict=False):
            with_history_ahead(deadly)
            deadly.dies(deadly.start(command, place, nth=deadly.chance.choice((1, 2))), place)
        for _ in range(1 if few else RANDOM["backfill"]):
            with_history_ahead(deadly)
            deadly.kill(deadly.start("backfill"), 0.6, "a backfill")
        for place, command in zip(COMPLETION[:: 5 if few else 1], cycle(("backfill", "run")), strict=False):
            deadly.deeds()
            stage.mine(FINAL + 20)
            deadly.dies(deadly.start(command, place), place)
        for place, command in zip(CATCHING_UP[:: 3 if few else 1], cycle(("run", "backfill")), strict=False):
            deadly.current().stop()
            deadly.deeds(poison=deadly.chance.random() < 0.5)
            token = stage.play.mint_token(stage.play.bob)
            stage.mine(5)  # more than a range: what he gets and what he gives are two commits
            stage.play.transfer(stage.play.bob, stage.play.alice, token)
            stage.mine(FINAL + 20)
            deadly.dies(deadly.start(command, place), place)

        deadly.settled()
        deadly.say()


def with_history_ahead(deadly: Storm, blocks: int = 150) -> None:
    """Enough for whoever dies next not to come to the end of it."""
    stage = deadly.stage
    while stage.head()["number"] - FINAL - stage.tip_number() < blocks:
        deadly.deeds(poison=deadly.chance.random() < 0.5)


def some(deadly: Storm, place: str) -> int:
    return deadly.chance.choice((1, 2, 3)) if place.endswith(("create", "createIndexes")) else 1


@SLICED
def test_the_head_is_followed_whole_however_often_the_follower_dies(connection, mongo_uri, tmp_path, few):
    with market(connection, mongo_uri, tmp_path, FINAL) as stage, storm(stage, SEED + 1) as deadly:
        stage.mine(FINAL + 1)
        for place in STARTING[:: 4 if few else 1]:
            deadly.deeds()
            deadly.dies(deadly.start("run", place), place)
        for place in [*BLOCK, *FINALITY, *STAYING][:: 12 if few else 1]:
            peace_now_and_then(deadly)
            if deadly.chance.random() < 0.5 or place in STAYING:
                running = deadly.current(place)
                deadly.arm()
                deadly.something_happens(FINAL)
            else:
                deadly.dead(deadly.current())
                deadly.something_happens(FINAL)
                running = deadly.start("run", place)
            if place.startswith("releasing"):
                running.send(signal.SIGTERM)
            deadly.dies(running, place)
        for _ in range(1 if few else RANDOM["live"]):
            peace_now_and_then(deadly)
            running = deadly.current()
            deadly.something_happens(FINAL)
            deadly.kill(running, 0.15, "following")

        deadly.settled()
        deadly.say()


def peace_now_and_then(deadly: Storm) -> None:
    if len(deadly.deaths) % KILLS_UNTIL_PEACE == KILLS_UNTIL_PEACE - 1:
        deadly.settled()


@SLICED
def test_a_reorg_is_followed_whole_however_often_the_rewind_is_cut_off(connection, mongo_uri, tmp_path, few):
    """Each place is died at by a process that lived through the reorg, and by one that starts after it."""
    with market(connection, mongo_uri, tmp_path, DEEP) as stage, storm(stage, SEED + 2) as deadly:
        stage.stay_within_an_hour()  # whose sums, taken back in part, are written anew
        deadly.deeds()
        stage.mine(DEEP + 10)
        for place in REWIND[:: 11 if few else 1]:
            peace_now_and_then(deadly)
            running = with_deeds_to_lose(deadly, place)
            deadly.arm()
            stage.reorg(deadly.chance.choice(DEPTHS[1:]))
            deadly.dies(running, place)

            if not few:
                deadly.dead(with_deeds_to_lose(deadly))
                stage.reorg(deadly.chance.choice(DEPTHS[1:]))
                deadly.dies(deadly.start("run", place), place)
        for _ in range(2 if few else RANDOM["rewind"]):
            peace_now_and_then(deadly)
            running = with_deeds_to_lose(deadly)
            stage.reorg(deadly.chance.choice(DEPTHS))
            deadly.kill(running, 0.1, "a rewind")

        deadly.settled()
        deadly.say()
        assert {row["depth"] for row in connection.database["reorgs"].find()} >= set(
            DEPTHS[1:2] if few else DEPTHS
        )


def with_deeds_to_lose(deadly: Storm, place: str | None = None) -> Running:
    running = deadly.current(place)
    deadly.deeds()
    deadly.stage.await_current(running)
    return running
