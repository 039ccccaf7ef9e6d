"""Positions too long for a cursor: of a list by names, since the chain bounds no name.

In place of the name they say whose it is. An asset keeps the name of its mint for good.
"""

from __future__ import annotations

import bson
from bson import ObjectId

from store.snapshot import Snapshot

LONGEST = 1000
"""Bytes of a position as it is."""
NAME_OF = b"name of "
"""What a shortened position begins with; no other one does."""


def shortened(position: bytes) -> bytes:
    """The position, or what stands for it."""
    if len(position) <= LONGEST:
        return position
    asset: ObjectId = bson.decode(position)["k"][-1]
    return NAME_OF + asset.binary


def whole(snapshot: Snapshot, position: bytes) -> bytes | None:
    """The position that this one stands for; None where its asset is gone."""
    if not position.startswith(NAME_OF):
        return position
    asset = ObjectId(position[len(NAME_OF) :])
    found = snapshot.find("assets", {"_id": asset}, projection={"name": 1}, limit=1)
    return bson.encode({"k": [found[0]["name"], asset]}) if found else None
