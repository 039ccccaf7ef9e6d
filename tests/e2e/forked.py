"""`dvault` in processes that are forked from one which has imported it: a start costs milliseconds, not seconds.

They are real processes that run the real command line; only the interpreter's own start is shared.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from unittest import mock

from tests.e2e import dying, running
from tests.e2e.dying import End
from tests.e2e.running import ROOT, SECONDS, Done, Dvault, Market, Running

CONTEXT = multiprocessing.get_context("forkserver")


class Forked:
    """A forked child, with the face of a `subprocess` one."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return code

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def start(dvault: Dvault, *command: str, end: End | None = None) -> Running:
    """Start a command that ends itself where `end` says (None: nowhere); the fixture of `dvault` ends it too."""
    log = dvault.log_of(command)
    log.touch()
    return _start(dvault, command, log, log, end or End())


class Prepared(Dvault):
    """The command line whose processes are forked; standard input is empty."""

    def finish(self, *command: str, seconds: float = SECONDS, stdin: str = "") -> Done:
        assert not stdin, "a forked process reads nothing"
        err = self.log_of(command)
        out = err.with_suffix(".out")
        code = _start(self, command, out, err, End()).ended(seconds)
        done = Done(code, out.read_text(), err.read_text())
        assert "Traceback" not in done.err, done.err
        return done

    def start(self, *command: str) -> Running:
        # A server starts workers of its own, which a child of multiprocessing may not.
        return super().start(*command) if command[0] in ("serve", "up") else start(self, *command)


@contextmanager
def market(*args: Any, **settings: Any) -> Iterator[Market]:
    """As `running.market`, with commands that start at once."""
    with running.market(*args, **settings) as stage:
        dvault = stage.dvault
        yield replace(stage, dvault=Prepared(dvault.folder, dvault.environ, dvault.started))


def _start(dvault: Dvault, command: tuple[str, ...], out: Path, err: Path, end: End) -> Running:
    process = CONTEXT.Process(
        target=dying.run,
        args=(command, dict(dvault.environ), dvault.folder, (out, err), end),
        name=f"dvault {command[0]}",
        daemon=True,
    )
    CONTEXT.set_forkserver_preload([dying.__name__])
    # The first one starts the server, which looks for what it is to import here.
    with mock.patch.dict(os.environ, PYTHONPATH=str(ROOT)):
        process.start()
    dvault.started.append(Running(Forked(process), err))
    return dvault.started[-1]
