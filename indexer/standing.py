"""Where the indexer stands: what the checkpoint says, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from chain.values import BlockRef, Header
from indexer.digest import to_text
from indexer.rolling import START

State = Literal["backfilling", "live", "halted"]


class Standing(msgspec.Struct, frozen=True):
    """A checkpoint; `digest` is None until the first backfill is through."""

    chain_id: int
    start_block: int
    state: State
    tip: BlockRef | None
    tip_timestamp: int | None
    finalized: BlockRef | None
    events: int
    quarantined: int
    reorgs: int
    digest: int | None
    head: BlockRef | None = None
    head_timestamp: int | None = None
    rolling: bytes = START
    """The rolling digest at the tip."""

    def fields(self) -> dict[str, Any]:
        """As the checkpoint keeps it."""
        return {
            "state": self.state,
            "tip": _ref(self.tip),
            "tipTimestamp": _time(self.tip_timestamp),
            "finalized": _ref(self.finalized),
            "head": _ref(self.head),
            "headTimestamp": _time(self.head_timestamp),
            "events": self.events,
            "quarantined": self.quarantined,
            "reorgs": self.reorgs,
            "digest": None if self.digest is None else to_text(self.digest),
            "rollingDigest": self.rolling.hex(),
            "lastError": None,
        }

    def seeing(self, head: Header) -> Standing:
        """The same, with the node's newest block."""
        return msgspec.structs.replace(self, head=head.ref, head_timestamp=head.timestamp)


class OlderLayout(RuntimeError):
    """The database was filled by a version that kept no rolling digest."""

    def __init__(self) -> None:
        super().__init__(
            "this database was filled by an earlier version, without rolling digests and evidence. Nothing "
            "was changed. Set MONGODB_DATABASE to an empty one and index again"
        )


def standing_of(document: Mapping[str, Any]) -> Standing:
    """Read a checkpoint. Raises OlderLayout."""
    if "rollingDigest" not in document:
        raise OlderLayout
    digest = document["digest"]
    return Standing(
        document["chainId"],
        document["startBlock"],
        document["state"],
        _block(document["tip"]),
        _seconds(document["tipTimestamp"]),
        _block(document["finalized"]),
        document["events"],
        document["quarantined"],
        document["reorgs"],
        None if digest is None else int(digest, 16),
        _block(document["head"]),
        _seconds(document["headTimestamp"]),
        bytes.fromhex(document["rollingDigest"]),
    )


def _ref(block: BlockRef | None) -> dict[str, Any] | None:
    return None if block is None else {"number": block.number, "hash": block.hash}


def _block(document: Mapping[str, Any] | None) -> BlockRef | None:
    return None if document is None else BlockRef(document["number"], document["hash"])


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _seconds(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp())
