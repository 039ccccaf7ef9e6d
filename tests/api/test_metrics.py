"""What Prometheus reads: the indexer from the store, the requests of this process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from api import make_app
from api.openapi import Auth, Nobody
from store.errors import StoreUnreachable
from store.reading import Reading
from tests.api.builders import GENESIS, block_ref

NOBODY = Auth(Nobody(), ("nothing is signed here",))
ROOT = Path(__file__).parents[2]
CARD = {
    "name": "node.example#b48119", "state": "quarantined", "reason": "block 5: told as 0x00", "retryInSeconds": 4.5,
    "head": 99, "lagBlocks": 5, "requests": 12, "latencyMs": 250.0, "errors": {"RateLimited": 3, "WrongAnswer": 1},
    "lastError": "slow down", "contradictions": 1, "lastContradiction": "two branches", "learnedCap": None,
    "maxBatch": 100, "supports": {"safe": False},
}  # fmt: skip


def scraped(client) -> dict[tuple[Any, ...], float]:
    """(name, label values…) → value."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def add_books(seed) -> None:
    seed.checkpoint(100, head=block_ref(104), quarantined=2, lastError="a bad day")
    expires = datetime.now(UTC) + timedelta(minutes=1)
    seed.add("checkpoints", {"_id": "lease", "holder": "host:1", "epoch": 3, "expiresAt": expires})
    seed.add("checkpoints", {"_id": "endpoints", "epoch": 3, "updatedAt": GENESIS, "endpoints": [CARD]})


def test_the_indexer_is_told_from_the_store(client, seed):
    add_books(seed)

    told = scraped(client)

    assert told["dvault_store_up",] == 1
    assert [told["dvault_indexer_state", s] for s in ("live", "halted", "unindexed")] == [1, 0, 0]
    blocks = [told[f"dvault_indexer_{name}_block",] for name in ("head", "tip", "finalized")]
    assert blocks == [104, 100, 90]
    assert (told["dvault_indexer_lag_blocks",], told["dvault_indexer_lag_seconds",]) == (4, 30)
    assert (told["dvault_indexer_quarantined",], told["dvault_indexer_failing",]) == (2, 1)
    assert (told["dvault_indexer_lease_held",], told["dvault_indexer_lease_epoch",]) == (1, 3)


def test_endpoints_are_told_with_their_state_and_errors(client, seed):
    add_books(seed)

    told = scraped(client)

    name = CARD["name"]
    assert told["dvault_endpoint_state", name, "quarantined"] == 1
    assert told["dvault_endpoint_state", name, "good"] == 0
    assert told["dvault_endpoint_latency_seconds", name] == 0.25
    assert told["dvault_endpoint_errors", name, "RateLimited"] == 3
    assert ("dvault_endpoint_log_range_cap_blocks", name) not in told, "not known"
    assert told["dvault_endpoints_reported_timestamp_seconds",] == GENESIS.timestamp()


def test_the_same_cards_are_in_the_status(client, seed):
    add_books(seed)

    assert client.get("/api/status").json["endpoints"] == [CARD]


def test_before_anything_is_indexed_there_is_little_to_tell(client, seed):
    told = scraped(client)

    assert told["dvault_indexer_state", "unindexed"] == 1
    assert told["dvault_indexer_lease_held",] == 0
    assert ("dvault_indexer_lag_blocks",) not in told


def test_without_a_database_the_process_still_tells_of_itself():
    class Away(Reading):
        def __init__(self) -> None: ...

        def standing(self) -> Any:
            raise StoreUnreachable("database test", "away")

    told = scraped(make_app(Away(), secret_key="a test", auth=NOBODY).test_client())

    assert told["dvault_store_up",] == 0


def test_requests_are_counted_by_route_and_not_by_path(client, seed):
    seed.checkpoint(100)
    for url in ("/api/assets/1", "/api/assets/2", "/no/such/path", "/nor/this", "/livez"):
        client.get(url)
    client.open("/livez", method="BREW")

    told = {key: value for key, value in scraped(client).items() if key[0] == "dvault_http_requests_total"}

    assert {key[1:]: value for key, value in told.items()} == {
        ("GET", "/api/assets/<tokenId>", "404"): 2,
        ("GET", "unmatched", "404"): 2,
        ("GET", "/livez", "200"): 1,
        ("other", "unmatched", "405"): 1,
    }


def test_the_figures_of_all_workers_are_added_up(tmp_path):
    asked = [
        "from api import make_app\nfrom api.openapi import NoStore\n"
        "from api.openapi import Auth, Nobody\nauth = Auth(Nobody(), ('nothing is signed here',))\n"
        f"client = make_app(NoStore(), secret_key='a test', auth=auth, metrics_folder={str(tmp_path)!r}).test_client()\n"
        f"[client.get('/livez') for _ in range({times})]\n"
        "NoStore.standing = lambda self: (_ for _ in ()).throw(__import__('store.errors').errors.StoreError())\n"
        "print(client.get('/metrics').text)"
        for times in (2, 3)
    ]
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    first, both = (
        subprocess.run(
            [sys.executable, "-c", each], env=environ, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for each in asked
    )

    counted = 'dvault_http_requests_total{method="GET",route="/livez",status="200"}'
    assert f"{counted} 2.0" in first
    assert f"{counted} 5.0" in both


def test_every_alert_asks_for_something_that_is_told(client, seed):
    add_books(seed)
    client.get("/livez")
    names = {key[0] for key in scraped(client)}
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]["rules"]

    asked = {name for rule in rules for name in re.findall(r"dvault_\w+", rule["expr"])}

    assert len(rules) > 5
    assert asked <= names
    scrape = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert scrape["scrape_configs"][0]["metrics_path"] == "/metrics"
