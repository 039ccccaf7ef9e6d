"""The keys that sign what we hand out and expect back unchanged: page cursors, tokens, API keys."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from config.settings import Settings

KEY_FILE = "secret_key"
TOKEN_KEY_FILE = "token_key"
PEPPER_FILE = "pepper"


def signing_key(settings: Settings) -> str:
    """SECRET_KEY, or else the key kept in DATA_DIR, made at first use and readable by its owner only."""
    if settings.secret_key is not None:
        return settings.secret_key
    return _own(settings.data_dir / KEY_FILE)


def token_keys(settings: Settings) -> tuple[str, ...]:
    """JWT_KEYS, newest first, or else one key kept in DATA_DIR; production always has JWT_KEYS."""
    return settings.jwt_keys or (_own(settings.data_dir / TOKEN_KEY_FILE),)


def peppers(settings: Settings) -> tuple[str, ...]:
    """API_KEY_PEPPERS, newest first, or else one kept in DATA_DIR; production always has API_KEY_PEPPERS."""
    return settings.api_key_peppers or (_own(settings.data_dir / PEPPER_FILE),)


def _own(path: Path) -> str:
    kept = _kept(path)
    return kept if kept is not None else _made(path)


def _kept(path: Path) -> str | None:
    return path.read_text(encoding="ascii").strip() if path.is_file() else None


def _made(path: Path) -> str:
    """Several processes may start at once: a link, unlike a write, appears whole and only for the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
    ) as file:
        file.write(secrets.token_urlsafe(48))
    with contextlib.suppress(FileExistsError):  # another process was first; its key is the one to use
        os.link(draft, path)
    draft.unlink()
    return path.read_text(encoding="ascii").strip()
