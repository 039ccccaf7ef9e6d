"""Questions and changes for one answer: in time, or StoreUnreachable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pymongo
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure, PyMongoError

from store.connection import Document
from store.errors import StoreUnreachable

SNAPSHOT_TOO_OLD, SNAPSHOT_UNAVAILABLE = 239, 246
"""The server cannot read at that moment, because the reader was slow or a collection just changed."""
TIMEOUT_SECONDS = 5.0


@contextmanager
def answering(
    database: Database[Document],
    timeout_seconds: float = TIMEOUT_SECONDS,
    transaction: ClientSession | None = None,
) -> Iterator[None]:
    """Inside, whatever keeps the store from answering in time is StoreUnreachable.

    Within a transaction errors stay what they are, since it tells from them whether to begin again.
    """
    if transaction is not None:
        yield
        return
    try:
        with pymongo.timeout(timeout_seconds):
            yield
    except PyMongoError as error:
        if _passes(error):
            raise StoreUnreachable(f"database {database.name}", str(error)) from error
        raise


def _passes(error: PyMongoError) -> bool:
    """Is it a trouble of the moment, not a fault of ours?"""
    if isinstance(error, ConnectionFailure | ExecutionTimeout) or error.timeout:
        return True
    if error.has_error_label("TransientTransactionError"):
        return True
    return isinstance(error, OperationFailure) and error.code in (SNAPSHOT_TOO_OLD, SNAPSHOT_UNAVAILABLE)
