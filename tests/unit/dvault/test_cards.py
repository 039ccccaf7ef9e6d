"""The report cards fit a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from dvault.cards import card_table

CARD: dict[str, Any] = {
    "name": "node.example:8545#b48119", "state": "good", "reason": None, "head": 123_456, "lagBlocks": 0,
    "latencyMs": 38.23, "learnedCap": None, "errors": {}, "contradictions": 0, "lastError": None,
    "supports": {"safe": True},
}  # fmt: skip
LIAR = CARD | {
    "name": "other.example#036af5", "state": "quarantined", "reason": "block 5: told as 0x00, the others say 0x01",
    "errors": {"WrongAnswer": 2, "RateLimited": 1}, "contradictions": 2, "supports": {"safe": False}, "learnedCap": 10,
}  # fmt: skip


def test_names_and_states_are_whole_at_eighty_columns() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(card_table([CARD, LIAR]))

    lines = captured.get().splitlines()
    assert lines[1].split() == ["node.example:8545#b48119", "good", "123456", "0", "38", "-", "-"]
    assert lines[2].split()[:6] == ["other.example#036af5", "quarantined", "123456", "0", "38", "10"]
    remarks = " ".join(" ".join(line[50:] for line in lines[2:]).split())
    for told in ("told as 0x00", "lacks safe", "contradictions 2", "RateLimited 1, WrongAnswer 2"):
        assert told in remarks
