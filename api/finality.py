"""`finality=finalized`: answers from what is settled, where that can be told exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.past_problems import BlockTimeUnknown
from api.problems import BadRequest, FieldError, NothingIndexed
from store.documents import CheckpointDocument
from store.reading import View
from store.settled_view import NotSettled, SettledView, settled_checkpoint

NO_BLOCK = "cannot be combined with asOfBlock: either names the block to answer at"
NO_FACETS = "cannot be combined with finality=finalized: facets count the assets as of the tip"


def as_settled(view: View, query: Mapping[str, Any], rule: str) -> View:
    """The view to answer a route from. Raises BadRequest, BlockTimeUnknown, NothingIndexed."""
    if query.get("finality") is None:
        return view
    if "as_of_block" in query:
        raise BadRequest([FieldError("finality", "query", NO_BLOCK)])
    if "facets" in query:
        raise BadRequest([FieldError("facets", "query", NO_FACETS)])
    try:
        then = SettledView(view)
    except NotSettled as error:
        raise NothingIndexed(str(error)) from error
    needs_time = rule.endswith(("/price-history", "/stats"))
    if needs_time and then.checkpoint and then.checkpoint["tipTimestamp"] is None:
        raise BlockTimeUnknown(f"the time of block {then.finalized}, where windows begin, is not kept")
    return then


def settled(standing: CheckpointDocument) -> CheckpointDocument:
    """Where we would stand if the chain ended with the finalized block. Raises NothingIndexed."""
    try:
        return settled_checkpoint(standing)
    except NotSettled as error:
        raise NothingIndexed(str(error)) from error
