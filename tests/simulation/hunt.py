"""Runs seeds until the first difference, and says which seed and what: for the hunt after planted faults."""

from __future__ import annotations

import argparse
import json
import sys

from tests.simulation.storm import told


def hunt(seeds: range) -> dict[str, object]:
    for seed in seeds:
        outcome = told(seed)
        if outcome.differences:
            return {"seed": seed, "difference": outcome.differences[0].splitlines()[-1]}
    return {"seed": None, "difference": ""}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, required=True)
    options = parser.parse_args()
    sys.stdout.write(json.dumps(hunt(range(options.seeds))) + "\n")


if __name__ == "__main__":
    main()
