"""A process that makes documents of folded batches and commits them, while ours fetches and folds the next.

It writes under our lease and our name, one batch at a time, each all or nothing, and answers when a batch
is committed, or with the error. It ends when the line to us does, however we end; a batch that it holds
then is committed, or refused as any other of a lost lease.

    python -m indexer.scribe FD
"""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, Pipe

from chain.values import Address
from indexer.changes import Books
from indexer.writing import Batch, Write, commit_of, of_bytes, to_bytes
from store.address import LedgerAddress
from store.errors import Interrupted, StoreError

END_SECONDS = 10.0
COLLECT_AFTER_ALLOCATIONS = 500_000
"""Documents have no cycles: look for them seldom."""


@contextmanager
def scribe(address: LedgerAddress, marketplace: Address) -> Iterator[Write]:
    """A process that writes for us; it has ended when the block is left."""
    ours, theirs = Pipe()
    with ours:
        with theirs:
            command = [sys.executable, "-P", "-m", "indexer.scribe", str(theirs.fileno())]
            process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        in_the_middle = False
        try:
            with _broken_line():
                ours.send((address, marketplace))
            yield lambda batch: _dictate(ours, batch)
        except Interrupted:
            in_the_middle = True
            raise
        finally:
            ours.close()
            if _exit_code(process) < 0 or in_the_middle:
                address.end_leftovers()


def _dictate(line: Connection, batch: Batch) -> None:
    message = to_bytes(batch)
    with _broken_line():
        line.send_bytes(message)
        error = line.recv()
    if error is not None:
        raise error


@contextmanager
def _broken_line() -> Iterator[None]:
    """Nobody can tell whether a batch was written when the process that writes is gone."""
    try:
        yield
    except (EOFError, OSError) as error:
        raise Interrupted(f"the process that writes history ended ({error!r})") from error


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    """Once it has ended; below 0 if it was killed."""
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


# --- the process itself -------------------------------------------------------------------


def main(descriptor: int) -> None:
    """Commit what is dictated until the line ends. Signals are for those who dictate: we end with them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.set_threshold(COLLECT_AFTER_ALLOCATIONS, 50, 50)
    with Connection(descriptor) as line, suppress(EOFError, ConnectionError):
        address, marketplace = line.recv()
        _serve(line, address, Books(marketplace))


def _serve(line: Connection, address: LedgerAddress, books: Books) -> None:
    with ExitStack() as stack:
        ledger = None
        while True:
            batch = of_bytes(line.recv_bytes())
            try:
                ledger = ledger or stack.enter_context(address.opened())
                ledger.commit(commit_of(batch, books))
            except StoreError as error:
                line.send(error)
            except Exception as error:
                line.send(error)  # a fault of ours is theirs as well
                raise
            else:
                line.send(None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
