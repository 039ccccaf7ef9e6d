"""Stretches of time that series are told in; they begin at round times, in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from api.problems import BadRequest, FieldError

HOUR = timedelta(hours=1)
INTERVALS = {"1h": HOUR, "4h": 4 * HOUR, "1d": 24 * HOUR, "1w": 7 * 24 * HOUR}
FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
"""Buckets are counted from here, so that days begin at midnight and weeks on Monday, UTC."""
DEFAULT_INTERVAL = "1d"
DEFAULT_BUCKETS, MAX_BUCKETS = 90, 1000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Blocks have no times before; whoever asks for year 1 is not told 100 000 empty weeks."""


@dataclass(frozen=True, slots=True)
class Series:
    """Buckets without gaps: each begins where the one before ends. `until` is the moment they are told at."""

    interval: str
    start: datetime
    count: int
    until: datetime

    @property
    def length(self) -> timedelta:
        return INTERVALS[self.interval]

    @property
    def end(self) -> datetime:
        return self.start + self.count * self.length

    @property
    def edges(self) -> list[tuple[datetime, datetime]]:
        """Start and end of each bucket; the start belongs to it, the end does not."""
        starts = [self.start + number * self.length for number in range(self.count)]
        return [(start, start + self.length) for start in starts]

    def bucket(self, start: datetime, end: datetime) -> dict[str, Any]:
        """How every bucket begins; one that the chain has not passed yet is not complete."""
        return {"start": start, "end": end, "isComplete": end <= self.until}


def number_of(time: datetime, interval: str) -> int:
    """The number of the bucket that a time falls into."""
    return (time - FIRST_MONDAY) // INTERVALS[interval]


def start_of(number: int, interval: str) -> datetime:
    """Where a bucket begins."""
    return FIRST_MONDAY + number * INTERVALS[interval]


def series_of(query: Mapping[str, Any], tip_time: datetime) -> Series:
    """The buckets that a query asks for: those that `from` and `to` fall into, and all between.

    Without `to` up to the tip, beyond which there is nothing to tell; without `from` DEFAULT_BUCKETS of them.
    Raises BadRequest where they are too many.
    """
    interval = query.get("interval", DEFAULT_INTERVAL)
    asked_from, asked_to = query.get("from_time"), query.get("to_time")
    last = number_of(max(min(asked_to or tip_time, tip_time), EARLIEST), interval)
    first = last - DEFAULT_BUCKETS + 1
    if asked_from is not None:
        first = number_of(max(asked_from, EARLIEST), interval)
    count = max(0, last - first + 1)
    if count > MAX_BUCKETS:
        raise BadRequest([FieldError("from", "query", _too_many(count, interval))])
    return Series(interval, start_of(first, interval), count, tip_time)


def _too_many(count: int, interval: str) -> str:
    return f"asks for {count} buckets of {interval}, at most {MAX_BUCKETS} are told at once: be narrower"
