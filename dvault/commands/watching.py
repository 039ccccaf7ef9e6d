"""`status`, `reorgs`, `quarantine`: what the store knows about itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click
from rich.table import Table

from config.settings import Settings
from dvault.cards import card_table
from dvault.console import answer, explained, messages, settings
from dvault.database import store_of
from dvault.interruption import until_interrupted
from store.connection import Connection
from store.errors import Interrupted, MongodUnavailable, StoreUnreachable
from store.pages import PageRequest
from store.reading import Reading
from store.status import shares

OK, SYNCING, LAGGING, FAILED, UNREACHABLE = 0, 2, 3, 4, 5
LAG_BLOCKS = 5
WATCH_SECONDS = 1.0


@click.command()
@click.option("--watch", is_flag=True, help="Show it again every second until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def status(watch: bool, as_json: bool) -> None:
    """Say where the indexer stands.

    The exit code tells it too: 0 up to date, 2 backfilling, 3 lagging or nobody indexing, 4 halted,
    5 the database cannot be reached.

    \b
    Example:
      dvault status --json | jq .lagBlocks
    """
    chosen = settings()
    try:
        with until_interrupted() as stopping, store_of(chosen) as connection:
            code = _show(connection, chosen, as_json)
            while watch and not stopping.wait(WATCH_SECONDS):
                code = _show(connection, chosen, as_json)
    except (StoreUnreachable, MongodUnavailable, Interrupted) as error:
        messages.print(f"[red]unreachable[/] {error}", soft_wrap=True)
        code = UNREACHABLE
    raise SystemExit(code)


def _show(connection: Connection, chosen: Settings, as_json: bool) -> int:
    report = report_of(connection, chosen.chain_id)
    code = exit_code(report)
    if as_json:
        answer(report)
    else:
        cards = report.pop("endpoints")
        messages.print(_table(report))
        if cards:
            messages.print(card_table(cards))
    return code


def report_of(connection: Connection, chain_id: int) -> dict[str, Any]:
    """The status document; the same keys whether or not anything was indexed."""
    standing = Reading(connection.database).standing()
    checkpoint: Mapping[str, Any] = standing.checkpoint or {}
    lease = standing.lease
    head, tip = checkpoint.get("head"), checkpoint.get("tip")
    now = datetime.now(UTC)
    lag_blocks = max(head["number"] - tip["number"], 0) if head and tip else 0
    return {
        "chainId": checkpoint.get("chainId", chain_id),
        "state": checkpoint.get("state", "unindexed"),
        "head": head,
        "tip": tip,
        "finalized": checkpoint.get("finalized"),
        "lagBlocks": lag_blocks,
        "lagSeconds": _lag_seconds(checkpoint, now) if lag_blocks else 0,
        "eventsPerSecond": checkpoint.get("eventsPerSecond", 0.0),
        "events": checkpoint.get("events", 0),
        "quarantined": checkpoint.get("quarantined", 0),
        "reorgs": checkpoint.get("reorgs", 0),
        "lease": {"holder": lease["holder"], "epoch": lease["epoch"]} if lease else None,
        "digest": checkpoint.get("digest"),
        "rollingDigest": checkpoint.get("rollingDigest"),
        "evidence": shares(checkpoint.get("evidence"), checkpoint.get("blooms")),
        "lastError": checkpoint.get("lastError"),
        "endpoints": [dict(card) for card in standing.endpoints["endpoints"]] if standing.endpoints else [],
    }


def _evidence_words(told: Mapping[str, Any]) -> str:
    parts = f"{told['provenShare']:.1%} proven by receipts, {told['vouchedShare']:.1%} with blooms"
    blooms = told["blooms"]
    return (
        parts
        if blooms is None
        else f"{parts}; blooms are unusable since {blooms['block']}: {blooms['reason']}"
    )


def exit_code(report: Mapping[str, Any]) -> int:
    """What the report means for a script."""
    if report["state"] == "halted":
        return FAILED
    if report["state"] in ("backfilling", "unindexed"):
        return SYNCING
    if report["lagBlocks"] > LAG_BLOCKS or report["lastError"] or report["lease"] is None:
        return LAGGING
    if any(card["state"] == "suspect" for card in report["endpoints"]):
        return LAGGING
    return OK


def _lag_seconds(checkpoint: Mapping[str, Any], now: datetime) -> int:
    time = checkpoint.get("tipTimestamp")
    return max(int((now - time).total_seconds()), 0) if time else 0


def _table(report: Mapping[str, Any]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in report.items():
        table.add_row(f"[dim]{key}[/]", _word(value))
    return table


def _word(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping) and "provenShare" in value:
        return _evidence_words(value)
    if isinstance(value, Mapping):
        return "  ".join(str(each) for each in value.values())
    return str(value)


@click.command()
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def reorgs(limit: int, as_json: bool) -> None:
    """List what reorgs took back, newest first.

    \b
    Example:
      dvault reorgs --limit 5
    """
    with store_of(settings()) as connection, Reading(connection.database).view() as view:
        found = view.status.reorgs(PageRequest(limit=limit)).rows
    rows: list[dict[str, Any]] = [{k: value for k, value in each.items() if k != "_id"} for each in found]
    if as_json:
        answer({"reorgs": rows})
        return
    table = Table("detected", "depth", "ancestor", "old tip", "events removed", box=None)
    for row in rows:
        ancestor, old_tip = row["ancestor"], row["oldTip"]
        cells = (row["detectedAt"], row["depth"], ancestor["number"], old_tip["number"], row["eventsRemoved"])
        table.add_row(*map(str, cells))
    messages.print(table if rows else "no reorg was seen")


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def quarantine(limit: int, as_json: bool) -> None:
    """List logs of ours that could not be understood, newest first.

    \b
    Example:
      dvault quarantine --json
    """
    with store_of(settings()) as connection:
        newest = [("blockNumber", -1), ("logIndex", -1)]
        found = list(connection.database["quarantine"].find(sort=newest, limit=limit))
    rows = [{**each, "_id": str(each["_id"]), "data": "0x" + each["data"].hex()} for each in found]
    if as_json:
        answer({"quarantine": rows})
        return
    table = Table("block", "log", "address", "transaction", "reason", box=None)
    for row in rows:
        cells = (row["blockNumber"], row["logIndex"], row["address"], row["transactionHash"], row["reason"])
        table.add_row(*map(str, cells))
    messages.print(table if rows else "nothing is quarantined")
