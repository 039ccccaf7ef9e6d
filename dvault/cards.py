"""Report cards of the endpoints, for eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

COLOURS = {"good": "green", "quarantined": "red", "suspect": "red", "failing": "yellow", "limited": "yellow"}
HEADINGS = ("endpoint", "state", "head", "lag", "ms", "range", "batch", "errors", "wrong", "lacks", "why")


def card_table(cards: Sequence[Mapping[str, Any]]) -> Table:
    """One row per endpoint."""
    table = Table(*HEADINGS, box=None, pad_edge=False)
    for card in cards:
        table.add_row(*_cells(card))
    return table


def _cells(card: Mapping[str, Any]) -> list[str]:
    colour = COLOURS.get(card["state"])
    state = f"[{colour}]{card['state']}[/]" if colour else card["state"]
    errors = " ".join(f"{kind} {count}" for kind, count in sorted(card["errors"].items()))
    lacks = " ".join(sorted(feature for feature, offered in card["supports"].items() if not offered))
    latency = None if card["latencyMs"] is None else round(card["latencyMs"])
    plain = (card["head"], card["lagBlocks"], latency, card["learnedCap"], card["maxBatch"], errors or None,
             card["contradictions"], lacks or None, card["reason"] or card["lastError"])  # fmt: skip
    return [escape(card["name"]), state, *("-" if each is None else escape(str(each)) for each in plain)]
