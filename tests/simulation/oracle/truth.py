"""What is true after a block, in plain dictionaries that are never changed, but copied where something changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.property.model_chain import Block

Key = tuple[str, Any]


@dataclass
class Truth:
    """After a block: the states, and what the block itself added to the books."""

    block: Block
    market: dict[str, Any]
    assets: dict[Key, dict[str, Any]] = field(default_factory=dict)
    approvals: dict[Key, bool] = field(default_factory=dict)
    touched: set[Key] = field(default_factory=set)
    spoken: set[Key] = field(default_factory=set)
    """Owners whose approval the block says something of."""
    deeds: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    bad: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, Any] | None = None
    said: int = 0
    """Logs of ours up to here."""
    unreadable: int = 0
    rolling: bytes = bytes(32)
