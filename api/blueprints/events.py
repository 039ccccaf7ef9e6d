"""What happens, as it happens: by long poll, and as a stream."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from api.endpoints import Blueprint, chain_response
from api.freshness import indexed, waiting
from api.limiting.gate import asking
from api.listening import EVENTS_AT_ONCE, Stream, check_place, event_filter
from api.lists import Query
from api.problems import BadRequest, FieldError, TooManyStreams
from api.requests import EventsQuery, StreamQuery
from api.responses import present_event
from api.schemas.events import Event, Events
from api.services import services
from store.reading import View

blueprint = Blueprint("events", __name__, url_prefix="/api")

ALL_TAKEN = "every place for streams is taken; try again, or use GET /api/events?wait=20"
SHARE_TAKEN = "your address has as many streams open as it may; close one, or use GET /api/events?wait=20"

Page = tuple[dict[str, Any], Any]


@blueprint.answers("/events", "listEvents", Events, EventsQuery, 410)
def list_events(query: Query) -> Response:
    """List events after a place in the sequence, oldest first; with `wait`, once there are any.

    Go on after `next`. Blocks, finality and reorgs are always told; a retraction names the row that a reorg
    took back.
    """
    wanted, limit = event_filter(query), query.get("limit", EVENTS_AT_ONCE)
    after: int | None = query.get("after")
    quiet: list[Page] = []

    def attempt(view: View) -> Page | None:
        nonlocal after
        newest = indexed(view)["seq"]
        after = newest if after is None else after
        check_place(view, after)
        events = view.told.after(after, wanted, limit)
        place = events[-1]["_id"] if len(events) == limit else newest
        told = {"events": [present_event(each) for each in events], "next": place}
        page = {**told, "newest": newest}, indexed(view)
        quiet[:] = [page]
        return page if events else None

    found = waiting(services(), query.get("wait", 0), attempt)
    return chain_response(*(found or quiet[0]))


@blueprint.answers("/stream", "streamEvents", Event, StreamQuery, 410, content_type="text/event-stream")
def stream_events(query: Query) -> Response:
    """Stream events (SSE) after `Last-Event-ID`, or after `after`, or from now on.

    `id` is the place in the sequence, `event` the type, `data` the same JSON as in GET /api/events. After
    quarter of an hour the stream ends, and a browser comes again by itself where it left off.
    """
    places, who = services().streams, asking()
    if not places.take(who):
        raise TooManyStreams(SHARE_TAKEN if places.has_share(who) else ALL_TAKEN)
    try:
        with services().reading.view() as view:
            after = _place(query, indexed(view)["seq"])
            check_place(view, after)
    except BaseException:
        places.leave(who)
        raise
    response = Response(iter(Stream(services(), event_filter(query), after)), mimetype="text/event-stream")
    response.headers |= {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response.call_on_close(lambda: places.leave(who))
    return response


def _place(query: Query, newest: int) -> int:
    """What the browser says when it comes again wins over the URL, which stays the same."""
    told = request.headers.get("Last-Event-ID", "").strip()
    if not told:
        return int(query.get("after", newest))
    if not (told.isascii() and told.isdigit() and len(told) <= 18):
        raise BadRequest(
            [FieldError("Last-Event-ID", "header", "must be the id of an event, a whole number")]
        )
    return int(told)
