"""Answers for those who listen: what is new after a place in the sequence, once or as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from api.freshness import indexed
from api.newest import LOOK_SECONDS
from api.problems import EventsGone, NothingIndexed
from api.responses import present_event
from api.services import Services
from store.documents import EventDocument
from store.errors import StoreUnreachable
from store.reading import View
from store.told import EventFilter

HEARTBEAT_SECONDS = 15.0
LONGEST_STREAM_SECONDS = 900.0
"""Then the client comes again by itself, where it left off; so servers can be replaced."""
EVENTS_AT_ONCE = 200
BEGINNING = b"retry: 1000\nid: %d\n\n"
HEARTBEAT = b": still here\nid: %d\n\n"
"""An id without data moves the place of a browser, and tells it nothing."""


def event_filter(query: Mapping[str, Any]) -> EventFilter:
    types = query.get("type")
    return EventFilter(None if types is None else tuple(types), query.get("token_id"), query.get("wallet"))


def check_place(view: View, seq: int) -> None:
    """Raises EventsGone where events after this place are no longer kept, or were never told."""
    newest, oldest = indexed(view)["seq"], view.told.oldest()
    start = f"/api/events?after={newest}"
    if seq > newest:
        raise EventsGone(
            f"event {seq} was never told here, the newest is {newest}: "
            f"the database was set up anew; read the state again and go on after {newest}",
            start=start,
        )
    if seq < (newest if oldest is None else oldest - 1):
        raise EventsGone(
            f"events after {seq} are no longer kept; read the state again and go on after {newest}",
            start=start,
        )


class Stream:
    """Server-sent events for one listener, from a place in the sequence on. Iterate once."""

    def __init__(self, services: Services, wanted: EventFilter, after: int) -> None:
        self._services, self._wanted, self._place = services, wanted, after

    def __iter__(self) -> Iterator[bytes]:
        clock = self._services.clock
        ends = clock.monotonic() + LONGEST_STREAM_SECONDS
        quiet_since = clock.monotonic()
        yield BEGINNING % self._place
        while (now := clock.monotonic()) < ends:
            told = self._news()
            if told is None:
                return
            if told:
                yield b"".join(told)
                quiet_since = now
            elif now - quiet_since >= HEARTBEAT_SECONDS:
                yield HEARTBEAT % self._place
                quiet_since = now
            else:
                clock.sleep(LOOK_SECONDS)

    def _news(self) -> list[bytes] | None:
        """What was told since; None where the listener must come again and be told why."""
        try:
            if self._services.newest.seq() <= self._place:
                return []
            with self._services.reading.view() as view:
                return self._read(view)
        except (StoreUnreachable, NothingIndexed, EventsGone):
            return None

    def _read(self, view: View) -> list[bytes]:
        check_place(view, self._place)
        newest = indexed(view)["seq"]
        events = view.told.after(self._place, self._wanted, EVENTS_AT_ONCE)
        self._place = events[-1]["_id"] if len(events) == EVENTS_AT_ONCE else newest
        return [frame(event) for event in events]


def frame(event: EventDocument) -> bytes:
    """One event as it travels: its place as id, its type as name, JSON as data."""
    data = orjson.dumps(present_event(event), option=orjson.OPT_UTC_Z)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event["_id"], event["type"].encode(), data)
