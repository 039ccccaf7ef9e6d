"""How log records are written: one line each, as text or as JSON, with every `extra` key kept."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Literal, TextIO

from config.gathered import GatheringHandler

LogFormat = Literal["text", "json"]

_ONE_WORD = re.compile(r"\S+").fullmatch
_ALWAYS = len(vars(logging.makeLogRecord({})))
"""So many attributes come first in every record."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def configure_logging(
    level: str, format: LogFormat, stream: TextIO | None = None, *, gathered: bool = False
) -> None:
    """Write every record from `level` up to `stream` (default: standard error); replaces what was set.

    `gathered`: for a process that writes thousands of lines a second (config.gathered).
    """
    handler = (GatheringHandler if gathered else logging.StreamHandler)(stream or sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    _collect_no_more_than_is_shown()


def _collect_no_more_than_is_shown() -> None:
    """As the standard library's logging HOWTO advises ("Optimization")."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class JsonLines(logging.Formatter):
    """One JSON object per record: time, level, logger, message, then the extra keys."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in _extra(record) if key not in line}
        if trace := _trace(self, record):
            line["exception"] = trace
        return json.dumps(line, default=str, ensure_ascii=False)


class TextLines(logging.Formatter):
    """`time LEVEL logger: message key=value …`, for eyes."""

    def format(self, record: logging.LogRecord) -> str:
        pairs = "".join([f" {key}={_word(value)}" for key, value in _extra(record)])
        line = f"{_time(record)} {record.levelname:<7} {record.name}: {record.getMessage()}{pairs}"
        trace = _trace(self, record)
        return f"{line}\n{trace}" if trace else line


def _time(record: logging.LogRecord) -> str:
    return f"{_second(int(record.created))}.{int(record.msecs):03}Z"


@lru_cache(maxsize=2)
def _second(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _extra(record: logging.LogRecord) -> list[tuple[str, Any]]:
    given = islice(vars(record).items(), _ALWAYS, None)
    return [pair for pair in given if pair[0] not in _STANDARD]


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    if record.exc_info and record.exc_info[0] is not None:
        return formatter.formatException(record.exc_info)
    return record.exc_text


def _word(value: object) -> str:
    text = str(value)
    return text if type(value) is int or _ONE_WORD(text) else json.dumps(text, ensure_ascii=False)
