"""`dvault chaos-rpc` before a real node: the index holds, the status tells of the endpoint, lessons stay."""

from __future__ import annotations

import json
import signal
from typing import Any

from tests.e2e.running import Dvault, Market, Running, market, settings_of

SCENARIOS = "range-cap-quicknode,null-blocks,no-block-receipts"


def card_of(stage: Market) -> dict[str, Any]:
    cards = stage.report()["endpoints"]
    return dict(cards[0]) if cards else {}


def refusals(proxy: Running) -> int:
    return proxy.said.count("scenario=range-cap-quicknode")


def test_an_index_behind_a_misbehaving_node_is_right_and_its_lessons_stay(connection, mongo_uri, tmp_path):
    with market(connection, mongo_uri, tmp_path, confirmations=8) as stage:
        stage.trade(3)
        stage.mine(20)
        proxy = stage.dvault.start(
            "chaos-rpc", "--upstream", stage.chain.url, "--scenario", SCENARIOS, "--seed", "3", "--json"
        )
        said = proxy.waited("address", lambda: proxy.said.partition("misbehaving on ")[2].partition(" ")[0])
        behind = stage.dvault.with_settings(RPC_URLS=f"{said}/v1/a-very-secret-key")

        first = behind.start("run")
        stage.await_current(first)
        first.waited("a learned cap", lambda: card_of(stage).get("learnedCap") == 10)
        assert first.stop() == 0
        told = behind.finish("status", "--json")
        learned_after = refusals(proxy)
        assert learned_after > 0

        second = behind.start("run")
        stage.trade(1)
        stage.mine(20)
        stage.await_current(second)
        second.waited(
            "a card of the second run", lambda: stage.report()["lease"]["epoch"] > 1 and card_of(stage)
        )
        assert second.stop() == 0

        assert refusals(proxy) == learned_after, "the second run asked for no more than the first had learned"
        assert card_of(stage)["learnedCap"] == 10
        (card,) = told.json["endpoints"]
        assert card["name"].partition("#")[0] == said.removeprefix("http://")
        assert (card["state"], card["supports"]["blockReceipts"]) == ("good", False)
        assert "secret" not in told.out
        verified = stage.dvault.finish("verify", "--json")
        assert (verified.code, verified.json["differences"]) == (0, [])
        assert verified.json["block"]["hash"] == stage.head()["hash"]

        assert proxy.stop(signal.SIGINT) == 0
        counts = json.loads(proxy.said.splitlines()[-1])
        assert counts["injected"]["range-cap-quicknode"] == learned_after
        assert counts["exchanges"] > 20


def test_the_scenarios_are_told_and_mistakes_too(tmp_path):
    dvault = Dvault(tmp_path, settings_of("http://127.0.0.1:9", "mongodb://127.0.0.1:9", "none", tmp_path))

    listed = dvault.finish("chaos-rpc", "--list", "--json")
    unknown = dvault.finish("chaos-rpc", "--upstream", "http://127.0.0.1:9", "--scenario", "no-such-thing")
    missing = dvault.finish("chaos-rpc")

    assert {"null-blocks", "range-cap-quicknode", "hanging"} <= {
        each["name"] for each in listed.json["scenarios"]
    }
    assert (unknown.code, missing.code) == (1, 1)
    assert "no scenario no-such-thing" in unknown.err
    assert "--upstream" in missing.err
