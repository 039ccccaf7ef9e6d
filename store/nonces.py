"""Nonces: handed out, used once, forgotten. Apart from users, so that asking for one touches nobody."""

from __future__ import annotations

from datetime import datetime

from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from store.answering import answering
from store.connection import Document

NOT_WORTH_A_WAIT = WriteConcern(w=1)
"""A nonce lost in a failover costs one more question; the use of one is remembered by a majority."""


class Nonces:
    """The collection nonces."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._nonces = database["nonces"]

    def issue(self, nonce: str, wallet: str, now: datetime, expires_at: datetime) -> None:
        """Remember a nonce given to whoever says to be that wallet. Raises StoreUnreachable."""
        document = {"_id": nonce, "walletAddress": wallet, "createdAt": now, "expiresAt": expires_at}
        with answering(self._database):
            self._nonces.with_options(write_concern=NOT_WORTH_A_WAIT).insert_one(document)

    def spend(self, nonce: str, wallet: str, now: datetime) -> bool:
        """Use a nonce up: True for exactly one caller, in time, for that wallet. Raises StoreUnreachable."""
        wanted = {"_id": nonce, "walletAddress": wallet, "expiresAt": {"$gt": now}}
        with answering(self._database):
            return self._nonces.find_one_and_delete(wanted) is not None
