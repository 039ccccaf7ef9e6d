"""What happened, across all assets."""

from __future__ import annotations

from typing import Any

from api.endpoints import Blueprint
from api.lists import Query, page_of_activity
from api.requests import ActivityQuery
from api.schemas.rows import ActivityList
from store.reading import View

blueprint = Blueprint("activity", __name__, url_prefix="/api/activity")


@blueprint.reads("", "listActivity", ActivityList, ActivityQuery)
def list_activity(view: View, query: Query) -> dict[str, Any]:
    """List what happened, newest first: deeds, and prices set without one."""
    return page_of_activity(view, query)
