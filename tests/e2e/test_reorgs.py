"""Reorgs of every depth, followed by the running daemon."""

from __future__ import annotations

import pytest

from chain.contracts import encode_call
from chain.transactions import Transaction
from tests.e2e.forked import market
from tests.e2e.running import Market

DEPTHS = (1, 3, 12, 64)


def minimum_confidence(stage: Market, score: int) -> dict[str, object]:
    """A transaction that leaves an event wherever it lands."""
    play = stage.play
    call = encode_call(play.abi_of(play.agent), "updateMinimumConfidenceScore", (score,))
    return Transaction(play.owner, play.agent, call).request()


def test_after_reorgs_of_every_depth_the_index_is_that_of_the_new_chain(connection, mongo_uri, tmp_path):
    with market(connection, mongo_uri, tmp_path, confirmations=100) as stage:
        stage.history(70)
        running = stage.dvault.start("run")
        stage.await_current(running)

        for count, depth in enumerate(DEPTHS, start=1):
            stage.trade(1)
            stage.await_current(running)
            stage.reorg(depth)
            stage.await_current(running)

            stage.assert_like_fresh()
            assert stage.report()["reorgs"] == count

        listed = stage.dvault.finish("reorgs", "--json").json["reorgs"]
        assert [row["depth"] for row in listed] == list(reversed(DEPTHS))
        stage.assert_true()


@pytest.mark.long
def test_reorgs_that_carry_other_transactions_are_followed(connection, mongo_uri, tmp_path):
    with market(connection, mongo_uri, tmp_path, confirmations=100) as stage:
        stage.history(70)
        running = stage.dvault.start("run")
        stage.await_current(running)

        for depth in DEPTHS:
            stage.trade(1)
            stage.await_current(running)
            stage.reorg(
                depth, (minimum_confidence(stage, depth), 0), (minimum_confidence(stage, 50), depth - 1)
            )
            stage.await_current(running)

            stage.assert_like_fresh()

        stage.assert_true()
        assert running.stop() == 0
