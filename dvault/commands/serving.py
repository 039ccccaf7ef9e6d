"""`serve` and `up`: answer over HTTP, alone or together with the indexer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from threading import Event

import click

from dvault.console import Failure, explained, messages, settings
from dvault.database import prepare, store_of
from dvault.interruption import until_interrupted
from dvault.worker_metrics import share_metrics
from store import lifeline

THREADS, STREAMS = 16, 64
LOOK_SECONDS = 0.2


@click.command()
@click.option("--host", help="Address to bind to.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to bind to; 0 takes any free one.")
@explained
def serve(host: str | None, port: int | None) -> None:
    """Serve the API.

    \b
    Example:
      dvault serve --port 8080
    """
    from granian import Granian
    from granian.constants import Interfaces

    chosen = settings(host=host, port=port)
    free_port = usable_port(chosen.host, chosen.port)
    with store_of(chosen) as connection:
        prepare(connection)
        share_metrics(chosen.data_dir, free_port)
        server = Granian(
            "dvault.wsgi:make",
            factory=True,
            interface=Interfaces.WSGI,
            address=chosen.host,
            port=free_port,
            workers=chosen.api_workers,
            blocking_threads=THREADS + STREAMS,
            websockets=False,
            log_enabled=chosen.log_level == "DEBUG",
            workers_kill_timeout=5,
        )
        messages.print(f"serving on http://{chosen.host}:{free_port}")
        server.serve()


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the API; 0 takes any free one.")
@explained
def up(port: int | None) -> None:
    """Run the indexer and the API together; Ctrl-C stops both.

    \b
    Example:
      RPC_URLS=http://127.0.0.1:8545 dvault up --port 8080
    """
    chosen = settings(port=port)
    free_port = usable_port(chosen.host, chosen.port)
    with until_interrupted() as stopping, store_of(chosen) as connection:
        prepare(connection)
        _supervise([["run"], ["serve", "--host", chosen.host, "--port", str(free_port)]], stopping)


def usable_port(host: str, port: int) -> int:
    """The port, or any free one for 0; says at once that somebody else listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise Failure(f"cannot listen on {host}:{port} ({reason}); choose another --port") from error
        return int(probe.getsockname()[1])


def _supervise(commands: Sequence[Sequence[str]], stopping: Event) -> None:
    """Run commands of ours until one ends or we are told to stop; then stop them all."""
    keepers = [_kept(command) for command in commands]
    try:
        while not stopping.wait(LOOK_SECONDS):
            for command, keeper in zip(commands, keepers, strict=True):
                if keeper.poll() is not None:
                    raise Failure(
                        f"dvault {command[0]} ended with code {keeper.returncode}; stopping the other"
                    )
    finally:
        for keeper in keepers:
            assert keeper.stdin is not None
            keeper.stdin.close()
        for keeper in keepers:
            keeper.wait()


def _kept(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """A command of ours that ends when we do, however we end: its keeper stops it when the pipe closes."""
    ours = (sys.executable, "-m", "dvault", *command)
    return subprocess.Popen(
        [sys.executable, "-I", "-S", lifeline.__file__, *ours],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # Ctrl-C is for us alone: we stop the others.
        start_new_session=True,
    )
