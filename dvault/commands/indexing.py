"""`run` and `backfill`: bring the chain into the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic
from typing import Any

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from chain.errors import RpcError
from config.settings import Settings
from dvault.cli import INTERRUPTED
from dvault.composition import (
    Standby,
    exclusive,
    node_of,
    open_session,
    service_parts,
    watch_of,
)
from dvault.console import Failure, answer, explained, messages, settings
from dvault.database import prepare, store_of
from dvault.interruption import abandoning, until_interrupted
from indexer.backfill import Progress as Step
from indexer.service import Indexer
from indexer.session import Session

NARROW, WIDE = 50, 90
"""Characters: from these widths on the bar also shows the rate, and the times."""


@click.command()
@explained
def run() -> None:
    """Follow the chain until stopped: history first, then block by block.

    A second `dvault run` on the same database stands by and takes over when the first one ends.

    \b
    Example:
      RPC_URLS=http://127.0.0.1:8545 dvault run
    """
    chosen = settings()
    with (
        until_interrupted() as stopping,
        store_of(chosen) as connection,
        node_of(chosen, connection) as node,
        abandoning(node, stopping),
    ):
        prepare(connection)
        watch = watch_of(connection, stopping.is_set, lambda _: None)
        Indexer(service_parts(chosen, connection, node, watch), chosen.poll_interval_seconds, stopping).run()


@click.command()
@click.option(
    "--from-block", type=click.IntRange(min=0), help="First block wanted; covered ones are skipped."
)
@click.option("--to-block", type=click.IntRange(min=0), help="Last block wanted; never beyond finality.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def backfill(from_block: int | None, to_block: int | None, dry_run: bool, as_json: bool) -> None:
    """Index final history, show how far it is, and stop.

    It goes on where the last one ended, however that ended; Ctrl-C loses only what was not yet committed.

    \b
    Example:
      dvault backfill --to-block 1000000
    """
    if to_block is not None and to_block < (from_block or 0):
        raise Failure(f"--to-block {to_block} is before --from-block {from_block}")
    chosen = settings()
    bar = _Bar(quiet=as_json)
    report: dict[str, Any] | None = None
    with until_interrupted() as stopping, _given_up(stopping), _session(chosen, bar, stopping) as session:
        plan = _plan(session, from_block, to_block)
        if not dry_run and plan["toBlock"] >= plan["fromBlock"]:
            with _given_up(stopping):
                session.backfill_to(plan["toBlock"])
        report = _report(session, plan, bar, dry_run)
    if report is not None:
        _tell(report, as_json, stopping.is_set())
    if stopping.is_set():
        raise SystemExit(INTERRUPTED)


@contextmanager
def _session(chosen: Settings, bar: _Bar, stopping: Event) -> Iterator[Session]:
    with (
        store_of(chosen) as connection,
        node_of(chosen, connection) as node,
        abandoning(node, stopping),
        exclusive(chosen, connection, stopping) as ledger,
        bar.shown(),
    ):
        prepare(connection)
        yield open_session(chosen, node, ledger, watch_of(connection, stopping.is_set, bar.step))


@contextmanager
def _given_up(stopping: Event) -> Iterator[None]:
    """What fails because we were told to stop is no failure."""
    try:
        yield
    except (RpcError, Standby):
        if not stopping.is_set():
            raise


def _plan(session: Session, from_block: int | None, to_block: int | None) -> dict[str, int]:
    """What is left to do between the wanted blocks, both inclusive. History has no gaps."""
    final = session.final_block()
    start, following = session.start_block, session.next_block
    if from_block is not None and from_block < start:
        raise Failure(
            f"--from-block {from_block} is before the start block {start}: nothing of ours is there"
        )
    if from_block is not None and from_block > following:
        raise Failure(
            f"--from-block {from_block} would leave a gap: blocks {following} to {from_block - 1} are not "
            "indexed yet. Leave the option out to go on where the last backfill ended"
        )
    if to_block is not None and to_block < start:
        raise Failure(f"--to-block {to_block} is before the start block {start}: nothing of ours is there")
    return {
        "fromBlock": following,
        "toBlock": final if to_block is None else min(to_block, final),
        "finalBlock": final,
    }


def _report(session: Session, plan: dict[str, int], bar: _Bar, dry_run: bool) -> dict[str, Any]:
    tip = session.standing.tip
    seconds = bar.seconds
    return {
        **plan,
        "dryRun": dry_run,
        "events": bar.events,
        "seconds": round(seconds, 3),
        "eventsPerSecond": round(bar.events / seconds, 1) if seconds else 0.0,
        "tip": {"number": tip.number, "hash": tip.hash} if tip else None,
    }


def _tell(report: dict[str, Any], as_json: bool, stopped: bool) -> None:
    if as_json:
        answer(report)
    else:
        messages.print(_sentence(report, stopped))


def _sentence(report: dict[str, Any], stopped: bool) -> str:
    first, last, final = report["fromBlock"], report["toBlock"], report["finalBlock"]
    if final < first and report["tip"] is None:
        return (
            f"nothing to do: no block from {first} on is final yet; `dvault run` follows those that are not"
        )
    if last < first:
        return f"nothing to do: every block up to {last} is indexed, the last final one is {final}"
    if report["dryRun"]:
        return f"would index blocks {first} to {last} ({last - first + 1} blocks)"
    tip = report["tip"]["number"] if report["tip"] else "none"
    state = "stopped; run it again to go on" if stopped else "done"
    return f"{state}: {report['events']} events, {report['eventsPerSecond']} per second, tip {tip}"


def columns(width: int) -> list[ProgressColumn]:
    """What fits into so many characters, the more important first: a column cut short says nothing."""
    columns = [TextColumn("blocks"), BarColumn(bar_width=None if width < WIDE else 40), MofNCompleteColumn()]
    if width >= NARROW:
        columns.append(TextColumn("{task.fields[rate]:,.0f} events/s"))
    if width >= WIDE:
        columns += [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
    return columns


class _Bar:
    """A progress bar on stderr; `seconds` run from the first request to the last commit."""

    def __init__(self, *, quiet: bool) -> None:
        self.events = 0
        self._started: float | None = None
        self._ended = 0.0
        self._progress = Progress(*columns(messages.width), console=messages, disable=quiet)
        self._task = self._progress.add_task("backfill", total=None, rate=0.0)
        self._first: int | None = None

    @property
    def seconds(self) -> float:
        return self._ended

    @contextmanager
    def shown(self) -> Iterator[None]:
        self._started = monotonic()
        with self._progress:
            yield

    def step(self, step: Step) -> None:
        """One batch further."""
        if self._first is None:
            self._first = step.from_block
        self.events, self._ended = step.events, step.seconds
        self._progress.update(
            self._task,
            total=step.to_block - self._first + 1,
            completed=step.block - self._first + 1,
            rate=step.events / step.seconds if step.seconds else 0.0,
        )
