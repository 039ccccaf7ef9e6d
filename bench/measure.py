"""Run a command and say what it cost: wall clock, peak memory, processor time."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

SAMPLE_SECONDS = 0.02
NOT_OURS = ("mongod", "node", "anvil")
"""Servers that a command may start, whose memory is not the command's own."""


class CommandFailed(Exception):
    """The measured command ended with an error, so its figures mean nothing."""

    def __init__(self, command: Sequence[str], code: int, output: str) -> None:
        super().__init__(f"{' '.join(command)} ended with {code}:\n{output[-4000:]}")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took. Memory in MB (10**6 bytes): of the process itself, and summed over its tree."""

    wall_seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    peak_tree_rss_mb: float
    output: str
    """Standard output."""


def measured(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run in the folder to the end; raises CommandFailed unless that is 0. CPU includes ended children."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=errors, cwd=folder, env=environment)
        code, cpu_seconds, peak, tree_peak = watched(process)
        wall = time.perf_counter() - started
        if code != 0:
            raise CommandFailed(command, code, content(out) + content(errors))
        return Cost(wall, cpu_seconds, peak / 1e6, tree_peak / 1e6, content(out))


def watched(process: subprocess.Popen[bytes]) -> tuple[int, float, int, int]:
    """Sample until it ends; (exit code, CPU seconds, peak bytes of the process, of its tree)."""
    peak = tree_peak = 0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_utime + usage.ru_stime, peak, max(peak, tree_peak)
        own, tree = resident_bytes(process.pid)
        peak, tree_peak = max(peak, own), max(tree_peak, tree)
        time.sleep(SAMPLE_SECONDS)


def resident_bytes(pid: int) -> tuple[int, int]:
    """(high-water mark of the process, resident now in its tree without the servers it started)."""
    try:
        process = psutil.Process(pid)
        own = high_water_mark(pid) or process.memory_info().rss
        tree = sum(
            member.memory_info().rss
            for member in (process, *process.children(recursive=True))
            if member.name() not in NOT_OURS
        )
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0, 0
    return own, tree


def high_water_mark(pid: int) -> int:
    """The kernel's own peak in bytes, so that no spike hides between samples; 0 where it keeps none."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
