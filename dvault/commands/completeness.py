"""`prove` and `digest`: is anything missing, and do two databases say the same?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from time import monotonic
from typing import Any

import click
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from chain.node import Node
from config.settings import Settings
from dvault.composition import (
    abis,
    check_chain,
    contracts_of,
    exclusive,
    guest_ledger,
    node_of,
    offline_following,
    reading_ledger,
)
from dvault.console import FAILED, Failure, answer, explained, messages, settings
from dvault.database import prepare, store_of
from indexer.gather import Gatherer
from indexer.heights import Digests, digests_at
from indexer.market_documents import market_state
from indexer.mend import mend
from indexer.prove import By, Finding, Prover, Step
from indexer.replay import NothingIndexed
from indexer.truth import Truth
from store.connection import Connection

SHOWN_FINDINGS = 20


@click.command()
@click.option("--from-block", type=click.IntRange(min=0), help="First block; default: the start block.")
@click.option(
    "--to-block", type=click.IntRange(min=0), help="Last block; default and at most: the final one."
)
@click.option(
    "--by",
    type=click.Choice(["receipts", "bloom"]),
    default="receipts",
    show_default=True,
    help="Receipts prove; blooms are cheap, and where they speak of logs we lack, receipts are asked for.",
)
@click.option("--mend", "wants_mending", is_flag=True, help="Put the true logs in, and fold history again.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def prove(from_block: int | None, to_block: int | None, by: By, wants_mending: bool, as_json: bool) -> None:
    """Show that no log of ours is missing.

    The receipts of final blocks are fetched, and their roots computed and held against the headers. What
    is proven is remembered, and shown by `dvault status`. Without --from-block, blocks that are proven
    already are passed over. It may run beside the indexer; for --mend the indexer has to be stopped. Exit
    code 1 unless every block could be proven, or mended.

    \b
    Example:
      dvault prove --from-block 1000 --to-block 1999
    """
    chosen = settings()
    started = monotonic()
    with store_of(chosen) as connection, node_of(chosen) as node:
        check_chain(chosen, node)
        first, last = _range(connection, from_block, to_block)
        steps = _proven(chosen, connection, node, by, first, last, from_block is not None, quiet=as_json)
        findings = [found for step in steps for found in step.findings]
        mended = _mended(chosen, connection, node, findings) if wants_mending else 0
        evidence = (reading_ledger(connection).checkpoint() or {})["evidence"]
    report = {
        "fromBlock": first,
        "toBlock": last,
        "by": by,
        "vouched": sum(step.vouched for step in steps),
        "findings": [{"kind": f.kind, "block": f.block, "detail": f.detail} for f in findings],
        "mended": mended,
        "evidence": evidence,
        "seconds": round(monotonic() - started, 3),
    }
    if as_json:
        answer(report)
    else:
        _tell(report)
    if len(findings) > mended:
        raise SystemExit(FAILED)


def _range(connection: Connection, from_block: int | None, to_block: int | None) -> tuple[int, int]:
    """The final blocks of ours that are wanted, both ends inclusive."""
    document = reading_ledger(connection).checkpoint()
    if document is None or document["finalized"] is None:
        raise NothingIndexed
    start, final = int(document["startBlock"]), int(document["finalized"]["number"])
    first, last = start if from_block is None else from_block, final if to_block is None else to_block
    if first < start:
        raise Failure(f"--from-block {first} is before the start block {start}: nothing of ours is there")
    if first > final:
        raise Failure(f"block {first} is not final yet, block {final} is; only final blocks are proven")
    if last < first:
        raise Failure(f"--to-block {last} is before block {first}")
    if last > final:
        messages.print(f"block {last} is not final yet: proving up to block {final}")
    return first, min(last, final)


def _proven(
    chosen: Settings,
    connection: Connection,
    node: Node,
    by: By,
    first: int,
    last: int,
    again: bool,
    *,
    quiet: bool,
) -> list[Step]:
    seed = market_state(reading_ledger(connection).market("seed"))
    prover = Prover(
        node, lambda: guest_ledger(connection), Truth(node, contracts_of(chosen), abis(), seed), by
    )
    steps = []
    with _bar(last - first + 1, quiet) as bar:
        for step in prover.run(first, last, again=again):
            bar.update(bar.task_ids[0], completed=step.to_block - first + 1)
            steps.append(step)
    return steps


@contextmanager
def _bar(blocks: int, quiet: bool) -> Iterator[Progress]:
    columns = (
        TextColumn("blocks"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages, disable=quiet) as bar:
        bar.add_task("prove", total=blocks)
        yield bar


def _mended(chosen: Settings, connection: Connection, node: Node, findings: list[Finding]) -> int:
    """How many findings were mended."""
    wrong = [found for found in findings if found.truth is not None]
    if not wrong:
        return 0
    prepare(connection)
    gatherer = Gatherer(node, enrich=chosen.enrichment == "full")
    with exclusive(chosen, connection) as ledger:
        mend(ledger, offline_following(chosen, node), gatherer, wrong)
    return len(wrong)


def _tell(report: dict[str, Any]) -> None:
    findings = report["findings"]
    looked_at = f"blocks {report['fromBlock']} to {report['toBlock']}, by {report['by']}"
    verdict = "" if findings else "; nothing is missing"
    messages.print(f"{looked_at}: {report['vouched']} more are vouched for now{verdict}")
    if not findings:
        return
    table = Table("block", "finding", "detail", box=None)
    for found in findings[:SHOWN_FINDINGS]:
        table.add_row(str(found["block"]), found["kind"], escape(found["detail"]))
    messages.print(table)
    if len(findings) > SHOWN_FINDINGS:
        messages.print(f"… and {len(findings) - SHOWN_FINDINGS} more; --json has them all")
    messages.print(_advice(report))


def _advice(report: dict[str, Any]) -> str:
    wrong = [
        found["block"] for found in report["findings"] if found["kind"] in ("missing", "surplus", "differs")
    ]
    if report["mended"]:
        return f"{report['mended']} blocks were mended and history was folded again"
    if wrong:
        return (
            "our logs are wrong there: stop the indexer, then "
            f"`dvault prove --from-block {min(wrong)} --to-block {max(wrong)} --mend`"
        )
    return "nothing of ours was shown to be wrong: ask other nodes (RPC_URLS), or see docs/evidence.md"


@click.command()
@click.option(
    "--at", "at_block", type=click.IntRange(min=0), help="A block at or below our tip; default: the tip."
)
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def digest(at_block: int | None, as_json: bool) -> None:
    """Say the digests of events and state at one block.

    Two databases that followed the same contracts on the same chain give the same digests at every height.
    At the tip the stored ones are told; below it, history is folded up to the block. Nothing is written and
    no node is asked.

    \b
    Example:
      dvault digest --at 1200 --json
    """
    chosen = settings()
    with store_of(chosen) as connection, node_of(chosen) as node:
        ledger = reading_ledger(connection)
        stored = _stored_digests(ledger.checkpoint()) if at_block is None else None
        if stored is not None:
            found = stored
        else:
            number = _tip(ledger.checkpoint()) if at_block is None else at_block
            found = digests_at(ledger, offline_following(chosen, node), number)
    if as_json:
        told = asdict(found)
        answer({"block": told["block"], "rollingDigest": told["rolling"], "digest": told["state"],
                "events": told["events"]})  # fmt: skip
        return
    messages.print(f"block {found.block}, {found.events} events")
    messages.print(f"rolling digest {found.rolling}\nstate digest   {found.state}")


def _stored_digests(document: dict[str, Any] | None) -> Digests | None:
    """What the checkpoint says; None while it says nothing of the state."""
    number = _tip(document)
    assert document is not None
    if document["digest"] is None:
        return None
    return Digests(number, document["rollingDigest"], document["digest"], document["events"])


def _tip(document: dict[str, Any] | None) -> int:
    if document is None or document["tip"] is None:
        raise NothingIndexed
    return int(document["tip"]["number"])
