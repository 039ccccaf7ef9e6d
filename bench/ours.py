"""Our own backfill, run as it ships: the command line as a process, settings by environment."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.chains import FOLDER, Chain
from bench.measure import Cost, measured
from config.settings import SETTING_NAMES
from config.variables import environment

BACKFILL = ("backfill", "--json")
COMPILED = FOLDER / "compiled"


class NoCommandLine(Exception):
    """The command `dvault` is not installed beside this interpreter."""

    def __init__(self) -> None:
        super().__init__(f"no `dvault` beside {sys.executable} or on PATH; install the project first")


@dataclass(frozen=True, slots=True)
class Run:
    """One backfill: `seconds` from the first fetch to the last commit, `cost` of the whole process."""

    events: int
    seconds: float
    cost: Cost
    report: dict[str, Any]
    """The whole JSON line that the command printed last."""

    @property
    def events_per_second(self) -> float:
        return self.events / self.seconds


def dvault() -> str:
    """The command of the environment that runs the bench."""
    beside = Path(sys.executable).with_name("dvault")
    found = str(beside) if beside.exists() else shutil.which("dvault")
    if found is None:
        raise NoCommandLine
    return found


def settings(chosen: Mapping[str, str]) -> dict[str, str]:
    """The environment of a measured process: this one's, with exactly the chosen settings.

    Modules are compiled once and kept, as those of an installed program are.
    """
    left_out = {*SETTING_NAMES, "PYTHONDONTWRITEBYTECODE"}
    rest = {name: value for name, value in environment().items() if name not in left_out}
    return rest | {"PYTHONPYCACHEPREFIX": str(COMPILED)} | dict(chosen)


def backfill_settings(chain: Chain, rpc_url: str, mongodb_uri: str, database: str) -> dict[str, str]:
    """What the backfill of a replayed chain is told; everything else is as shipped."""
    contracts = chain.facts["contracts"]
    return {
        "NETWORK": "local",
        "CHAIN_ID": str(chain.facts["chainId"]),
        "RPC_URLS": rpc_url,
        "RWA_ASSET_ADDRESS": contracts["asset"],
        "PRICING_AGENT_ADDRESS": contracts["agent"],
        "MARKETPLACE_ADDRESS": contracts["marketplace"],
        "START_BLOCK": str(chain.facts["start"]),
        "FINALITY": "tag",
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": database,
    }


def backfill(chosen: Mapping[str, str]) -> Run:
    """Run the backfill to the finalized block; raises CommandFailed if it fails."""
    # In an empty folder, where no .env can change what is measured.
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        cost = measured([dvault(), *BACKFILL], Path(folder), settings(chosen))
    report = json.loads(cost.output.splitlines()[-1])
    return Run(report["events"], report["seconds"], cost, report)
