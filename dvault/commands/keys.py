"""`keys`: the master key, and the data keys that it protects."""

from __future__ import annotations

from typing import Any

import click

from config.settings import Settings
from dvault.commands.administering import operator_act
from dvault.console import answer, explained, messages, settings
from dvault.database import prepare, store_of
from dvault.keeping import key_file_of, masters_of, target_master
from store.audit import AuditLog
from store.connection import Connection
from store.secrets import Masters, Rewrapped, Vault, rewrap
from store.secrets.masters import told_name


@click.group()
def keys() -> None:
    """Look after the master key of what is kept encrypted."""


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def list_keys(as_json: bool) -> None:
    """List the data keys, and which master key each is wrapped with. Nothing secret is shown.

    \b
    Example:
      dvault keys list
    """
    with store_of(settings()) as connection:
        rows = [_row(key) for key in Vault(connection.database).all()]
    if as_json:
        answer({"dataKeys": rows})
        return
    for row in rows:
        messages.print(f"{row['name']}: wrapped with {row['masterKey']} since {row['updatedAt']}")
    if not rows:
        messages.print("nothing was encrypted yet")


def _row(key: dict[str, Any]) -> dict[str, Any]:
    name, updated = ", ".join(key.get("keyAltNames", ())), key["updateDate"]
    return {"name": name, "masterKey": told_name(key["masterKey"]), "updatedAt": updated}


@keys.command("rotate-master")
@click.option("--to", "target", help="A KMS key's ARN, or a key file, which is made if it is not there.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def rotate_master(target: str | None, as_json: bool) -> None:
    """Wrap all data keys with a new master key; what they encrypted stays as it is.

    Without --to, a key in a file gets a successor in the same file, and is removed from it when that opens
    everything; one in KMS is used again, with what KMS has behind it now. With --to, set MASTER_KEY_FILE or
    KMS_KEY_ARN afterwards and restart. Interrupted at any moment, the same command finishes it.

    \b
    Example:
      dvault keys rotate-master --to /etc/dvault/master_key_2027
    """
    chosen = settings()
    with store_of(chosen) as connection:
        prepare(connection)
        before = told_master(chosen, connection)
        done = _rotated_to(chosen, connection, target) if target else _rotated(chosen, connection)
        after = {"masterKey": done.master, "rewrapped": done.rewrapped, "already": done.already}
        act = operator_act("master-key.rotated")
        AuditLog(connection.database).add(act, {"masterKey": before}, after)
    if as_json:
        answer(after)
    messages.print(f"{done.rewrapped} data keys wrapped with {done.master}, {done.already} were already")
    if target:
        name = "KMS_KEY_ARN" if target.startswith("arn:") else "MASTER_KEY_FILE"
        messages.print(f"now set {name}={target} for every process and restart them")


def told_master(chosen: Settings, connection: Connection) -> str:
    """The name of the master key in force."""
    return masters_of(chosen, connection).current.name


def _rotated_to(chosen: Settings, connection: Connection, target: str) -> Rewrapped:
    masters = Masters(target_master(chosen, target), masters_of(chosen, connection).all)
    return rewrap(connection.database, masters)


def _rotated(chosen: Settings, connection: Connection) -> Rewrapped:
    if chosen.kms_key_arn is not None:
        return rewrap(connection.database, masters_of(chosen, connection), again=True)
    masters_of(chosen, connection)  # made, if this is its first use
    file = key_file_of(chosen)
    with file.locked():
        kept = file.read()
        # Two keys: a rotation was interrupted, or the successor was brought here by hand.
        newest, *others = kept if len(kept) > 1 else file.add_newest()
        done = rewrap(connection.database, Masters(newest, tuple(others)))
        file.keep_newest()
    return done
