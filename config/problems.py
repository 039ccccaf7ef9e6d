"""What can be wrong with the settings.

SettingsError       one or more settings are wrong; `problems` lists all of them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_SECRETS = frozenset(
    {
        "SECRET_KEY",
        "MONGODB_URI",
        "RPC_URLS",
        "JWT_KEYS",
        "API_KEY_PEPPERS",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "REDIS_URL",
    }
)
"""Never shown whole: node addresses carry API keys, database addresses carry passwords."""
_SHOWN_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong setting: its environment name, what was given, what is wrong, what to do."""

    name: str
    given: str | None
    wrong: str
    remedy: str

    def __str__(self) -> str:
        shown = "" if self.given is None else f"={redacted(self.name, self.given)}"
        return f"{self.name}{shown}: {self.wrong}. {self.remedy}."


class SettingsError(Exception):
    """One or more settings are wrong; nothing was started."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = "1 setting is wrong" if len(problems) == 1 else f"{len(problems)} settings are wrong"
        title = f"{count} (docs/settings.md explains each of them):"
        super().__init__("\n".join([title, *map(_line, problems)]))
        self.problems = tuple(problems)


def redacted(name: str, value: str) -> str:
    """The value as it may be shown: quoted, and without what a stranger could use."""
    if name in _SECRETS:
        return ", ".join(_without_secrets(part) for part in value.split(","))
    return repr(value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…")


def _line(problem: Problem) -> str:
    return f"  - {problem}"


def _without_secrets(value: str) -> str:
    """Keep the scheme and the host of a URL, nothing of anything else."""
    try:
        parts = urlsplit(value.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return f"<{len(value)} characters>"
    if not parts.scheme or not host:
        return f"<{len(value)} characters>"
    shown_port = f":{port}" if port else ""
    more = "/…" if "@" in parts.netloc or parts.path.strip("/") or parts.query else ""
    return f"'{parts.scheme}://{host}{shown_port}{more}'"
