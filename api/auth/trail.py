"""What goes into the audit log of a request: who, what, to whom, from where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from api.auth.principal import principal
from api.problems import request_id
from api.services import services
from store.audit import Act
from store.documents.people import ActorKind


def act(
    action: str,
    target: str | None,
    *,
    actor: tuple[ActorKind, str] | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> Act:
    """An act of this request; unless told otherwise, of whoever is calling."""
    kind, name = actor or _caller()
    return Act(
        at=services().clock.now(),
        action=action,
        actor_kind=kind,
        actor=name,
        target=target,
        ip_address=request.remote_addr,
        request_id=request_id(),
        before=before or {},
        after=after or {},
    )


def _caller() -> tuple[ActorKind, str]:
    caller = principal()
    return ("key", caller.key_id) if caller.key_id else ("user", caller.wallet)
