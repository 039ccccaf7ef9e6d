"""`dvault prove` and `dvault digest` as an operator uses them, after a node hid a log from us for good."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from chain.node import Node
from store.connection import Connection
from tests.e2e.running import Market, market
from tests.integration.indexing import Indexing

OURS = f"test_completeness_{os.getpid()}"


class Hiding:
    """A node that leaves out the last log of one block, consistently."""

    def __init__(self, node: Node, block: int) -> None:
        self._node, self._block = node, block

    def logs(self, *asked: Any) -> Any:
        answer = self._node.logs(*asked)
        return replace(answer, logs=self._kept(answer.logs))

    def block_facts(self, *asked: Any) -> Any:
        facts = self._node.block_facts(*asked)
        return replace(facts, logs=self._kept(facts.logs))

    def _kept(self, logs: list[Any]) -> list[Any]:
        hidden = [at for at, log in enumerate(logs) if int(log.block_number, 16) == self._block][-1:]
        return [log for at, log in enumerate(logs) if at not in hidden]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


@pytest.fixture(scope="module")
def stage(
    shared_connection: Connection, mongo_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Market, int]]:
    """A market indexed through a node that hid one of the logs of a mint; and the block of it."""
    connection = Connection(shared_connection.client, shared_connection.client[OURS])
    folder = tmp_path_factory.mktemp("completeness")
    with market(connection, mongo_uri, folder, confirmations=4) as stage, Node([stage.chain.url]) as node:
        stage.trade(1)
        hidden = int(stage.play.mint(stage.play.alice)["blockNumber"], 16)
        stage.trade(1)
        stage.mine(6)
        indexing = Indexing(stage.play, connection, Hiding(node, hidden), 4, start_block=0)  # type: ignore[arg-type]
        indexing.catch_up()
        connection.database["checkpoints"].delete_one({"_id": "lease"})
        yield (
            stage.__class__(
                stage.chain,
                stage.rpc,
                stage.play,
                connection,
                stage.dvault.with_settings(START_BLOCK="0"),
                4,
            ),
            hidden,
        )
        connection.client.drop_database(OURS)


def test_a_hidden_log_is_found_and_mended_while_nobody_indexes_and_all_of_history_is_proven(stage):
    market, hidden = stage
    dvault = market.dvault
    final = market.report()["finalized"]["number"]
    assert market.report()["evidence"]["provenShare"] == 0

    running = dvault.start("run")
    market.await_current(running)
    found = dvault.finish("prove", "--json")
    refused = dvault.finish("prove", "--from-block", str(hidden), "--to-block", str(hidden), "--mend")
    assert running.stop() == 0
    told = dvault.finish("prove", "--from-block", str(hidden), "--to-block", str(hidden))
    mended = dvault.finish("prove", "--mend", "--json")
    status = dvault.finish("status")

    assert (found.code, [(each["kind"], each["block"]) for each in found.json["findings"]]) == (
        1,
        [("missing", hidden)],
    )
    assert found.json["vouched"] == final
    assert (refused.code, "stop it first" in " ".join(refused.err.split())) == (1, True)
    assert (told.code, f"--from-block {hidden} --to-block {hidden} --mend" in told.err) == (1, True)
    assert (mended.code, mended.json["mended"]) == (0, 1)
    assert mended.json["evidence"]["receipts"] == final + 1
    assert "proven by receipts" in status.err
    market.assert_true()
    assert market.connection.database["chainEvents"].find_one({"_id": hidden})["evidence"] == "receipts"
    again = dvault.finish("prove", "--from-block", "0", "--json")
    assert (again.code, again.json["findings"]) == (0, [])


def test_digests_are_told_at_every_height_and_one_altered_event_is_named(stage):
    market, hidden = stage
    dvault, events = market.dvault, market.connection.database["chainEvents"]
    tip = dvault.finish("digest", "--json").json
    folded = dvault.finish("digest", "--at", str(tip["block"]), "--json")
    earlier = dvault.finish("digest", "--at", str(hidden), "--json").json
    beyond = dvault.finish("digest", "--at", str(tip["block"] + 1))

    assert (folded.code, folded.json) == (0, tip)
    assert (tip["rollingDigest"], tip["digest"]) == (
        market.report()["rollingDigest"],
        market.report()["digest"],
    )
    assert earlier["rollingDigest"] == events.find_one({"_id": hidden})["rollingDigest"].hex()
    assert earlier["digest"] != tip["digest"]
    assert (beyond.code, "not indexed yet" in beyond.err) == (1, True)

    kept = events.find_one({"_id": hidden})
    altered = {**kept, "transactions": [{**kept["transactions"][0], "index": 7}]}
    events.replace_one({"_id": hidden}, altered)
    check = dvault.finish("rebuild", "--check", "--json")
    refused = dvault.finish("rebuild")
    events.replace_one({"_id": hidden}, kept)

    assert (check.code, check.json["alteredBlocks"]) == (1, [hidden])
    assert (refused.code, f"block {hidden}" in " ".join(refused.err.split())) == (1, True)
    assert dvault.finish("rebuild", "--check").code == 0
