"""Lines of a busy process: late by a moment, never out of order, never lost but with those who are killed."""

import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from queue import Queue

import pytest

from config import gathered
from config.gathered import GatheredLines, GatheringHandler


class Refusing(io.StringIO):
    """A stream whose disk is full for a while."""

    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


@pytest.fixture
def never(monkeypatch) -> None:
    """The moment does not come while the test looks."""
    monkeypatch.setattr(gathered, "GATHER_SECONDS", 3600)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(never, stream) -> Iterator[logging.Logger]:
    logger, handler = logging.getLogger("tests.gathered"), GatheringHandler(stream)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield logger
    logger.removeHandler(handler)


def test_lines_wait_until_something_warns_and_come_before_it(logger, stream):
    logger.info("one")
    logger.info("two")
    assert stream.getvalue() == ""

    logger.warning("three")

    assert stream.getvalue() == "one\ntwo\nthree\n"


def test_lines_are_written_soon_though_nothing_warns(monkeypatch):
    monkeypatch.setattr(gathered, "GATHER_SECONDS", 0.001)
    taken: Queue[str] = Queue()

    class Taking(io.StringIO):
        def write(self, text: str) -> int:
            taken.put(text)
            return len(text)

    lines = GatheredLines(Taking())
    for number in range(3):
        lines.write(f"{number}\n")

    written = ""
    while "2\n" not in written:
        written += taken.get(timeout=30)
    assert written == "0\n1\n2\n"


def test_closing_writes_what_waits(never, stream):
    handler = GatheringHandler(stream)
    handler.emit(logging.makeLogRecord({"msg": "last", "levelno": logging.INFO}))

    handler.close()

    assert stream.getvalue() == "last\n"


def test_lines_that_a_full_disk_refused_are_counted_and_told(never):
    disk = Refusing()
    lines = GatheredLines(disk)
    lines.write("one\n")
    lines.write("two\n")
    lines.release()
    lines.write("three\n")
    disk.full = False

    lines.release()
    lines.write("four\n")
    lines.release()

    assert disk.getvalue() == "2 lines of the log could not be written\nthree\nfour\n"


def test_lines_do_not_fill_the_memory_while_nobody_takes_them(never, stream, monkeypatch):
    monkeypatch.setattr(gathered, "MOST_LINES", 2)
    lines = GatheredLines(stream)
    for number in range(5):
        lines.write(f"{number}\n")

    lines.release()

    assert stream.getvalue() == "3 lines of the log could not be written\n0\n1\n"


LAST_WORDS = """
import logging, multiprocessing
from config import gathered
from config.logging import configure_logging

def speak():
    gathered.GATHER_SECONDS = 3600
    configure_logging("INFO", "text", gathered=True)
    logging.info("last words")

if {forked}:
    process = multiprocessing.get_context("fork").Process(target=speak)
    process.start()
    process.join()
else:
    speak()
"""


@pytest.mark.parametrize("forked", [True, False])
def test_a_process_that_ends_writes_its_last_lines(forked):
    program = LAST_WORDS.format(forked=forked)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stderr.count("last words") == 1
