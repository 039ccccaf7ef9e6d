"""Keeps a mongod alive exactly as long as the program that started it.

Run as a program of its own: `python lifeline.py MONGOD ARGUMENT...`. Standard input is a pipe whose other
end the owner holds; when the owner ends, however it ends, the pipe closes and mongod is stopped cleanly.
The first line written to standard output is mongod's process id; the exit code is mongod's (128 + signal
if it was killed).
Uses the standard library only, so that it starts in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
from time import monotonic

PR_SET_PDEATHSIG = 1
CANNOT_EXECUTE = 126
STOP_SECONDS = 20.0


def main(command: list[str]) -> int:
    """Start mongod, and stay until it or the owner ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    children, notify = os.pipe()
    os.set_blocking(notify, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(notify, warn_on_full_buffer=False)
    pid = spawn(command)
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{pid}\n".encode())
    ready, _, _ = select.select([0, children], [], [])
    if 0 in ready and children not in ready:
        stop(pid, children)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def spawn(command: list[str]) -> int:
    """Fork and execute; this process has one thread, so the death signal means our death and nothing else."""
    pid = os.fork()
    if pid:
        return pid
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(CANNOT_EXECUTE)


def stop(pid: int, children: int) -> None:
    """Ask mongod to end, and kill it if it does not."""
    os.kill(pid, signal.SIGTERM)
    deadline = monotonic() + STOP_SECONDS
    ended, _, _ = select.select([children], [], [], max(0.0, deadline - monotonic()))
    if not ended:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.exit(code if code >= 0 else 128 - code)
