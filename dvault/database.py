"""The database that the settings name; apart from the other parts, since looking needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from config.settings import Settings
from store.connection import Connection, connect
from store.indexes import ensure_early
from store.mongod import EmbeddedMongod
from store.schema import ensure_collections


@contextmanager
def store_of(settings: Settings) -> Iterator[Connection]:
    """The database: the given one, or a private server that ends with us."""
    with ExitStack() as stack:
        uri = settings.mongodb_uri
        if uri is None:
            mongod = stack.enter_context(EmbeddedMongod(settings.data_dir / "mongod"))
            uri = mongod.uri
        yield stack.enter_context(connect(uri, settings.mongodb_database))


def prepare(connection: Connection) -> None:
    """Collections, validators and the indexes that indexing itself needs."""
    ensure_collections(connection.database)
    ensure_early(connection.database)
