"""The lines that are written."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from config.logging import configure_logging

logger = logging.getLogger("indexer.follow")
COLLECTED = ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing")


@pytest.fixture(autouse=True)
def _restore_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    collected = {name: getattr(logging, name) for name in COLLECTED}
    yield
    for name, value in collected.items():
        setattr(logging, name, value)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_a_json_line_keeps_every_extra_key():
    stream = io.StringIO()
    configure_logging("INFO", "json", stream)

    logger.info("block %s", "applied", extra={"block": 7, "hash": b"\x01", "level": "mine"})

    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "indexer.follow",
        "message": "block applied",
        "block": 7,
        "hash": "b'\\x01'",
    }


def test_a_text_line_shows_extra_keys_as_pairs():
    stream = io.StringIO()
    configure_logging("INFO", "text", stream)

    logger.warning("node is slow", extra={"ms": 12, "node": "a b"})

    assert stream.getvalue().endswith('WARNING indexer.follow: node is slow ms=12 node="a b"\n')


@pytest.mark.parametrize("kind", ["text", "json"])
def test_an_exception_is_written_with_its_trace(kind):
    stream = io.StringIO()
    configure_logging("INFO", kind, stream)

    try:
        raise ValueError("no such block")
    except ValueError:
        logger.exception("halted")

    assert "Traceback" in stream.getvalue()
    assert "no such block" in stream.getvalue()
    assert kind == "text" or len(stream.getvalue().splitlines()) == 1


def test_records_below_the_level_are_not_written_and_configuring_twice_writes_once():
    stream = io.StringIO()
    configure_logging("WARNING", "text", stream)
    configure_logging("WARNING", "text", stream)

    logger.info("hidden")
    logger.warning("shown")

    assert len(stream.getvalue().splitlines()) == 1
