"""`admin`: who has which role, said by whoever has the machine; the first admin is made here."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import click
from rich.table import Table

from chain.addresses import AddressError, parse_address
from dvault.console import Failure, answer, explained, messages, settings
from dvault.database import prepare, store_of
from store.accounts import ROLES, Accounts
from store.audit import Act
from store.documents import Role, UserDocument
from store.pages import PageRequest

GRANTABLE = tuple(role for role in ROLES if role != "user")
PAGE = 200


class WalletType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """An address in any letter case; a wrong checksum is refused."""

    name = "wallet"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return parse_address(str(value))
        except AddressError as error:
            self.fail(str(error), param, ctx)


role_option = click.option(
    "--role", type=click.Choice(GRANTABLE), default="admin", show_default=True, help="Which role."
)


@click.group()
def admin() -> None:
    """Say who has which role. Everything done here is in the audit log."""


@admin.command()
@click.argument("wallet", type=WalletType())
@role_option
@explained
def grant(wallet: str, role: str) -> None:
    """Give a wallet a role; it need not have signed in before. Harmless to repeat.

    \b
    Example:
      dvault admin grant 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
    """
    with store_of(settings()) as connection:
        prepare(connection)
        accounts, moment = Accounts(connection.database), _now()
        accounts.users.ensure(wallet, moment)
        user = accounts.change_user(
            wallet, operator_act("user.role-granted"), roles=[*_roles(accounts, wallet), cast("Role", role)]
        )
    messages.print(_sentence(user))


@admin.command()
@click.argument("wallet", type=WalletType())
@role_option
@explained
def revoke(wallet: str, role: str) -> None:
    """Take a role from a wallet, at once. The last active admin cannot be taken away.

    \b
    Example:
      dvault admin revoke 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 --role oracle
    """
    with store_of(settings()) as connection:
        prepare(connection)
        accounts = Accounts(connection.database)
        kept = [one for one in _roles(accounts, wallet) if one != role]
        user = accounts.change_user(wallet, operator_act("user.role-revoked"), roles=kept)
    messages.print(_sentence(user))


@admin.command("reset-mfa")
@click.argument("wallet", type=WalletType())
@explained
def reset_mfa(wallet: str) -> None:
    """Take the second factor from a wallet whose owner has lost it; they can enroll another.

    Be sure that it is the owner who asks: until they have enrolled another, a session is enough.

    \b
    Example:
      dvault admin reset-mfa 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
    """
    with store_of(settings()) as connection:
        prepare(connection)
        accounts = Accounts(connection.database)
        user = accounts.users.get(wallet)
        if user is None or not accounts.factors.remove(
            user["_id"], replace(operator_act("mfa.reset"), target=wallet)
        ):
            raise Failure(f"{wallet} has no second factor")
    messages.print(f"{wallet} has no second factor any more")


@admin.command("list")
@click.option("--role", type=click.Choice(GRANTABLE), help="Those with one role only.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def list_(role: str | None, as_json: bool) -> None:
    """List who has a role beyond that of a user.

    \b
    Example:
      dvault admin list --role oracle
    """
    with store_of(settings()) as connection:
        prepare(connection)
        wanted = [role] if role else GRANTABLE
        found = {user["walletAddress"]: user for one in wanted for user in _holders(connection.database, one)}
    if as_json:
        answer({"users": [_shown(user) for user in found.values()]})
        return
    table = Table("wallet", "roles", "status", "last sign-in", box=None)
    for user in found.values():
        table.add_row(
            user["walletAddress"], ", ".join(user["roles"]), user["status"], str(user["lastLogin"] or "never")
        )
    messages.print(table)


def _holders(database: Any, role: str) -> list[UserDocument]:
    """All of them, page after page."""
    users, found, after = Accounts(database).users, [], None
    while True:
        page = users.page(PageRequest(PAGE, after), role=cast("Role", role))
        found += page.rows
        if page.next is None:
            return found
        after = page.next


def _roles(accounts: Accounts, wallet: str) -> list[Role]:
    user = accounts.users.get(wallet)
    if user is None:
        raise Failure(f"{wallet} has never signed in and has no roles")
    return user["roles"]


def _shown(user: UserDocument) -> dict[str, Any]:
    return {name: user[name] for name in ("walletAddress", "roles", "status", "lastLogin")}


def _sentence(user: UserDocument) -> str:
    return f"{user['walletAddress']} is {', '.join(user['roles'])} ({user['status']})"


def operator_act(action: str) -> Act:
    """An act of whoever has the machine."""
    return Act(_now(), action, "operator", _operator())


def _operator() -> str:
    """The account on this machine."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _now() -> datetime:
    return datetime.now(UTC)
