"""The named chains of the benches, generated once and kept under .dvault/bench/."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from bench.chain_generator import Plan, generate

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".dvault" / "bench"
PLANS = {"A": Plan(5000, 20), "B": Plan(5000, 100), "quick": Plan(500, 20)}


class Chain(NamedTuple):
    """A generated chain: its file, and what a correct indexer must have after following it."""

    name: str
    path: Path
    facts: dict[str, Any]


def generator_version() -> str:
    """Changes with the generator, so that a cached chain is never older than the code."""
    sources = (ROOT / "bench" / "market.py", ROOT / "bench" / "chain_generator.py")
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]


def chain(name: str) -> Chain:
    """The chain of that name; writes it first if it is not cached."""
    plan = PLANS[name]
    stem = f"{name}-{plan.blocks}x{plan.events_per_block}-seed{plan.seed}-{generator_version()}"
    path, facts_path = FOLDER / f"{stem}.jsonl", FOLDER / f"{stem}.meta.json"
    if not facts_path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        for outdated in FOLDER.glob(f"{name}-*"):
            outdated.unlink()
        facts_path.write_text(json.dumps(generate(plan, path), indent=1))
    return Chain(name, path, json.loads(facts_path.read_text()))
