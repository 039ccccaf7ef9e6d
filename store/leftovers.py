"""Commits that a process left open when it was killed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from store.connection import application

logger = logging.getLogger(__name__)
SCRIBE = "{} scribe"
"""The name of the process that writes for another one, by that one's."""


def end_commits_of(
    client: MongoClient[dict[str, Any]], dead: Sequence[str], *, silent_seconds: float | None = None
) -> None:
    """End what killed processes left open, or it blocks every write of ours for a minute and more.

    The server keeps the transaction of a client that vanished for `transactionLifetimeLimitSeconds`. With
    `silent_seconds`, what any process of ours has left alone for longer is ended as well.
    """
    left: list[dict[str, Any]] = [{"appName": {"$in": [application(process) for process in dead]}}]
    if silent_seconds is not None:
        silent = {"transaction.timeInactiveMicros": {"$gt": int(silent_seconds * 1_000_000)}}
        left.append({"appName": {"$regex": "^dvault "}, **silent})
    admin = client.get_database("admin", read_concern=ReadConcern("local"))
    asked: list[dict[str, Any]] = [
        {"$currentOp": {"idleSessions": True}},
        {"$match": {"transaction": {"$exists": True}, "$or": left}},
        {"$project": {"lsid.id": 1}},
    ]
    try:
        for operation in admin.aggregate(asked):
            admin.command("killSessions", [operation["lsid"]])
    except OperationFailure as error:
        # Some servers let nobody look: then the transaction ends by itself.
        logger.info("cannot look for commits left open", extra={"reason": str(error)})
