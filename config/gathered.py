"""Log lines of a busy process: gathered, and written together a moment later."""

from __future__ import annotations

import logging
import time
from collections import deque
from multiprocessing.util import Finalize
from threading import Lock, Thread
from typing import TextIO

GATHER_SECONDS = 0.05
"""How late a line may be."""
MOST_LINES = 100_000
"""Kept while the stream takes none, such as a pipe that nobody reads."""


class GatheredLines:
    """A stream for many threads: a line costs none of them a system call, nor a wait for another one's.

    What is killed outright takes the lines of the last GATHER_SECONDS with it; what ends otherwise writes
    them. Lines that the stream beneath refuses are lost, and their number is written as soon as it takes any.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[str] = deque()
        self._writing = Lock()
        self._lost = 0
        self._writer: Thread | None = None

    def write(self, line: str) -> None:
        """Keep a line, its end included, and have it written soon."""
        if len(self._lines) >= MOST_LINES:
            self._lost += 1
            return
        self._lines.append(line)
        if self._writer is None:
            self._start()

    def release(self) -> None:
        """Write all lines that were kept before this call."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if not lines and not self._lost:
                return
            told = [f"{self._lost} lines of the log could not be written\n"] if self._lost else []
            try:
                self._stream.write("".join(told + lines))
                self._stream.flush()
                self._lost = 0
            except (OSError, ValueError):
                self._lost += len(lines)

    def _start(self) -> None:
        self._writer = Thread(target=self._write_forever, name="log", daemon=True)
        self._writer.start()
        # Unlike `atexit`, known to the processes of multiprocessing too.
        Finalize(self, self.release, exitpriority=0)

    def _write_forever(self) -> None:
        while True:
            time.sleep(GATHER_SECONDS)
            self.release()


class GatheringHandler(logging.StreamHandler[GatheredLines]):
    """Writes what warns at once, after everything before it, and the rest a moment later."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(GatheredLines(stream))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's line, and have it written."""
        super().emit(record)
        if record.levelno >= logging.WARNING:
            self.stream.release()

    def flush(self) -> None:
        """Called for every record: lines wait."""

    def close(self) -> None:
        """Write what waits."""
        self.stream.release()
        super().close()
