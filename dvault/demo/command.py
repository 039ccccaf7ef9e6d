"""`demo`: a market that plays by itself, and everything of ours that follows it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import time

import click

from chain.transactions import DevRpcError
from dvault.cli import INTERRUPTED
from dvault.console import Failure, answer, explained, messages
from dvault.demo.answers import NotFollowed
from dvault.demo.player import DeedRefused
from dvault.demo.processes import ChildFailed
from dvault.demo.show import Plan, Show

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FAULTS = (ChildFailed, DeedRefused, DevRpcError, NotFollowed)


class PortTaken(Failure):
    """Somebody else listens there."""

    def __init__(self, port: int, why: str) -> None:
        super().__init__(
            f"port {port} of 127.0.0.1 cannot be used ({why}): stop what uses it, or give another --port; "
            "--port 0 takes any free one"
        )


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True,
    help="Port of the API on 127.0.0.1; 0 takes any free one.",
)  # fmt: skip
@click.option(
    "--assets", type=click.IntRange(1, 500), default=60, show_default=True, help="How many assets are minted."
)
@click.option(
    "--days", type=click.IntRange(1, 365), default=90, show_default=True, help="How many days are played."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed is another story.")
@click.option("--once", is_flag=True, help="Play a little of the live part, verify, sum up as JSON, and end.")
@explained
def demo(port: int, assets: int, days: int, seed: int, once: bool) -> None:
    """Play a market on a chain of its own, index it and serve it, until Ctrl-C.

    Everything is embedded and on loopback: a development chain, a database, the indexer, the API. History is
    played and indexed first; then something happens every few seconds, and a reorg now and then.

    \b
    Example:
      dvault demo --once --assets 20 --days 20 --port 8123
    """
    plan = Plan(assets, days, seed, free_port(port), int(time()))
    with ended_by_signals() as ignore_signals, ExitStack() as last_words, ExitStack() as stack:
        show = Show(plan, stack)
        try:
            differences = _play(show, once)
        except KeyboardInterrupt:
            messages.print("\nstopping everything …")
            last_words.callback(messages.print, "stopped; nothing is left behind")
            # Where nothing else would end it, a signal is the ordinary end.
            raise SystemExit(0 if show.is_live and not once else INTERRUPTED) from None
        finally:
            # What is left is to stop what was started; impatience must not cut that short.
            ignore_signals()
    if differences:
        raise Failure(f"`verify` found {differences} differences between the store and the chain")


def _play(show: Show, once: bool) -> int | None:
    """Returns how many differences there were."""
    try:
        show.prepare()
        if not once:
            show.go_on()
        summary = show.finish()
    except FAULTS as fault:
        raise Failure(str(fault).replace("[", "\\[")) from fault
    answer(summary)
    return int(summary["verifyDifferences"])


def free_port(wanted: int) -> int:
    """The wanted port of loopback, or any free one for 0. Raises PortTaken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise PortTaken(wanted, (error.strerror or "unknown").lower()) from error
        return int(probe.getsockname()[1])


@contextmanager
def ended_by_signals() -> Iterator[Callable[[], None]]:
    """Make every request to end a KeyboardInterrupt; yields what makes them be ignored."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in STOPPING_SIGNALS}

    def ignore() -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)

    try:
        yield ignore
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
