"""Where settings come from: the environment and `.env`, and which names in them are mistakes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource

from config.problems import Problem

OURS = "DVAULT_"
NEAR_MISS_RATIO = 0.85
NEAR_MISS_MIN_CHARACTERS = 6
"""HOST and PORT are too short for a likeness to mean anything."""
_OTHERS_IN_ENV_FILE = ("COMPOSE_",)
"""Docker Compose reads its own settings from the same file."""
_OTHERS_IN_ENVIRONMENT = ("AWS_",)
"""Amazon's tools read more of these than we do, with names like ours."""


class _Nothing(BaseSettings):
    """Lets the readers of pydantic-settings be used without fields."""


def environment() -> dict[str, str]:
    """Every variable of this process."""
    return _present(EnvSettingsSource(_Nothing, case_sensitive=True).env_vars)


def hand_down(name: str, value: str) -> None:
    """Set a variable that is not ours for the processes that this one starts."""
    os.environ[name] = value


def env_file_variables(path: Path | None) -> dict[str, str]:
    """Every variable of an `.env` file; none where there is no file."""
    if path is None or not path.is_file():
        return {}
    return _present(DotEnvSettingsSource(_Nothing, env_file=path, case_sensitive=True).env_vars)


def unknown_variables(
    environ: Mapping[str, str], in_file: Mapping[str, str], known: Collection[str]
) -> Iterator[Problem]:
    """A problem for each name that was surely meant for us and is not one of ours."""
    for name in sorted(in_file):
        if name not in known and not name.startswith(_OTHERS_IN_ENV_FILE):
            yield _unknown(name, known, "in the .env file")
    for name in sorted(environ):
        if name not in known and name not in in_file and _meant_for_us(name, known):
            yield _unknown(name, known, "in the environment")


def _present(variables: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if value is not None}


def _meant_for_us(name: str, known: Collection[str]) -> bool:
    if name.upper().startswith(OURS):
        return True
    if len(name) < NEAR_MISS_MIN_CHARACTERS or name.startswith(_OTHERS_IN_ENVIRONMENT):
        return False
    return bool(difflib.get_close_matches(name.upper(), known, n=1, cutoff=NEAR_MISS_RATIO))


def _unknown(name: str, known: Collection[str], where: str) -> Problem:
    nearest = max(known, key=lambda ours: _likeness(name.upper(), ours))
    return Problem(
        name,
        None,  # what a stranger's variable holds is not ours to print
        f"there is no such setting ({where})",
        f"The nearest one is {nearest}: rename it, or remove it",
    )


def _likeness(name: str, ours: str) -> float:
    """0 … 1, with or without a prefix that most of our names do not have."""
    return max(difflib.SequenceMatcher(a=one, b=ours).ratio() for one in (name, name.removeprefix(OURS)))
