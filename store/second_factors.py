"""Second factors: enrolled, confirmed, proven; every proof is good once, and wrong ones are few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from bson import ObjectId
from pymongo import ReadPreference, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database

from store.answering import answering
from store.audit import Act, AuditLog
from store.connection import MAJORITY, SNAPSHOT, Document
from store.documents import SecondFactorDocument, UserDocument

T = TypeVar("T")
FREE_FAILURES = 5
"""Wrong codes in a row before a pause; as many again before the next, which is twice as long."""
FIRST_PAUSE = timedelta(minutes=15)
MOST_DOUBLINGS = 7
"""32 hours: some 1,400 guesses a year, each good for 3 codes of a million."""
NO_STEP = -1


@dataclass(frozen=True, slots=True)
class Fresh:
    """What confirming an enrolment puts in force."""

    step: int
    """Of the code that confirmed it, which is used up by that."""
    recovery_hashes: tuple[str, ...]
    session_id: str


class SecondFactors:
    """The collection secondFactors, and `mfaAt` of sessions, which follows from it."""

    def __init__(self, database: Database[Document]) -> None:
        self._database, self._audit = database, AuditLog(database)
        self._factors = database.get_collection("secondFactors", read_preference=ReadPreference.PRIMARY)
        self._sessions = database["sessions"]

    def get(self, user_id: ObjectId) -> SecondFactorDocument | None:
        """What a user has, confirmed or not. Raises StoreUnreachable."""
        with answering(self._database):
            return cast("SecondFactorDocument | None", self._factors.find_one({"_id": user_id}))

    def enroll(self, user: UserDocument, sealed: bytes, expires_at: datetime) -> None:
        """Keep a secret until it is confirmed; the one in force stays. Raises StoreUnreachable."""
        newcomer: Document = {
            "walletAddress": user["walletAddress"],
            "secret": None,
            "confirmedAt": None,
            "lastStep": NO_STEP,
            "recoveryCodes": [],
            "failures": 0,
            "lockedUntil": None,
        }
        pending = {"secret": sealed, "expiresAt": expires_at}
        with answering(self._database):
            self._factors.update_one(
                {"_id": user["_id"]}, {"$set": {"pending": pending}, "$setOnInsert": newcomer}, upsert=True
            )

    def confirm(self, user_id: ObjectId, sealed: bytes, fresh: Fresh, now: datetime, act: Act) -> bool:
        """Put the pending secret in force: True for one caller. Other sessions must prove it anew."""
        change = {
            "secret": sealed,
            "confirmedAt": now,
            "lastStep": fresh.step,
            "recoveryCodes": list(fresh.recovery_hashes),
            "pending": None,
            "failures": 0,
            "lockedUntil": None,
        }

        def write(session: ClientSession) -> bool:
            wanted = {"_id": user_id, "pending.secret": sealed}
            if not self._factors.update_one(wanted, {"$set": change}, session=session).matched_count:
                return False
            self._forget_proofs(user_id, session)
            self._prove(fresh.session_id, now, session)
            self._audit.add(act, session=session)
            return True

        return self._in_transaction(write)

    def reserve(self, user_id: ObjectId, now: datetime) -> SecondFactorDocument | None:
        """Count a try before its code is looked at; None while there is a pause. Raises StoreUnreachable.

        The last try before a pause begins it: of many at the same moment no more than that are looked at.
        """
        wanted = {"_id": user_id, "secret": {"$ne": None}, "$or": _no_pause(now)}
        with answering(self._database):
            found = self._factors.find_one_and_update(
                wanted, _one_more_try(now), return_document=ReturnDocument.AFTER
            )
        return cast("SecondFactorDocument | None", found)

    def release(self, user_id: ObjectId) -> None:
        """Take a reserved try back: the code was right, and used already."""
        fewer = {"$max": [0, {"$subtract": ["$failures", 1]}]}
        with answering(self._database):
            self._factors.update_one({"_id": user_id}, [{"$set": {"failures": fewer, "lockedUntil": None}}])

    def accept_code(self, user_id: ObjectId, step: int, session_id: str, now: datetime, act: Act) -> bool:
        """Use up the code of a step, and those before it: True for exactly one caller."""
        newer = {"_id": user_id, "secret": {"$ne": None}, "lastStep": {"$lt": step}}
        return self._accept(newer, {"$set": {"lastStep": step, **_NO_FAILURES}}, session_id, now, act)

    def accept_recovery_code(
        self, user_id: ObjectId, hashes: Sequence[str], session_id: str, now: datetime, act: Act
    ) -> bool:
        """Use up a recovery code, by what it may be kept as: True for exactly one caller."""
        unused = {"_id": user_id, "secret": {"$ne": None}, "recoveryCodes": {"$in": list(hashes)}}
        change = {"$pullAll": {"recoveryCodes": list(hashes)}, "$set": _NO_FAILURES}
        return self._accept(unused, change, session_id, now, act)

    def remove(self, user_id: ObjectId, act: Act) -> bool:
        """Forget a second factor, and every proof of it; False if there was none."""

        def write(session: ClientSession) -> bool:
            found = self._factors.find_one_and_delete({"_id": user_id}, session=session)
            if found is None or found["secret"] is None:
                return False
            self._forget_proofs(user_id, session)
            self._audit.add(act, session=session)
            return True

        return self._in_transaction(write)

    def _accept(self, wanted: Document, change: Document, session_id: str, now: datetime, act: Act) -> bool:
        def write(session: ClientSession) -> bool:
            if not self._factors.update_one(wanted, change, session=session).matched_count:
                return False
            self._prove(session_id, now, session)
            self._audit.add(act, session=session)
            return True

        return self._in_transaction(write)

    def _prove(self, session_id: str, now: datetime, session: ClientSession) -> None:
        living = {"_id": ObjectId(session_id), "isValid": True}
        self._sessions.update_one(living, {"$set": {"mfaAt": now}}, session=session)

    def _forget_proofs(self, user_id: ObjectId, session: ClientSession) -> None:
        self._sessions.update_many({"userId": user_id}, {"$set": {"mfaAt": None}}, session=session)

    def _in_transaction(self, write: Callable[[ClientSession], T]) -> T:
        with answering(self._database), self._database.client.start_session() as session:
            return session.with_transaction(write, read_concern=SNAPSHOT, write_concern=MAJORITY)


_NO_FAILURES: Document = {"failures": 0, "lockedUntil": None}


def _no_pause(now: datetime) -> list[Document]:
    return [{"lockedUntil": None}, {"lockedUntil": {"$lte": now}}]


def _one_more_try(now: datetime) -> list[dict[str, Any]]:
    tries = {"$add": ["$failures", 1]}
    pauses = {"$floor": {"$divide": [tries, FREE_FAILURES]}}
    doublings = {"$min": [MOST_DOUBLINGS, {"$subtract": [pauses, 1]}]}
    milliseconds = {"$multiply": [int(FIRST_PAUSE.total_seconds() * 1000), {"$pow": [2, doublings]}]}
    last_free = {"$eq": [{"$mod": [tries, FREE_FAILURES]}, 0]}
    pause = {"$cond": [last_free, {"$add": [now, milliseconds]}, None]}
    return [{"$set": {"failures": tries, "lockedUntil": pause}}]
