"""How commands end: told to, told twice, and because the chain contradicts what was final."""

from __future__ import annotations

import signal
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import psutil
import pytest

from tests.e2e.running import Market, Running, market, wait_for
from tests.e2e.wire import Wire


def family(running: Running) -> list[psutil.Process]:
    parent = psutil.Process(running.pid)
    return [parent, *parent.children(recursive=True)]


def await_nobody(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


def leaseless(stage: Market) -> bool:
    return stage.report()["lease"] is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_ends_in_order_and_gives_its_lease_back(connection, mongo_uri, tmp_path, number):
    with market(connection, mongo_uri, tmp_path, LEASE_SECONDS="600") as stage:
        running = stage.dvault.start("run")
        stage.await_current(running)
        processes = family(running)

        assert running.stop(number, seconds=5) == 0
        assert leaseless(stage)
        await_nobody(processes)


@pytest.mark.parametrize("command", ["run", "backfill"])
def test_a_node_that_hangs_does_not_keep_a_command_from_ending(connection, mongo_uri, tmp_path, command):
    with market(connection, mongo_uri, tmp_path, LEASE_SECONDS="600") as stage:
        port = urlsplit(stage.chain.url).port
        assert port
        with Wire(port) as wire:
            wire.become("blocked")
            running = stage.dvault.with_settings(RPC_URLS=wire.url).start(command)
            running.waited("lease", lambda: not leaseless(stage))

            assert running.stop(signal.SIGINT, seconds=7) == (0 if command == "run" else 130)
            assert leaseless(stage)


def test_a_backfill_stopped_by_ctrl_c_goes_on_where_it_stopped(connection, mongo_uri, tmp_path):
    with market(connection, mongo_uri, tmp_path, confirmations=1, LOG_RANGE_MAX="2") as stage:
        stage.history(300)
        port = urlsplit(stage.chain.url).port
        assert port
        with Wire(port, delay_seconds=0.05) as slow:
            running = stage.dvault.with_settings(RPC_URLS=slow.url).start("backfill")
            running.waited("progress", lambda: stage.tip_number() > 0)
            assert running.stop(signal.SIGINT) == 130
        stopped = stage.report()

        resumed = stage.dvault.finish("backfill", "--json")

        last = stage.head()["number"] - 1
        assert "stopped; run it again to go on" in running.said
        assert f"{stopped['events']} events" in running.said
        assert 0 < stopped["tip"]["number"] < last
        assert stopped["lease"] is None
        assert (resumed.code, resumed.json["fromBlock"]) == (0, stopped["tip"]["number"] + 1)
        assert resumed.json["tip"]["number"] == last
        assert stage.report()["events"] == stopped["events"] + resumed.json["events"]
        again = stage.dvault.finish("backfill")
        assert f"nothing to do: every block up to {last} is indexed" in again.err
        stage.assert_true()


def test_a_second_ctrl_c_ends_at_once(connection, mongo_uri, tmp_path):
    with market(connection, mongo_uri, tmp_path) as stage:
        port = urlsplit(stage.chain.url).port
        assert port
        with Wire(port) as wire:
            wire.become("blocked")
            running = stage.dvault.with_settings(RPC_URLS=wire.url).start("backfill")
            running.waited("lease", lambda: not leaseless(stage))
            running.send(signal.SIGINT)
            time.sleep(0.2)  # two signals sent together may arrive as one

            assert running.stop(signal.SIGINT, seconds=1.5) == 130


@pytest.mark.long
def test_up_ends_when_either_half_ends_and_stops_both_on_ctrl_c(connection, mongo_uri, tmp_path):
    with market(connection, mongo_uri, tmp_path) as stage:
        for how in ("ctrl-c", "indexer dies", "killed"):
            running = stage.dvault.start("up", "--port", "0")
            stage.await_current(running)
            running.waited("the API", lambda running=running: "serving on" in running.said)
            processes = family(running)
            indexer = next(
                each for each in processes if each.cmdline()[-1] == "run" and "-m" in each.cmdline()[1:2]
            )
            if how == "ctrl-c":
                assert running.stop(signal.SIGINT) == 0
                assert leaseless(stage)
            elif how == "indexer dies":
                indexer.kill()
                assert running.ended(20) == 1
                assert "dvault run ended with code 137; stopping the other" in " ".join(running.said.split())
            else:
                running.kill()
            await_nobody(processes)


def test_serve_that_is_killed_leaves_nobody_behind(connection, mongo_uri, tmp_path):
    with market(connection, mongo_uri, tmp_path) as stage:
        serving = stage.dvault.start("serve", "--port", "0")
        port = int(serving.waited("address", lambda: serving.said.partition("127.0.0.1:")[2].split("\n")[0]))
        alive = f"http://127.0.0.1:{port}/livez"

        def answers() -> bool:
            try:
                return bool(urllib.request.urlopen(alive, timeout=5).status == 200)
            except OSError:
                return False

        serving.waited("the API", answers)
        processes = family(serving)

        serving.kill()

        await_nobody(processes)
        assert not answers()


def test_a_reorg_below_finality_halts_and_is_mended_by_a_rewind(connection, mongo_uri, tmp_path):
    with market(connection, mongo_uri, tmp_path, confirmations=5) as stage:
        stage.trade(6)
        fork = stage.head()["number"] - 12
        running = stage.dvault.start("run")
        serving = stage.dvault.start("serve", "--port", "0")
        stage.await_current(running)
        before = {
            name: list(connection.database[name].find()) for name in ("assets", "transactions", "chainEvents")
        }
        port = int(serving.waited("address", lambda: serving.said.partition("127.0.0.1:")[2].split("\n")[0]))

        stage.reorg(12)
        stage.mine(2)

        assert running.ended() == 1
        words = " ".join(running.said.split())
        assert "error" in words
        assert "rewind" in words, words
        assert "Traceback" not in words
        status = stage.dvault.finish("status", "--json")
        assert (status.code, status.json["state"]) == (4, "halted")
        assert status.json["lastError"]
        wait_for("a reason", lambda: refusal(port))
        assert refusal(port).startswith("503")
        assert "halted" in refusal(port)
        assert before == {name: list(connection.database[name].find()) for name in before}
        restarted = stage.dvault.finish("run")
        assert restarted.code == 1
        assert stage.dvault.finish("status").code == 4

        asked = stage.dvault.finish("rewind", "--to-block", str(fork - 1), stdin="n\n")
        too_high = stage.dvault.finish("rewind", "--to-block", str(fork + 3), "--yes")
        assert (asked.code, too_high.code) == (1, 1)
        mended = stage.dvault.finish("rewind", "--to-block", str(fork - 1), "--yes")
        assert mended.code == 0, mended
        running = stage.dvault.start("run")
        stage.await_current(running)

        assert stage.dvault.finish("status").code == 0
        stage.assert_true()
        stage.assert_like_fresh()


def refusal(port: int) -> str:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20)
    except urllib.error.HTTPError as refused:
        return f"{refused.code} {refused.read().decode()}"
    except OSError:
        return ""
    return ""
