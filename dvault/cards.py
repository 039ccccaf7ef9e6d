"""Report cards of the endpoints, for eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

COLOURS = {"good": "green", "quarantined": "red", "suspect": "red", "failing": "yellow", "limited": "yellow"}
FIGURES = {"head": "head", "lag": "lagBlocks", "ms": "latencyMs", "range": "learnedCap"}


def card_table(cards: Sequence[Mapping[str, Any]]) -> Table:
    """One row per endpoint; `range` is the widest eth_getLogs that the provider allows."""
    table = Table(box=None, pad_edge=False)
    for heading in ("endpoint", "state", *FIGURES):
        table.add_column(heading, no_wrap=True)
    table.add_column("remarks")
    for card in cards:
        figures = (card[key] for key in FIGURES.values())
        told = ("-" if figure is None else f"{figure:.0f}" for figure in figures)
        table.add_row(escape(card["name"]), _state(card["state"]), *told, escape(_remarks(card)))
    return table


def _state(state: str) -> str:
    return f"[{COLOURS[state]}]{state}[/]" if state in COLOURS else state


def _remarks(card: Mapping[str, Any]) -> str:
    lacks = sorted(feature for feature, offered in card["supports"].items() if not offered)
    errors = [f"{kind} {count}" for kind, count in sorted(card["errors"].items())]
    remarks = {
        "": card["reason"],
        "lacks ": ", ".join(lacks),
        "contradictions ": card["contradictions"],
        "errors ": ", ".join(errors),
        "last ": card["lastError"],
    }
    return "; ".join(f"{word}{told}" for word, told in remarks.items() if told) or "-"
