"""The audit log: what was done with privilege. It can be added to and read; there is no way to change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.database import Database

from store.answering import answering
from store.connection import Document
from store.documents import AuditDocument
from store.documents.people import ActorKind
from store.pages import By, Page, PageRequest, Source, read_page
from store.snapshot import Snapshot

ORDER = (By("at", -1), By("_id", -1))


@dataclass(frozen=True, slots=True)
class Act:
    """Who does what, from where; `target` is what it is done to, such as a wallet."""

    at: datetime
    action: str
    actor_kind: ActorKind
    actor: str
    target: str | None = None
    ip_address: str | None = None
    request_id: str | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


class AuditLog:
    """The collection auditLog."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._log = database["auditLog"]

    def add(
        self,
        act: Act,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        session: ClientSession | None = None,
    ) -> None:
        """Write down an act; `before` and `after` are what it changed. Raises StoreUnreachable."""
        document = {
            "_id": ObjectId(),
            "at": act.at,
            "action": act.action,
            "actor": {"kind": act.actor_kind, "name": act.actor},
            "target": act.target,
            "before": dict(act.before if before is None else before),
            "after": dict(act.after if after is None else after),
            "ipAddress": act.ip_address,
            "requestId": act.request_id,
        }
        with answering(self._database, transaction=session):
            self._log.insert_one(document, session=session)

    def page(
        self,
        request: PageRequest,
        *,
        actor: str | None = None,
        target: str | None = None,
        action: str | None = None,
    ) -> Page[AuditDocument]:
        """Acts, newest first. Raises StoreUnreachable."""
        wanted = {"actor.name": actor, "target": target, "action": action}
        source = Source("auditLog", [{path: value for path, value in wanted.items() if value is not None}])
        with answering(self._database), self._database.client.start_session(snapshot=True) as session:
            found = read_page(Snapshot(self._database, session), source, ORDER, request)
        return cast("Page[AuditDocument]", found)
