"""`make mutants`: plants faults one at a time in a copy of the program, and counts those that the storm finds.

The last line is one line of JSON: `{planted, caught, survivors}`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.simulation.planted import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
PACKAGES = ("chain", "store", "indexer")
SEEDS = 300
SECONDS_EACH = 1800
"""A mutant that takes longer has made something endless."""


class Unfit(ValueError):
    """The text to be changed is not in its file exactly once: the program has moved on."""


class Finding(NamedTuple):
    """`seed` 0 or above: the first that shows the fault; None: no seed did."""

    mutant: Mutant
    seed: int | None
    difference: str


def patched(text: str, mutant: Mutant) -> str:
    """The source with the fault in it. Raises Unfit."""
    if text.count(mutant.before) != 1:
        raise Unfit(f"{mutant.name}: {text.count(mutant.before)} places in {mutant.path} instead of one")
    return text.replace(mutant.before, mutant.after)


@contextmanager
def planted(mutant: Mutant | None) -> Iterator[Path]:
    """A copy of the packages with one fault (or none) in it."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
        copy = Path(directory)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("abis", "tests"):
            (copy / name).symlink_to(ROOT / name)
        if mutant is not None:
            path = copy / mutant.path
            path.write_text(patched(path.read_text(), mutant))
        yield copy


def hunted(mutant: Mutant, seeds: int = SEEDS) -> Finding:
    """Run seeds on the copy until the first difference."""
    with planted(mutant) as copy:
        command = [sys.executable, "-m", "tests.simulation.hunt", "--seeds", str(seeds)]
        environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            run = subprocess.run(  # noqa: PLW1510 - an exit code says no more than no answer
                command, cwd=copy, env=environment, capture_output=True, text=True, timeout=SECONDS_EACH
            )
        except subprocess.TimeoutExpired:
            return Finding(mutant, -1, f"no end within {SECONDS_EACH} s")
    if not run.stdout.strip():
        return Finding(mutant, -1, (run.stderr.strip() or "no answer").splitlines()[-1])
    told = json.loads(run.stdout.splitlines()[-1])
    return Finding(mutant, told["seed"], told["difference"])


def reported(findings: Sequence[Finding]) -> dict[str, object]:
    survivors = [each.mutant.name for each in findings if each.seed is None]
    return {"planted": len(findings), "caught": len(findings) - len(survivors), "survivors": survivors}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Plant faults and see whether the simulation finds them.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many to try before giving up")
    parser.add_argument("--only", default="", help="mutants whose name has this in it")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    findings = []
    with ThreadPoolExecutor(options.workers) as pool:
        hunts = [pool.submit(hunted, mutant, options.seeds) for mutant in chosen]
        for found in (hunt.result() for hunt in as_completed(hunts)):
            findings.append(found)
            how = "SURVIVES" if found.seed is None else f"seed {found.seed}: {found.difference[:160]}"
            sys.stdout.write(f"{found.mutant.name} | {how}\n")
            sys.stdout.flush()
    report = reported(findings)
    sys.stdout.write(json.dumps(report) + "\n")
    return 1 if report["survivors"] else 0


if __name__ == "__main__":
    sys.exit(main())
