"""Our development contracts behave as the followed contracts do, log by log, on a real EVM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.contracts import ROOT
from chain.devchain import DevChain, DevChainOptions, DevChainUnavailable, find_anvil
from chain.transactions import DevRpc, DevRpcError, NodeGone
from tests.integration.market_play import ETHER, ORACLE_ROLE, MarketPlay
from tests.integration.market_row import MINTED, Row
from tests.integration.market_rows import ROWS, play_everything


@pytest.fixture(scope="module")
def chain() -> Iterator[DevChain]:
    with DevChain() as running:
        yield running


@pytest.fixture
def play(chain: DevChain) -> Iterator[MarketPlay]:
    with DevRpc(chain.url) as rpc:
        yield MarketPlay(rpc)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_action_leaves_exactly_its_logs_in_order(play: MarketPlay, row: Row) -> None:
    receipt = row.deed(play)

    assert tuple(play.names(receipt)) == row.logs


def test_everything_can_happen_on_one_market(play: MarketPlay) -> None:
    play_everything(play)

    assert play.view(play.market, "getMarketplaceFee") == 250
    assert play.view(play.agent, "getMinimumConfidenceScore") == 70
    assert play.view(play.asset, "getPricingAgent") == play.agent


def test_a_fresh_deployer_gets_the_addresses_everyone_knows_and_says_so_in_logs() -> None:
    with DevChain() as chain, DevRpc(chain.url) as rpc:
        play = MarketPlay(rpc)
        logs = rpc.call("eth_getLogs", {"fromBlock": "0x0"})

        assert play.asset == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
        assert play.agent == "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
        assert play.market == "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
        assert play.deployed.start_block == 1
        assert play.names({"logs": logs}) == [
            "RWA.OwnershipTransferred",
            "AGENT.RoleGranted",
            "AGENT.RoleGranted",
            "MARKET.OwnershipTransferred",
            "RWA.PricingAgentUpdated",
            "AGENT.RoleGranted",
        ]
        assert play.view(play.agent, "ORACLE_ROLE") == ORACLE_ROLE


def test_the_agent_keeps_the_last_hundred_updates_only(play: MarketPlay) -> None:
    token = play.mint_token(price_wei=0)
    with play.one_block():
        for price in range(1, 104):
            play.set_price(token, price)

    kept = play.view(play.agent, "getPriceUpdateHistory", token, 0, 1000)

    assert [update["newPrice"] for update in kept] == [*range(4, 104)]
    assert play.view(play.agent, "getLatestPriceUpdate", token)["newPrice"] == 103
    page = play.view(play.agent, "getPriceUpdateHistory", token, 98, 5)
    assert [update["newPrice"] for update in page] == [102, 103]
    assert play.view(play.agent, "getPriceUpdateHistory", token, 100, 5) == []


def test_a_closed_listing_gives_its_place_to_the_last_one(play: MarketPlay) -> None:
    first, second, third = (play.mint_token(play.alice) for _ in range(3))
    for token in (first, second, third):
        play.approve_and_list(play.alice, token, ETHER)

    play.delist(play.alice, first)

    assert play.active() == [third, second]


def test_log_indices_count_on_across_the_transactions_of_a_block(play: MarketPlay) -> None:
    with play.one_block() as receipts:
        play.mint(play.alice)
        play.approve_all(play.alice)
        play.set_fee(300)

    indices = [int(log["logIndex"], 16) for receipt in receipts for log in receipt["logs"]]
    assert indices == [0, 1, 2, 3, 4]
    assert len({receipt["blockHash"] for receipt in receipts}) == 1


def test_a_sale_pays_the_fee_in_force_at_its_place_in_the_block(play: MarketPlay) -> None:
    token = play.mint_token(play.alice)
    play.approve_and_list(play.alice, token, 10 * ETHER)
    play.set_collector(play.carol)
    before = play.balance(play.carol)

    with play.one_block():
        play.buy(play.bob, token)
        play.set_fee(1000)

    assert play.balance(play.carol) - before == ETHER // 4
    assert play.view(play.market, "getMarketplaceFee") == 1000


def test_any_address_can_be_made_to_log_anything(play: MarketPlay) -> None:
    topic = bytes.fromhex("68e3fcd6dfb2d2b867f07964685d2023358bae8884c2807691ebd24d9e0e4e33")

    receipt = play.emit_raw(play.agent, [topic, bytes(32)], b"\xff\x00")

    assert [log["topics"][0] for log in receipt["logs"]] == ["0x" + topic.hex()]
    assert receipt["logs"][0]["address"] == play.agent.lower()
    assert play.view(play.agent, "getMinimumConfidenceScore") == 70
    assert play.names(play.mint()) == MINTED.split()


@pytest.mark.timeout(60)
def test_compiling_again_gives_the_committed_files() -> None:
    compiled = subprocess.run(
        ["node", "contracts/compile.mjs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (compiled.returncode, compiled.stderr) == (0, "")


def test_the_chain_does_what_its_options_say() -> None:
    options = DevChainOptions(
        chain_id=688688, no_mining=True, timestamp=1_700_000_000, slots_in_an_epoch=1, accounts=3
    )
    with DevChain(options=options) as chain, DevRpc(chain.url) as rpc:
        rpc.call("anvil_mine", "0x5")
        blocks = rpc.batch(("eth_getBlockByNumber", (tag, False)) for tag in ("0x0", "latest", "finalized"))

        assert rpc.call("eth_chainId") == hex(688688)
        assert len(rpc.call("eth_accounts")) == 3
        assert blocks[0]["timestamp"] == hex(1_700_000_000)
        assert [block["number"] for block in blocks] == ["0x0", "0x5", "0x3"]


def test_a_stopped_chain_is_gone_and_can_be_started_again() -> None:
    chain = DevChain().start()
    url, pid = chain.url, chain.pid

    chain.stop()

    assert not Path("/proc", str(pid)).exists()
    with pytest.raises(NodeGone), DevRpc(url) as rpc:
        rpc.call("eth_chainId")
    with chain, DevRpc(chain.url) as rpc:
        assert rpc.call("eth_blockNumber") == "0x0"


def test_a_chain_dies_with_the_process_that_started_it() -> None:
    script = "from chain.devchain import DevChain; print(DevChain().start().pid, flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    chain_pid = int(parent.stdout.readline())

    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()

    deadline = time.monotonic() + 5
    while Path("/proc", str(chain_pid), "exe").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path("/proc", str(chain_pid), "exe").exists()


def test_a_chain_that_cannot_start_says_why_and_what_to_do() -> None:
    with pytest.raises(DevChainUnavailable, match=r"'--nonsense' found.*make setup"):
        DevChain(options=DevChainOptions(extra=("--nonsense",))).start()


def test_a_missing_anvil_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DevChainUnavailable, match="make setup"):
        find_anvil(tmp_path)


def test_a_refused_request_carries_the_code_of_the_node(play: MarketPlay) -> None:
    with pytest.raises(DevRpcError) as refused:
        play.rpc.call("eth_noSuchThing")

    assert refused.value.code == -32601
