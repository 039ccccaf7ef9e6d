"""What can go wrong with what we keep.

StoreError
├── MongodUnavailable    the embedded server cannot run here
├── MalformedUri         the connection string cannot be read
├── StoreUnreachable     nobody answers at that address
├── AccessRefused        the server answers, but not to us
├── NotAReplicaSet       the server has no transactions
├── ServerTooOld         the server lacks what we need
├── SchemaConflict       documents that are there do not fit the schema
├── IndexConflict        an index of that name or key is there with another definition
├── LeaseLost            another indexer may be writing now
├── Interrupted          the database failed in the middle of something
├── Changed              somebody else changed it meanwhile
├── CountsUnavailable    the counts that limit requests cannot be shared now
├── TooMuch              there is more than one answer is computed from
├── NotFound             no document matches
├── Suspended            the account is suspended
├── LastAdmin            nobody would be left to administer
├── TooManyKeys          the user has as many keys as one may have
└── KeyEnded             the key was replaced, revoked or has expired
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StoreError(Exception):
    """Base of everything the store raises by itself. Goes from process to process as what it is."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[StoreError], args: tuple[Any, ...], said: dict[str, Any]) -> StoreError:
    """An error as it was, without asking its constructor for words that are spoken already."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(said)
    return error


class MongodUnavailable(StoreError):
    """The embedded MongoDB server cannot run here; a server of one's own can always be used instead."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the embedded MongoDB server cannot run: {why}. "
            "Fix that, or set MONGODB_URI to a MongoDB 5.0+ replica set of your own."
        )
        self.why = why


class MalformedUri(StoreError):
    """The connection string cannot be read; `uri` is redacted."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(
            f"MONGODB_URI {uri!r} cannot be read: {why}. "
            "It looks like mongodb://user:password@host:27017/?replicaSet=name, "
            "with special characters in user and password percent-encoded."
        )
        self.uri, self.why = uri, why


class StoreUnreachable(StoreError):
    """Nobody answers there; `uri` is redacted. Safe to retry later."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(
            f"no MongoDB answers at {uri}: {why}. "
            "Check that the server runs, that its host and port can be reached from here, and MONGODB_URI."
        )
        self.uri, self.why = uri, why


class AccessRefused(StoreError):
    """The server answers, but not to this user; `uri` is redacted."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(
            f"MongoDB at {uri} refused access: {why}. "
            "Check user, password and authSource in MONGODB_URI; the user needs readWrite and dbAdmin "
            "on our database."
        )
        self.uri, self.why = uri, why


class NotAReplicaSet(StoreError):
    """A standalone server (or a set never initiated) has no transactions; `uri` is redacted."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(
            f"MongoDB at {uri} {why}, and commits need transactions. One node is enough: "
            "restart mongod with --replSet dvault, then run rs.initiate() once in mongosh."
        )
        self.uri, self.why = uri, why


class ServerTooOld(StoreError):
    """The server lacks snapshot reads; `uri` is redacted."""

    def __init__(self, uri: str, version: str) -> None:
        super().__init__(f"MongoDB at {uri} is {version}; upgrade it to 5.0 or later (snapshot reads).")
        self.uri, self.version = uri, version


class SchemaConflict(StoreError):
    """Documents that are already there do not fit the schema; nothing was changed for that collection."""

    def __init__(self, collection: str, misfits: int, example: object) -> None:
        super().__init__(
            f"{misfits} or more documents of {collection} do not fit its schema, the first is _id "
            f"{example!r}. They were written by another version or by hand: repair these documents, or set "
            "MONGODB_DATABASE to an empty one and index again."
        )
        self.collection, self.misfits, self.example = collection, misfits, example


class IndexConflict(StoreError):
    """Indexes with our names or keys are there with another definition; none was dropped."""

    def __init__(self, conflicts: Sequence[str]) -> None:
        super().__init__(
            f"indexes defined otherwise than we need them: {'; '.join(conflicts)}. "
            "Drop them, and start again."
        )
        self.conflicts = tuple(conflicts)


class LeaseLost(StoreError):
    """Another indexer holds the lease, or may hold it by now: write nothing more under this epoch."""

    def __init__(self, epoch: int, holder: str | None) -> None:
        held = f"{holder} holds it now" if holder else "it could not be confirmed in time"
        super().__init__(
            f"the indexer's lease of epoch {epoch} is lost: {held}. Stop writing, and acquire again."
        )
        self.epoch, self.holder = epoch, holder


class Interrupted(StoreError):
    """The database failed in the middle of something; it may or may not have happened. Read again, retry."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the database failed in the middle of an operation: {why[:500]}")
        self.why = why


class Changed(StoreError):
    """Somebody else changed it meanwhile; nothing of the change that was asked for was made."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the {what} was changed meanwhile; read it again, and make your change to that")


class CountsUnavailable(StoreError):
    """Rate counts are out of reach; nothing depends on them but how exact the limits are."""

    def __init__(self, why: str) -> None:
        super().__init__(f"rate counts cannot be shared at present: {why[:200]}")


class TooMuch(StoreError):
    """There is more of something than one answer is computed from; nothing was cut off silently."""

    def __init__(self, whose: str, limit: int, what: str) -> None:
        super().__init__(f"the {whose} has more than {limit} {what}")
        self.limit = limit


class NotFound(StoreError):
    """No document matches."""

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"no {kind} {key}")
        self.kind, self.key = kind, key


class Suspended(StoreError):
    """The account is suspended: nobody signs in to it."""

    def __init__(self, wallet: str) -> None:
        super().__init__(f"the account of {wallet} is suspended")
        self.wallet = wallet


class LastAdmin(StoreError):
    """The change would leave no active admin; nothing was changed."""

    def __init__(self, wallet: str) -> None:
        super().__init__(f"{wallet} is the last active admin: make somebody else one first")
        self.wallet = wallet


class TooManyKeys(StoreError):
    """The user has as many keys as one may have; nothing was changed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"there are {why}, which is as many as one user may have")


class KeyEnded(StoreError):
    """The key cannot be replaced any more; nothing was changed."""

    def __init__(self, key_id: object, why: str) -> None:
        super().__init__(f"the key {key_id} {why}")
        self.key_id, self.why = key_id, why
