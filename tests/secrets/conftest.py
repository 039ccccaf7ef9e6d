"""A database whose secrets are encrypted, and the file with their master key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo.database import Database

from store.connection import Document
from store.indexes import ensure_early
from store.secrets import KeyFile, Masters, Secrets


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys" / "master_key")


def masters_in(key_file: KeyFile) -> Masters:
    first, *others = key_file.make()
    return Masters(first, tuple(others))


@pytest.fixture
def prepared(database: Database[Document]) -> Database[Document]:
    ensure_early(database)
    return database


@pytest.fixture
def box(prepared: Database[Document], key_file: KeyFile) -> Iterator[Secrets]:
    box = Secrets(prepared, lambda: masters_in(key_file))
    yield box
    box.close()
