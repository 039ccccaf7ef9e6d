"""`chaos-rpc`: a proxy before a node that lies, lags, limits and breaks off, as asked."""

from __future__ import annotations

import click
from rich.table import Table

from chain.chaos.exchange import Limits
from chain.chaos.proxy import ChaosProxy
from chain.chaos.storm import CHAPTERS, Storm, chosen
from chain.urls import endpoint_name
from config.logging import configure_logging
from dvault.console import Failure, answer, explained, messages
from dvault.interruption import until_interrupted

PER_SCENARIO = 0.1


@click.command(name="chaos-rpc")
@click.option("--upstream", metavar="URL", help="The node to answer for.")
@click.option(
    "--scenario", metavar="NAME[,NAME]", default="", help="What goes wrong; several at once if wanted."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="The same questions meet the same faults."
)
@click.option(
    "--rate", type=click.FloatRange(0, 1), default=PER_SCENARIO, show_default=True,
    help="Share of exchanges that a scenario spoils, unless it always does.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on loopback; 0 takes any free one."
)
@click.option(
    "--blocks", type=click.IntRange(1), default=10, show_default=True, help="Range that caps allow."
)
@click.option("--logs", type=click.IntRange(1), default=50, show_default=True, help="Logs that caps allow.")
@click.option(
    "--calls", type=click.IntRange(1), default=5, show_default=True, help="Calls that batches may have."
)
@click.option("--list", "listed", is_flag=True, help="Tell the scenarios, and end.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON; counts come at the end.")
@explained
def chaos_rpc(
    upstream: str | None, scenario: str, seed: int, rate: float, port: int,
    blocks: int, logs: int, calls: int, listed: bool, as_json: bool,
) -> None:  # fmt: skip
    """Answer for a node, with faults: see how settings hold. Until Ctrl-C.

    Point RPC_URLS at it, and index. It says what it does, and counts it.

    \b
    Example:
      dvault chaos-rpc --upstream http://127.0.0.1:8545 --scenario null-blocks,rate-limit-alchemy --port 9545
    """
    if listed:
        _tell_all(as_json)
        return
    if upstream is None or not scenario:
        raise Failure("--upstream and --scenario are needed; --list tells the scenarios")
    storm = Storm(chosen([name.strip() for name in scenario.split(",")]), seed=seed, rate=rate)
    configure_logging("INFO", "text")
    limits = Limits(blocks=blocks, logs=logs, calls=calls)
    with until_interrupted() as stopping, ChaosProxy(upstream, storm, limits=limits, port=port) as proxy:
        messages.print(f"misbehaving on {proxy.url} for {endpoint_name(upstream)}")
        stopping.wait()
    _tell_counts(storm, as_json)


def _tell_all(as_json: bool) -> None:
    if as_json:
        told = [
            {"name": each.name, "about": each.about, "always": each.always, "chapter": chapter}
            for chapter, scenarios in CHAPTERS.items()
            for each in scenarios
        ]
        answer({"scenarios": told})
        return
    for chapter, scenarios in CHAPTERS.items():
        table = Table(chapter, "", box=None, pad_edge=False)
        for each in scenarios:
            table.add_row(each.name, each.about + (" (always)" if each.always else ""))
        messages.print(table)


def _tell_counts(storm: Storm, as_json: bool) -> None:
    if as_json:
        answer({"exchanges": storm.exchanges, "injected": dict(storm.injected)})
        return
    told = ", ".join(f"{name} {count}" for name, count in storm.injected.most_common())
    messages.print(f"{storm.exchanges} exchanges; injected: {told}")
