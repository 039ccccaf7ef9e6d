"""Report cards of the endpoints, as answers show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from store.documents import EndpointsDocument

KEYS = (
    "name", "state", "reason", "retryInSeconds", "head", "lagBlocks", "requests", "latencyMs", "errors",
    "lastError", "contradictions", "lastContradiction", "learnedCap", "maxBatch", "supports",
)  # fmt: skip


def present_cards(kept: EndpointsDocument | None) -> list[dict[str, Any]]:
    """One entry per endpoint, in the configured order; none before the first report."""
    cards: list[Mapping[str, Any]] = [*kept["endpoints"]] if kept else []
    return [{key: card.get(key) for key in KEYS} for card in cards]
