"""What a person at a terminal sees: messages on stderr, answers on stdout, errors in one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.markup import escape

from config.logging import configure_logging
from config.settings import Settings, load_settings

P = ParamSpec("P")
T = TypeVar("T")

messages = Console(stderr=True, highlight=False, soft_wrap=True)

FAILED = 1


class Failure(click.ClickException):
    """Ends a command with one sentence."""

    exit_code = FAILED

    def show(self, file: Any = None) -> None:  # noqa: ARG002
        messages.print(f"[bold red]error[/] {self.message}", soft_wrap=True)


def explained(command: Callable[P, T]) -> Callable[P, T]:
    """Turn expected errors into one sentence and exit code 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except expected() as error:
            raise Failure(escape(str(error))) from error

    return run


def expected() -> tuple[type[Exception], ...]:
    """Asked for only when something went wrong: the classes live in modules that many commands never load."""
    from dvault.faults import EXPECTED

    return EXPECTED


def settings(**overrides: Any) -> Settings:
    """The settings, with what the command line was given on top; logging set up accordingly."""
    given = {name.upper(): str(value) for name, value in overrides.items() if value is not None}
    found = load_settings(overrides=given)
    configure_logging(found.log_level, found.log_format)
    for caution in found.cautions():
        messages.print(f"[yellow]caution[/] {escape(caution)}")
    return found


def answer(document: Any) -> None:
    """One line of JSON on stdout."""
    click.echo(json.dumps(document, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
