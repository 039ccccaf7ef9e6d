"""What the store says of the indexer and its endpoints, as gauges that are read when they are asked for.

So any process that serves the API can be scraped, and all of them tell the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily

from api.freshness import lag_blocks, lag_seconds
from api.services import Clock
from store.documents import CheckpointDocument, EndpointsDocument
from store.errors import StoreError
from store.reading import Reading, Standing

STATES = ("unindexed", "backfilling", "live", "halted")
ENDPOINT_STATES = ("untried", "good", "limited", "failing", "lagging", "suspect", "quarantined")
BLOCKS = {"head": "Newest block of the node.", "tip": "Newest block applied.", "finalized": "Never undone."}
FIGURES = {
    "events": "Events applied; fewer after a reorg.",
    "reorgs": "Reorgs taken back so far.",
    "quarantined": "Logs that could not be understood.",
    "eventsPerSecond": "Over the last seconds.",
}
OF_ENDPOINT = {
    "head": ("head_block", 1, "Newest block the endpoint told."),
    "lagBlocks": ("lag_blocks", 1, "Behind the best of all endpoints."),
    "latencyMs": ("latency_seconds", 0.001, "Moving average of an exchange."),
    "requests": ("exchanges", 1, "HTTP exchanges answered since the indexer started."),
    "contradictions": ("contradictions", 1, "Answers that did not fit since the indexer started."),
    "learnedCap": ("log_range_cap_blocks", 1, "Widest eth_getLogs the provider allows."),
    "maxBatch": ("batch_max", 1, "Most calls in one request."),
}
"""Key of the card → name, factor, help."""


class IndexerCollector:
    """Reads the store at every scrape."""

    def __init__(self, reading: Reading, clock: Clock) -> None:
        self._reading, self._clock = reading, clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge that there is something to say about."""
        try:
            standing = self._reading.standing()
        except StoreError:
            yield _gauge("dvault_store_up", "Whether the database answers.", 0)
            return
        yield _gauge("dvault_store_up", "Whether the database answers.", 1)
        yield _states(standing.checkpoint)
        yield from _lease(standing)
        if standing.checkpoint is not None:
            yield from _progress(standing.checkpoint, self._clock.now())
        if standing.endpoints is not None:
            yield from _endpoints(standing.endpoints)


def _states(checkpoint: CheckpointDocument | None) -> GaugeMetricFamily:
    state = checkpoint["state"] if checkpoint else "unindexed"
    family = GaugeMetricFamily("dvault_indexer_state", "1 for the present state.", labels=["state"])
    for each in STATES:
        family.add_metric([each], each == state)
    return family


def _lease(standing: Standing) -> Iterator[GaugeMetricFamily]:
    yield _gauge("dvault_indexer_lease_held", "Whether an indexer may write now.", standing.lease is not None)
    if standing.lease is not None:
        yield _gauge("dvault_indexer_lease_epoch", "Rises with every takeover.", standing.lease["epoch"])


def _progress(checkpoint: CheckpointDocument, now: datetime) -> Iterator[GaugeMetricFamily]:
    kept: Mapping[str, Any] = checkpoint
    for name, help_ in BLOCKS.items():
        if kept[name] is not None:
            yield _gauge(f"dvault_indexer_{name}_block", help_, kept[name]["number"])
    for name, help_ in FIGURES.items():
        plain = "events_per_second" if name == "eventsPerSecond" else name
        yield _gauge(f"dvault_indexer_{plain}", help_, kept[name])
    yield _gauge("dvault_indexer_lag_blocks", "Tip behind head.", lag_blocks(checkpoint))
    yield _gauge(
        "dvault_indexer_lag_seconds", "Age of the tip while it is behind.", lag_seconds(checkpoint, now)
    )
    failing = "Whether the last step failed (lastError)."
    yield _gauge("dvault_indexer_failing", failing, kept["lastError"] is not None)


def _endpoints(kept: EndpointsDocument) -> Iterator[GaugeMetricFamily]:
    cards: list[Mapping[str, Any]] = [*kept["endpoints"]]
    reported = kept["updatedAt"].replace(tzinfo=UTC).timestamp()
    yield _gauge("dvault_endpoints_reported_timestamp_seconds", "When we looked at them.", reported)
    for key, (name, factor, help_) in OF_ENDPOINT.items():
        family = GaugeMetricFamily(f"dvault_endpoint_{name}", help_, labels=["endpoint"])
        for card in cards:
            if card[key] is not None:
                family.add_metric([card["name"]], card[key] * factor)
        yield family
    yield _endpoint_states(cards)
    errors = GaugeMetricFamily(
        "dvault_endpoint_errors", "Failed operations since the indexer started.", labels=["endpoint", "error"]
    )
    for card in cards:
        for error, count in card["errors"].items():
            errors.add_metric([card["name"], error], count)
    yield errors


def _endpoint_states(cards: list[Mapping[str, Any]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "dvault_endpoint_state", "1 for the present state.", labels=["endpoint", "state"]
    )
    for card in cards:
        for each in ENDPOINT_STATES:
            family.add_metric([card["name"], each], each == card["state"])
    return family


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value)
