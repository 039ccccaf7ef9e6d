"""`doctor` and `db`: is everything there that is needed?"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import click
from rich.table import Table

from chain.devchain import DevChainUnavailable, find_anvil
from chain.errors import RpcError
from config.settings import Settings
from dvault.composition import WrongChain, check_chain, node_of
from dvault.console import FAILED, answer, explained, messages, settings
from dvault.database import prepare, store_of
from dvault.keeping import key_file_of, masters_of, objects_of
from indexer.seed import NoContract
from store.connection import Connection
from store.errors import StoreError
from store.indexes import describe, ensure_late
from store.mongod import find_mongod
from store.secrets import Vault, check_opens

FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `fine` None means that it could not or need not be looked at."""

    what: str
    fine: bool | None
    detail: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def doctor(as_json: bool) -> None:
    """Look at everything that indexing and serving need, and say what is wrong. Exit code 1 if anything is.

    \b
    Example:
      dvault doctor
    """
    chosen = settings()
    findings = [
        *_machine(chosen),
        *_store(chosen),
        _looked_at("uploads", objects_of(chosen).check),
        *_chain(chosen),
    ]
    if as_json:
        answer({"findings": [asdict(finding) for finding in findings]})
    else:
        table = Table(box=None, show_header=False)
        for finding in findings:
            table.add_row(_mark(finding.fine), finding.what, finding.detail)
        messages.print(table)
    if any(finding.fine is False for finding in findings):
        raise SystemExit(FAILED)


def _mark(fine: bool | None) -> str:
    return {True: "[green]ok[/]", False: "[red]bad[/]", None: "[dim]–[/]"}[fine]


def _machine(chosen: Settings) -> Iterator[Finding]:
    yield Finding("Python", sys.version_info >= (3, 11), platform.python_version())
    free = shutil.disk_usage(chosen.data_dir.absolute().anchor).free
    yield Finding("free disk", free > FREE_BYTES, f"{free / (1 << 30):.1f} GiB")
    yield _looked_at("development chain", lambda: str(find_anvil()), required=False)


def _store(chosen: Settings) -> Iterator[Finding]:
    if chosen.mongodb_uri is None:
        yield _looked_at("embedded MongoDB", lambda: str(find_mongod()))
    try:
        with store_of(chosen) as connection:
            version = connection.client.server_info()["version"]
            yield Finding("MongoDB", True, f"{version}, database {connection.database.name}")
            report = describe(connection.database)
            missing = f"{len(report.missing)} missing (built by `dvault run` or `dvault db indexes --build`)"
            yield Finding("indexes", not report.conflicts, ", ".join(report.conflicts) or missing)
            yield _looked_at("master key", lambda: _master_key(chosen, connection))
    except StoreError as error:
        yield Finding("MongoDB", False, str(error))


def _master_key(chosen: Settings, connection: Connection) -> str:
    """Which it is, if it opens everything. Raises SecretsError."""
    vault, file = Vault(connection.database), key_file_of(chosen)
    if chosen.kms_key_arn is None and chosen.master_key_file is None and vault.is_empty():
        return f"nothing is encrypted yet; {file.path} is made when something is"
    masters = masters_of(chosen, connection)
    check_opens(vault, masters)
    careless = file.exists() and file.open_to_others()
    warning = f"; everybody on this machine can read {file.path}: chmod o-r" if careless else ""
    return f"{masters.current.name} opens all {len(vault.all())} data keys{warning}"


def _chain(chosen: Settings) -> Iterator[Finding]:
    with node_of(chosen) as node:
        try:
            check_chain(chosen, node)
            head, tagged = node.ends()
            yield Finding("chain", True, f"id {chosen.chain_id}, head {head.number}, contracts have code")
            tag = f"block {tagged.number}" if tagged else "unsupported"
            usable = tagged is not None or chosen.finality != "tag"
            remedy = "" if usable else "; set FINALITY to a number of confirmations"
            yield Finding("finalized tag", usable, tag + remedy)
        except (RpcError, WrongChain, NoContract) as error:
            yield Finding("chain", False, str(error))
        node.examine()
        for report in node.report():
            latency = f"{report.latency_ms:.0f} ms" if report.latency_ms is not None else "no answer"
            fine = False if report.state in ("quarantined", "suspect") else None
            told = report.reason or report.last_error or "no errors"
            yield Finding(report.name, fine, f"{report.state}; {latency}; {told}")


def _looked_at(what: str, look: Callable[[], str], *, required: bool = True) -> Finding:
    try:
        return Finding(what, True, look())
    except (StoreError, DevChainUnavailable) as error:
        return Finding(what, False if required else None, str(error))


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@explained
def init() -> None:
    """Create collections, validators and the first indexes; harmless to repeat.

    \b
    Example:
      dvault db init
    """
    with store_of(settings()) as connection:
        prepare(connection)
        messages.print(f"database {connection.database.name} is ready")


@db.command()
@click.option("--build", is_flag=True, help="Build what is missing.")
@click.option("--json", "as_json", is_flag=True, help="Answer in one line of JSON.")
@explained
def indexes(build: bool, as_json: bool) -> None:
    """Compare the indexes with those we want. Exit code 1 if one is missing or different.

    \b
    Example:
      dvault db indexes --build
    """
    with store_of(settings()) as connection:
        if build:
            prepare(connection)
            ensure_late(connection.database)
        report = describe(connection.database)
    if as_json:
        answer(asdict(report))
    else:
        for word in ("present", "missing", "conflicts"):
            names = getattr(report, word)
            messages.print(f"{len(names)} {word}" + (f": {', '.join(names)}" if word != "present" else ""))
    if report.missing or report.conflicts:
        raise SystemExit(FAILED)
