"""How fast is the backfill, against a naive script and against the physical limit?

    python -m bench.backfill [--chain A|B] [--rounds 5] [--latency 50] [--naive-events 3000]
                             [--b-rounds 1] [--quick]

Each round measures all contestants one after the other on the same source and the same MongoDB, so that
a busy machine is equally busy for all. Readable figures first; the last line is JSON, medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pymongo import MongoClient

from bench.chains import PLANS, ROOT, Chain, chain
from bench.measure import Cost, measured
from bench.ours import Run, backfill, backfill_settings
from bench.replay import ceiling, replay_server
from bench.verdict import check
from store.mongod import EmbeddedMongod


@dataclass(frozen=True, slots=True)
class Arena:
    """Where all contestants run: one chain, served at once and with latency, and one MongoDB."""

    chain: Chain
    rpc_url: str
    slow_rpc_url: str
    mongodb_uri: str
    client: MongoClient[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured; rates are events of the chain per second."""

    plain: Run
    slow: Run
    enriched: Run
    naive: float
    limit: float
    encoded_limit: float


@contextmanager
def arena(of: Chain, latency_ms: int) -> Iterator[Arena]:
    """Start the sources and an empty MongoDB; everything ends with the block."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        mongod = stack.enter_context(EmbeddedMongod(Path(folder)))
        client = stack.enter_context(MongoClient[dict[str, Any]](mongod.uri))
        rpc_url = stack.enter_context(replay_server(of.path))
        slow_rpc_url = stack.enter_context(replay_server(of.path, latency_ms))
        yield Arena(of, rpc_url, slow_rpc_url, mongod.uri, client)


# --- the contestants -----------------------------------------------------------------------------


def ours(place: Arena, rpc_url: str, extra: Mapping[str, str], database: str = "ours") -> Run:
    """Our backfill into an empty database, checked; the documents stay there."""
    place.client.drop_database(database)
    chosen = backfill_settings(place.chain, rpc_url, place.mongodb_uri, database)
    run = backfill(chosen | dict(extra))
    check(place.client[database], place.chain)
    return run


def naive(place: Arena, events: int) -> float:
    """The naive script's rate on the first blocks of the chain: all of it would take minutes."""
    facts, contracts = place.chain.facts, place.chain.facts["contracts"]
    blocks = min(facts["end"] - 1, max(1, events // facts["eventsPerBlock"]))
    place.client.drop_database("naive")
    command = [sys.executable, "-m", "bench.naive_indexer"]
    command += ["--rpc", place.rpc_url, "--mongo", place.mongodb_uri, "--database", "naive"]
    command += ["--from", str(facts["start"] + 1), "--to", str(facts["start"] + blocks)]
    for role, address in contracts.items():
        command += [f"--{role}", address]
    # It skips the events it has no use for; the rate counts them, as ours does.
    seconds: float = last_line(measured(command, ROOT))["seconds"]
    return float(blocks * facts["eventsPerBlock"] / seconds)


def limit(place: Arena) -> tuple[float, float]:
    """Events per second at which MongoDB alone takes the documents of `ours`: from dicts, and from BSON."""
    command = [sys.executable, "-m", "bench.insert_limit", "--mongo", place.mongodb_uri]
    figures = last_line(measured([*command, "--source", "ours", "--target", "limit"], ROOT))
    events = place.chain.facts["events"]
    return events / figures["bestSeconds"], events / figures["bestEncodedSeconds"]


def last_line(cost: Cost) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(cost.output.splitlines()[-1])
    return figures


# --- rounds and report ---------------------------------------------------------------------------


def played(place: Arena, naive_events: int) -> Round:
    """One round of everybody."""
    enriched = ours(place, place.rpc_url, {"ENRICHMENT": "full"})
    slow = ours(place, place.slow_rpc_url, {"ENRICHMENT": "none"})
    plain = ours(place, place.rpc_url, {"ENRICHMENT": "none"})
    inserted, inserted_encoded = limit(place)
    return Round(plain, slow, enriched, naive(place, naive_events), inserted, inserted_encoded)


def summary(rounds: Sequence[Round], latency_ms: int) -> dict[str, Any]:
    """The figures of the last line: medians over the rounds, ratios taken within each round."""
    plain = [one.plain for one in rounds]
    return {
        "eventsPerSecond": rate(plain),
        "ratioToNaive": round(median(one.plain.events_per_second / one.naive for one in rounds), 1),
        "shareOfLimit": round(median(one.plain.events_per_second / one.limit for one in rounds), 3),
        "peakRssMb": round(max(run.cost.peak_tree_rss_mb for run in plain), 1),
        "shareOfEncodedLimit": round(
            median(one.plain.events_per_second / one.encoded_limit for one in rounds), 3
        ),
        f"latency{latency_ms}EventsPerSecond": rate([one.slow for one in rounds]),
        "enrichedEventsPerSecond": rate([one.enriched for one in rounds]),
        "enrichedPeakRssMb": round(max(one.enriched.cost.peak_tree_rss_mb for one in rounds), 1),
        "naiveEventsPerSecond": round(median(one.naive for one in rounds)),
        "limitEventsPerSecond": round(median(one.limit for one in rounds)),
        "cpuSeconds": round(median(run.cost.cpu_seconds for run in plain), 2),
        "wallSeconds": round(median(run.cost.wall_seconds for run in plain), 2),
        "rounds": len(rounds),
    }


def rate(runs: Sequence[Run]) -> int:
    return round(median(run.events_per_second for run in runs))


def print_round(number: int, one: Round) -> None:
    runs = {"ours": one.plain, "ours, latency": one.slow, "ours, enriched": one.enriched}
    for name, run in runs.items():
        cost = run.cost
        print(
            f"{number:>5}  {name:<16}{run.events_per_second:>10,.0f} ev/s {run.seconds:>7.2f} s"
            f"  (process: {cost.wall_seconds:.2f} s, CPU {cost.cpu_seconds:.2f} s,"
            f" peak {cost.peak_tree_rss_mb:.0f} MB)"
        )
    others = {"naive": one.naive, "limit": one.limit, "limit, encoded": one.encoded_limit}
    for name, events_per_second in others.items():
        print(f"{number:>5}  {name:<16}{events_per_second:>10,.0f} ev/s", flush=True)


def contest(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds on the chosen chain."""
    with arena(chain(options.chain), options.latency) as place:
        source = max(ceiling(place.rpc_url, place.chain.facts["end"]) for _ in range(3))
        facts = place.chain.facts
        print(f"chain {options.chain}: {facts['events']:,} events in {facts['end']:,} blocks")
        print(f"the source alone delivers {source:,.0f} ev/s")
        print(f"the naive script runs on the first {options.naive_events:,} events\n")
        rounds = []
        for number in range(1, options.rounds + 1):
            rounds.append(played(place, options.naive_events))
            print_round(number, rounds[-1])
    about = {"sourceEventsPerSecond": round(source), "chain": options.chain}
    return summary(rounds, options.latency) | about


def larger(rounds: int, latency_ms: int) -> dict[str, Any]:
    """Ours alone on chain B: is it as fast, and is memory flat, on blocks five times as full?"""
    with arena(chain("B"), latency_ms) as place:
        runs = [ours(place, place.rpc_url, {"ENRICHMENT": "none"}) for _ in range(rounds)]
    peak = max(run.cost.peak_tree_rss_mb for run in runs)
    print(f"\nchain B, {rounds} round(s): {rate(runs):,} ev/s, peak {peak:.0f} MB")
    return {"chainBEventsPerSecond": rate(runs), "chainBPeakRssMb": round(peak, 1)}


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chain", choices=PLANS, default="A")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=int, default=50, help="ms per call of the slow source")
    parser.add_argument("--naive-events", type=int, default=3000, help="how far the naive script goes")
    parser.add_argument("--b-rounds", type=int, default=1, help="rounds of ours on chain B, after A")
    parser.add_argument("--quick", action="store_true", help="a tenth of chain A, one round: does it work?")
    options = parser.parse_args(arguments)
    if options.quick:
        options.chain, options.rounds, options.naive_events, options.b_rounds = "quick", 1, 600, 0
    return options


def main() -> None:
    options = parsed()
    figures = contest(options)
    if options.chain == "A" and options.b_rounds:
        figures |= larger(options.b_rounds, options.latency)
    print()
    for name, value in figures.items():
        print(f"{name:<28}{value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
