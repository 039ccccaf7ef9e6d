"""The file that holds a local master key: one key per line in base64, the newest first.

Only the first wraps; the others still unwrap. Usually there is one; two while a rotation is under way.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from store.secrets.errors import KeyFileUnusable
from store.secrets.masters import LOCAL_KEY_BYTES, LocalMaster

TITLE = (
    "# DynamicVault master key. Whoever has it can read the secrets in the database; without it nobody can."
)
RESTORE = "Restore it from where you keep copies of it"


class KeyFile:
    """The keys of one file. Changes appear whole or not at all, and are on the disk when they return."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        return self.path.is_file()

    def read(self) -> tuple[LocalMaster, ...]:
        """The keys, newest first; at least one. Raises KeyFileUnusable."""
        try:
            lines = self.path.read_text(encoding="ascii").split("\n")
        except FileNotFoundError as error:
            raise KeyFileUnusable(self.path, "it is not there", RESTORE) from error
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileUnusable(self.path, str(error), "Check its permissions and content") from error
        keys = [self._key(line, number) for number, line in enumerate(lines, 1) if _is_key(line)]
        if not keys:
            raise KeyFileUnusable(self.path, "there is no key in it", RESTORE)
        return tuple(LocalMaster(key) for key in keys)

    def make(self) -> tuple[LocalMaster, ...]:
        """The keys of the file, which is made with a fresh one if it is not there."""
        if not self.exists():
            with self._draft([LocalMaster(secrets.token_bytes(LOCAL_KEY_BYTES))]) as draft:
                # Several processes may start at once: the first one's key is the one to use.
                with contextlib.suppress(FileExistsError):
                    os.link(draft, self.path)
                _sync(self.path.parent)
        return self.read()

    def add_newest(self) -> tuple[LocalMaster, ...]:
        """Put a fresh key before the others."""
        return self._replace([LocalMaster(secrets.token_bytes(LOCAL_KEY_BYTES)), *self.read()])

    def keep_newest(self) -> tuple[LocalMaster, ...]:
        """Remove all keys but the first, for good."""
        return self._replace(self.read()[:1])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One rotation at a time on this machine. Raises KeyFileUnusable."""
        lock = self.path.with_name(f"{self.path.name}.lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise KeyFileUnusable(self.path, "another rotation is under way", "Wait until it ends") from error
        finally:
            os.close(descriptor)

    def open_to_others(self) -> bool:
        """Whether anybody on this machine may read it."""
        return bool(self.path.stat().st_mode & 0o004)

    def _replace(self, keys: Sequence[LocalMaster]) -> tuple[LocalMaster, ...]:
        with self._draft(keys) as draft:
            os.replace(draft, self.path)
            _sync(self.path.parent)
        return self.read()

    @contextmanager
    def _draft(self, keys: Sequence[LocalMaster]) -> Iterator[Path]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write("\n".join([TITLE, *(base64.b64encode(one.key).decode() for one in keys), ""]))
                file.flush()
                os.fsync(file.fileno())
            yield draft
        except OSError as error:
            raise KeyFileUnusable(self.path, error.strerror or str(error), "Check its folder") from error
        finally:
            draft.unlink(missing_ok=True)

    def _key(self, line: str, number: int) -> bytes:
        try:
            key = base64.b64decode(line.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise KeyFileUnusable(self.path, f"line {number} is not base64", RESTORE) from error
        if len(key) != LOCAL_KEY_BYTES:
            why = f"line {number} has {len(key)} bytes instead of {LOCAL_KEY_BYTES}"
            raise KeyFileUnusable(self.path, why, RESTORE)
        return key


def _is_key(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
