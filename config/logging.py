"""How log records are written: one line each, as text or as JSON, with every `extra` key kept."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

LogFormat = Literal["text", "json"]

_ONE_WORD = re.compile(r"\S+").fullmatch
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def configure_logging(level: str, format: LogFormat, stream: TextIO | None = None) -> None:
    """Write every record from `level` up to `stream` (default: standard error); replaces what was set."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)


class JsonLines(logging.Formatter):
    """One JSON object per record: time, level, logger, message, then the extra keys."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in _extra(record).items() if key not in line}
        if trace := _trace(self, record):
            line["exception"] = trace
        return json.dumps(line, default=str, ensure_ascii=False)


class TextLines(logging.Formatter):
    """`time LEVEL logger: message key=value …`, for eyes."""

    def format(self, record: logging.LogRecord) -> str:
        pairs = "".join(f" {key}={_word(value)}" for key, value in _extra(record).items())
        line = f"{_time(record)} {record.levelname:<7} {record.name}: {record.getMessage()}{pairs}"
        trace = _trace(self, record)
        return f"{line}\n{trace}" if trace else line


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    if record.exc_info and record.exc_info[0] is not None:
        return formatter.formatException(record.exc_info)
    return record.exc_text


def _word(value: object) -> str:
    text = str(value)
    return text if _ONE_WORD(text) else json.dumps(text, ensure_ascii=False)
