"""What was learned of the endpoints outlives the indexer, and only the holder of the lease writes it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from msgspec import to_builtins

from chain.node import Node
from indexer.reporter import reporting
from store.endpoints import keep_cards, kept_cards, learned_caps
from store.errors import Interrupted, LeaseLost
from store.reading import Reading
from store.schema import ensure_collections

URLS = ["http://127.0.0.1:9/v1/a-long-secret-key", "http://127.0.0.1:9/v1/another-secret-key"]


def cards(**changes: Any) -> list[dict[str, Any]]:
    with Node(URLS) as node:
        first, second = (to_builtins(report) for report in node.report())
    return [first | changes, second]


def test_cards_are_kept_and_read_with_the_checkpoint(database):
    ensure_collections(database)
    told = cards(state="good", errors={"RateLimited": 2}, supports={"safe": False}, latencyMs=1.5)

    keep_cards(database, 1, told)

    kept = Reading(database).standing().endpoints
    assert kept is not None
    assert kept["endpoints"] == told
    assert "secret" not in str(kept)


def test_a_later_epoch_is_not_overwritten(database):
    ensure_collections(database)
    keep_cards(database, 2, cards(head=7))

    with pytest.raises(LeaseLost):
        keep_cards(database, 1, cards(head=5))
    keep_cards(database, 3, cards(head=9))

    kept = kept_cards(database)
    assert kept is not None
    assert (kept["epoch"], kept["endpoints"][0]["head"]) == (3, 9)


def test_learned_caps_are_known_to_the_next_node(database):
    ensure_collections(database)
    assert learned_caps(database) == {}
    keep_cards(database, 1, cards(learnedCap=7))

    with Node(URLS, learned_caps=learned_caps(database)) as node:
        assert [report.learned_cap for report in node.report()] == [7, None]


def test_reports_go_on_after_a_failure_and_end_with_the_lease():
    calls: list[int] = []
    ended = threading.Event()

    def report() -> None:
        calls.append(len(calls))
        if len(calls) == 2:
            raise Interrupted("the database is away")
        if len(calls) == 4:
            ended.set()
            raise LeaseLost(1, None)

    with reporting(report, pause_seconds=0.01):
        assert ended.wait(10)

    assert calls == [0, 1, 2, 3]


def test_a_report_that_hangs_keeps_nobody():
    hanging, free = threading.Event(), threading.Event()

    def report() -> None:
        hanging.set()
        free.wait(30)

    with reporting(report):
        assert hanging.wait(10)
    free.set()
