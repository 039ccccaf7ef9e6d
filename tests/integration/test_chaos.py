"""Whatever a node or a provider does, what is indexed is right in the end: every scenario of `dvault chaos-rpc`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chain.chaos.storm import SCENARIOS
from chain.transactions import DevRpc
from indexer.opening import ForeignDatabase
from store.connection import Connection
from tests.integration.chaos_storm import Theatre, assert_right, following, proxy_of
from tests.integration.indexing import stage
from tests.integration.market_play import MarketPlay

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def theatre(shared_connection: Connection) -> Iterator[Theatre]:
    """History of a hundred blocks, most of them final."""
    with stage() as scene:
        theatre = Theatre(scene, MarketPlay(scene.rpc), shared_connection, 12)
        theatre.trade(3)
        scene.mine(30)
        theatre.trade(3)
        yield theatre


NEED_OTHERS = {"stale-endpoint", "false-history"}
REFUSED = {"wrong-chain", "other-genesis", "no-code"}
OMITTING = {"empty-logs", "omitted-log"}
ADDING = {"undecodable-logs", "foreign-topics"}
PLAIN = [name for name in SCENARIOS if name not in NEED_OTHERS | REFUSED | OMITTING | ADDING]


def stormy_day(
    theatre: Theatre, *names: str, ignoring: tuple[str, ...] = (), seed: int = 1, rate: float = 0.15
) -> None:
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
        assert_right(theatre, follower.connection, ignoring)
        missing = [name for name in names if not proxy.storm.injected[name]]
        assert not missing, f"nothing was injected: {proxy.storm.injected}"


@pytest.mark.long
@pytest.mark.parametrize("name", PLAIN)
def test_a_storm_of_one_kind_is_outlived(theatre: Theatre, name: str) -> None:
    stormy_day(theatre, name)
