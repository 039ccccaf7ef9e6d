"""Where a ledger is, so that another process of ours can open the same one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from store.connection import connect, process_name, translated
from store.errors import Interrupted, StoreError
from store.ledger import Ledger
from store.leftovers import SCRIBE, end_commits_of


@dataclass(frozen=True, slots=True)
class LedgerAddress:
    """A database, and under which epoch and in whose name to write there. May travel between processes."""

    uri: str = field(repr=False)
    database: str
    epoch: int
    holder: str
    """The process that holds the lease: whoever succeeds it ends what was left open in its name."""

    @property
    def scribe(self) -> str:
        """The process that writes for the holder."""
        return SCRIBE.format(self.holder)

    def end_leftovers(self) -> None:
        """End the commit that the scribe had open when it was killed, or nobody can write for a minute.

        Raises Interrupted.
        """
        with self.opened() as ledger, translated():
            end_commits_of(ledger.connection.client, [self.scribe])

    @contextmanager
    def opened(self) -> Iterator[Ledger]:
        """The ledger, on a connection of our own. Raises Interrupted."""
        try:
            connection = connect(self.uri, self.database, process=self.scribe)
        except StoreError as error:
            raise Interrupted(str(error)) from error
        with connection:
            yield Ledger(connection, self.epoch)


def address_of(ledger: Ledger) -> LedgerAddress | None:
    """None for a connection that was not made by `connect`."""
    connection = ledger.connection
    if connection.uri is None:
        return None
    return LedgerAddress(connection.uri, connection.database.name, ledger.epoch, process_name())
