"""Our own commands as processes that never outlive us.

Each runs under a keeper (store.lifeline) which holds the other end of a pipe: when we end, however we
end, the pipe closes and the keeper stops the command.

ChildFailed   a command ended that should not have, or with an error
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from chain.contracts import ROOT
from store import lifeline

STOP_SECONDS = lifeline.STOP_SECONDS + 5.0
LAST_LINES = 12
POLL_SECONDS = 0.05


class ChildFailed(RuntimeError):
    """A command of ours ended when it should not have; shows the last it wrote."""

    def __init__(self, name: str, code: int, wrote: Path) -> None:
        lines = wrote.read_text(errors="replace").splitlines()[-LAST_LINES:]
        said = "\n".join(f"  {line}" for line in lines) or "  nothing"
        super().__init__(f"dvault {name} ended with code {code}; the last it wrote:\n{said}")


class Child:
    """One command of ours. What it answers goes to `<name>.out`, what it tells to `<name>.log`."""

    def __init__(self, command: tuple[str, ...], folder: Path, environ: Mapping[str, str]) -> None:
        self.name = command[0]
        self.out, self.log = folder / f"{self.name}.out", folder / f"{self.name}.log"
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self._keeper = self._start(command, environ, out, log)

    def _start(
        self, command: tuple[str, ...], environ: Mapping[str, str], out: IO[bytes], log: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        ours = (sys.executable, "-m", "dvault", *command)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", lifeline.__file__, *ours],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=None if self.shows_itself(command) else log,
            env=dict(environ),
            # Settings of a .env in the folder of whoever started us are not ours.
            cwd=self.out.parent,
            # Ctrl-C is for us alone: we stop the others in order.
            start_new_session=True,
        )

    @staticmethod
    def shows_itself(command: tuple[str, ...]) -> bool:
        """Whether it draws on our terminal."""
        return command[0] == "backfill" and sys.stderr.isatty()

    def failed(self) -> ChildFailed:
        return ChildFailed(self.name, self._keeper.wait(), self.log)

    def has_ended(self) -> bool:
        return self._keeper.poll() is not None

    def wait(self) -> int:
        """Wait for its end; returns its exit code."""
        return self._keeper.wait()

    def answer(self) -> str:
        """The last line it printed; the first one is the keeper's, a process id."""
        lines = self.out.read_text().splitlines()[1:]
        return lines[-1] if lines else ""

    def ask_to_end(self) -> None:
        """Close the pipe: the keeper passes it on as SIGTERM."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()

    def stop(self) -> None:
        """See to it that it has ended, and whatever it started with it."""
        self.ask_to_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._keeper.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._keeper.pid, signal.SIGKILL)
        self._keeper.wait()


class Crew:
    """The commands that run for one demo, with one configuration and one folder."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = {**environ, "PYTHONPATH": str(ROOT)}
        self._staying: list[Child] = []

    def stay(self, *command: str) -> Child:
        """Start a command that is to run until we end."""
        child = Child(command, self._folder, self._environ)
        self._staying.append(child)
        return child

    def finish(self, *command: str, may_fail: bool = False) -> Child:
        """Run a command to its end. Raises ChildFailed."""
        child = Child(command, self._folder, self._environ)
        try:
            code = child.wait()
        finally:
            child.stop()
        if code != 0 and not may_fail:
            raise child.failed()
        return child

    def check(self) -> None:
        """Raise ChildFailed if one of those that stay has gone."""
        for child in self._staying:
            if child.has_ended():
                raise child.failed()

    def pause(self, seconds: float) -> None:
        """Let time pass, and notice at once when one of them goes."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            self.check()
            sleep(min(left, POLL_SECONDS))

    def stop(self) -> None:
        """Stop all, at the same time."""
        for child in self._staying:
            child.ask_to_end()
        for child in self._staying:
            child.stop()
