"""The chains we know by name: `networks.toml`, read once and kept as plain text values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

NETWORKS_FILE = Path(__file__).with_name("networks.toml")


def known_networks(path: Path = NETWORKS_FILE) -> dict[str, dict[str, str]]:
    """Network name → {environment name: value}, every value spelled as it would be in the environment."""
    tables: Mapping[str, Mapping[str, object]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        network: {name.upper(): _spelled(value) for name, value in table.items()}
        for network, table in tables.items()
    }


def _spelled(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
