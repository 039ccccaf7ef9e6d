"""Every command as a person or a script meets it: help, one line of JSON, one sentence for what is wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from store.connection import Connection
from store.mongod import find_mongod
from tests.e2e.running import Done, Dvault, Market, market, wait_for

OURS, EARLY = f"test_commands_{os.getpid()}", f"test_commands_early_{os.getpid()}"
"""Of this worker: they may share a server."""

TRANSFER = keccak(text="Transfer(address,address,uint256)")


@pytest.fixture(scope="module")
def stage(
    shared_connection: Connection, mongo_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Market]:
    """A market that was followed to its head, three blocks of it not final."""
    connection = Connection(shared_connection.client, shared_connection.client[OURS])
    with market(connection, mongo_uri, tmp_path_factory.mktemp("commands"), confirmations=8) as stage:
        stage.trade(2)
        stage.play.emit_raw(stage.play.asset, [TRANSFER], b"x")
        stage.mine(8)
        stage.trade(1)
        running = stage.dvault.start("run")
        stage.await_current(running)
        stage.reorg(2)
        stage.await_current(running)
        assert running.stop() == 0
        yield stage
        connection.client.drop_database(OURS)


def one_sentence(done: Done, *words: str, code: int = 1) -> None:
    """It failed for a reason a person can act on, and said nothing on stdout."""
    said = " ".join(done.err.split())
    assert (done.code, done.out) == (code, ""), done
    assert "Traceback" not in said
    for word in words:
        assert word in said


def at_once(dvault: Dvault, *commands: tuple[str, ...]) -> list[Done]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda command: dvault.finish(*command), commands))


# --- answers --------------------------------------------------------------------------------------


def test_every_answer_in_json_is_one_line(stage):
    commands = (
        "status",
        "verify",
        "rebuild --check",
        "reorgs",
        "quarantine",
        "doctor",
        "db indexes",
        "backfill --dry-run",
    )

    answers = at_once(stage.dvault, *(tuple(f"{each} --json".split()) for each in commands))

    for command, told in zip(commands, answers, strict=True):
        assert told.json, command
    found = dict(zip(commands, (told.json for told in answers), strict=True))
    assert [told.code for told in answers] == [3, 0, 0, 0, 0, 0, 0, 0], answers
    assert found["status"]["tip"] == stage.head()
    assert found["verify"]["differences"] == []
    assert found["rebuild --check"]["agrees"] is True
    assert found["reorgs"]["reorgs"][0]["depth"] == 2
    assert len(found["quarantine"]["quarantine"]) == 1
    assert all(finding["fine"] is not False for finding in found["doctor"]["findings"])
    assert found["db indexes"]["missing"] == []
    assert found["backfill --dry-run"]["dryRun"] is True


def test_answers_for_people_are_complete_too(stage):
    reorgs, quarantine, doctor, verify, rebuild = at_once(
        stage.dvault, ("reorgs",), ("quarantine",), ("doctor",), ("verify",), ("rebuild",)
    )

    assert "ancestor" in reorgs.err
    assert stage.play.asset[:12] in quarantine.err
    assert "contracts have code" in doctor.err
    assert "agree with the contracts at block" in verify.err
    assert "as before" in rebuild.err
    assert stage.dvault.finish("verify", "--at", str(stage.head()["number"] - 4)).code == 0


def test_the_database_can_be_prepared_and_its_indexes_built_before_anything_runs(stage):
    dvault = stage.dvault.with_settings(MONGODB_DATABASE=EARLY)
    try:
        ready = dvault.finish("db", "init")
        missing = dvault.finish("db", "indexes", "--json")
        built = dvault.finish("db", "indexes", "--build")
        unindexed, nothing = at_once(dvault, ("status", "--json"), ("verify",))
    finally:
        stage.connection.client.drop_database(EARLY)

    assert (ready.code, missing.code, built.code) == (0, 1, 0)
    assert missing.json["missing"]
    assert "0 missing" in built.err
    assert (unindexed.code, unindexed.json["state"]) == (2, "unindexed")
    one_sentence(nothing, "nothing")


def test_the_status_is_shown_again_and_again_until_ctrl_c(stage):
    watching = stage.dvault.start("status", "--watch", "--json")
    watching.waited("three reports", lambda: watching.said.count("\n") >= 3)

    assert watching.stop(2) == 3
    assert all(json.loads(line)["chainId"] == 31337 for line in watching.said.splitlines())


def test_a_rewind_within_the_window_is_applied_again_by_the_next_run(stage):
    before = stage.report()
    rewound = stage.dvault.finish("rewind", "--to-block", str(before["tip"]["number"] - 3))
    assert rewound.code == 0, rewound
    assert stage.tip_number() == before["tip"]["number"] - 3
    running = stage.dvault.start("run")
    stage.await_current(running)
    up_to_date = stage.dvault.finish("status")

    assert running.stop() == 0
    assert up_to_date.code == 0
    assert stage.report()["digest"] == before["digest"]
    stage.assert_like_fresh()


# --- refusals -------------------------------------------------------------------------------------

OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
WRONG = {
    "DVAULT_ENV": "prod",
    "NETWORK": "mainnet",
    "RPC_URLS": "ftp://x",
    "CHAIN_ID": "zero",
    "RWA_ASSET_ADDRESS": "0x12",
    "PRICING_AGENT_ADDRESS": "0x0000000000000000000000000000000000000000",
    "MARKETPLACE_ADDRESS": OTHER.replace("C51812", "c51812"),
    "START_BLOCK": "-1",
    "FINALITY": "never",
    "MAX_REORG_DEPTH": "0",
    "LOG_RANGE_MAX": "many",
    "ENRICHMENT": "some",
    "POLL_INTERVAL_SECONDS": "0",
    "LEASE_SECONDS": "0.5",
    "MONGODB_URI": "postgres://x",
    "MONGODB_DATABASE": "a/b",
    "HOST": "a b",
    "PORT": "70000",
    "SECRET_KEY": "short",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
}


def test_all_wrong_settings_are_named_at_once_with_a_remedy(stage):
    told = stage.dvault.with_settings(**{**WRONG, "NETWORK": "local"}).finish("status")

    named = [line for line in told.err.splitlines() if line.lstrip().startswith("- ")]
    one_sentence(told, f"{len(WRONG) - 1} settings are wrong")
    assert {line.split("=")[0].split("- ")[1] for line in named} == set(WRONG) - {"NETWORK"}
    assert all(". Give " in line or ". Remove " in line for line in named), named


@pytest.mark.parametrize("command", [("run",), ("backfill",)], ids=" ".join)
def test_what_the_chain_contradicts_is_refused(stage, command):
    others = {
        "another chain": {"NETWORK": "custom", "CHAIN_ID": "1"},
        "no code": {"MARKETPLACE_ADDRESS": OTHER},
    }
    chain, code = (stage.dvault.with_settings(**settings).finish(*command) for settings in others.values())

    one_sentence(chain, "31337", "CHAIN_ID", "nothing was changed")
    one_sentence(code, "MARKETPLACE_ADDRESS", OTHER)


def test_a_database_of_another_chain_is_refused_and_left_alone(stage, tmp_path):
    before = stage.report()
    with market(stage.connection, stage.dvault.environ["MONGODB_URI"], tmp_path) as other:
        other.mine(stage.head()["number"] + 1)
        run, backfill = at_once(other.dvault, ("run",), ("backfill",))

    one_sentence(run, "this database belongs to genesis block", "MONGODB_DATABASE")
    one_sentence(backfill, "this database belongs to genesis block", "MONGODB_DATABASE")
    assert {**stage.report(), "lease": None} == {**before, "lease": None}


def test_blocks_that_make_no_sense_are_refused(stage):
    tip = stage.tip_number()
    commands = {
        ("backfill", "--from-block", "9", "--to-block", "3"): "--to-block 3 is before --from-block 9",
        ("backfill", "--from-block", str(tip + 100)): "would leave a gap",
        ("verify", "--at", str(tip + 100)): "is not indexed yet",
        ("rewind", "--to-block", str(tip + 1)): f"our tip is block {tip}",
    }
    for told, words in zip(at_once(stage.dvault, *commands), commands.values(), strict=True):
        one_sentence(told, words)
    one_sentence(stage.dvault.finish("backfill", "--to-block", "-1"), "not in the range x>=0", code=2)
    early = stage.dvault.with_settings(START_BLOCK="2", MONGODB_DATABASE=EARLY)
    try:
        one_sentence(early.finish("backfill", "--to-block", "1"), "is before the start block 2")
    finally:
        stage.connection.client.drop_database(EARLY)


def test_a_port_in_use_is_refused(stage):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for told in at_once(stage.dvault, ("serve", "--port", port), ("up", "--port", port)):
            one_sentence(told, f"cannot listen on 127.0.0.1:{port}", "choose another --port")


def test_a_database_that_cannot_be_used_is_explained(stage, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody = silent.getsockname()[1]
    unreachable = stage.dvault.with_settings(
        MONGODB_URI=f"mongodb://u:secret@127.0.0.1:{nobody}/?replicaSet=x"
    )
    with standalone(tmp_path) as port:
        alone = stage.dvault.with_settings(MONGODB_URI=f"mongodb://127.0.0.1:{port}/")
        refused = [alone.finish("run"), alone.finish("serve", "--port", "0")]
    run, status = at_once(unreachable, ("run",), ("status",))

    for told in refused:
        one_sentence(told, "standalone", "--replSet")
    one_sentence(run, "no MongoDB answers", "MONGODB_URI")
    assert status.code == 5
    assert "no MongoDB answers" in " ".join(status.err.split())
    assert "secret" not in run.err + status.err


class standalone:  # noqa: N801
    """A mongod that is no replica set; yields its port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> int:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        self.process = subprocess.Popen(
            [str(find_mongod()), "--dbpath", str(self.folder), "--port", str(port), "--bind_ip", "127.0.0.1",
             "--nounixsocket", "--logpath", str(self.folder / "log"), "--oplogSize", "50"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

        def answers() -> bool:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                return False
            return True

        wait_for("a standalone server", answers)
        return port

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
