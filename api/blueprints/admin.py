"""Administration: who has which role, who is suspended, and what was done with privilege."""

from __future__ import annotations

from typing import Any

from api.acting import ActingBlueprint
from api.auth.trail import act
from api.lists import Listed, Query
from api.people import present_act, present_user
from api.problems import BadRequest, FieldError
from api.schemas.people import AdminUsersQuery, AuditList, AuditQuery, OneUser, UserChange, UserList
from api.services import services

blueprint = ActingBlueprint("admin", __name__, url_prefix="/api/admin")


@blueprint.acts("GET", "/users", "listUsers", UserList, query=AdminUsersQuery)
def list_users(query: Query) -> dict[str, Any]:
    """List users, newest first."""
    role, status = query.get("role"), query.get("status")
    users = services().auth.accounts.users
    return Listed("users", (role, status)).answer(
        query, lambda asked: users.page(asked, role=role, status=status), present_user
    )


@blueprint.acts(
    "PATCH", "/users/<walletAddress>", "changeUser", OneUser, body=UserChange, statuses=(404, 409)
)
def change_user(_query: Query, body: Query, wallet: str) -> dict[str, Any]:
    """Set roles or status; who is suspended is signed out at once. Everybody keeps the role `user`."""
    if not body:
        raise BadRequest([FieldError("body", "json", "must say something: roles, status, or both")])
    changed = services().auth.accounts.change_user(
        wallet, act("user.changed", wallet), roles=body.get("roles"), status=body.get("status")
    )
    return {"user": present_user(changed)}


@blueprint.acts("GET", "/audit", "listAudit", AuditList, query=AuditQuery)
def list_audit(query: Query) -> dict[str, Any]:
    """List privileged acts, newest first."""
    wanted = {name: query.get(name) for name in ("actor", "target", "action")}
    audit = services().auth.accounts.audit
    return Listed("audit", tuple(wanted.items())).answer(
        query, lambda asked: audit.page(asked, **wanted), present_act
    )
