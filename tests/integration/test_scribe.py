"""The process that writes history: same documents, no orphans, and errors that stay what they are."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from threading import Lock

import psutil
import pytest

import indexer.backfill
import indexer.session
from indexer.folded import Folded
from indexer.rows import Deed
from indexer.scribe import scribe
from indexer.state import At
from indexer.writing import Batch
from store.address import LedgerAddress, address_of
from store.connection import Connection, process_name
from store.encoding import utc
from store.errors import Interrupted, LeaseLost
from store.ledger import Ledger
from store.spans import Span
from tests.property.indexed import DERIVED, Indexed, prepare
from tests.property.model_chain import ModelChain
from tests.property.model_contracts import MARKET

EPOCH = 3
PATIENCE_SECONDS = 30


def batch(events: int) -> Batch:
    """A step of the checkpoint, and nothing else."""
    return Batch(Folded([], [], [], [], [], [], None), {"events": events}, {}, Span(1, events, "logs-only"))


@pytest.fixture
def address(connection: Connection, mongo_uri: str) -> LedgerAddress:
    """Of a ledger that has begun."""
    connection.database.checkpoints.insert_one({"_id": "indexer", "epoch": EPOCH, "version": 0, "events": 0})
    connection.database.evidence.insert_one({"_id": 0, "toBlock": 0, "evidence": "logs-only"})
    return LedgerAddress(mongo_uri, connection.database.name, EPOCH, process_name())


def events(connection: Connection) -> int:
    found = connection.database.checkpoints.find_one({"_id": "indexer"})
    assert found is not None
    return int(found["events"])


def scribes(of: int | None = None) -> list[psutil.Process]:
    return [each for each in psutil.Process(of).children() if "indexer.scribe" in each.cmdline()]


def test_what_is_dictated_is_committed_before_the_answer(connection: Connection, address: LedgerAddress):
    with scribe(address, MARKET) as write:
        write(batch(5))
        assert events(connection) == 5
        write(batch(7))

    assert events(connection) == 7
    assert scribes() == []


def test_a_lost_lease_is_still_a_lost_lease_on_our_side(connection: Connection, address: LedgerAddress):
    with scribe(replace(address, epoch=EPOCH - 1), MARKET) as write, pytest.raises(LeaseLost) as caught:
        write(batch(5))

    assert caught.value.epoch == EPOCH - 1
    assert events(connection) == 0


@pytest.mark.long  # the driver looks for a server for ten seconds
def test_a_database_that_nobody_serves_interrupts_us(address: LedgerAddress):
    nowhere = replace(address, uri="mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100")

    with scribe(nowhere, MARKET) as write, pytest.raises(Interrupted):
        write(batch(5))


def test_a_fault_of_the_program_travels_as_what_it_is_and_ends_the_process(address: LedgerAddress):
    at = At(1, "0x" + "11" * 32, 1, utc(1), "0x11")
    of_no_transaction = Deed("0x" + "22" * 20, 1, 0, 0, at, "mint")
    wrong = Batch(Folded([], [of_no_transaction], [], [], [], [], None), {}, {}, Span(1, 1, "logs-only"))

    with scribe(address, MARKET) as write:
        with pytest.raises(ValueError, match="bytes are needed"):
            write(wrong)
        with pytest.raises(Interrupted):
            write(batch(5))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_leaves_the_end_to_us(
    connection: Connection, address: LedgerAddress, number: signal.Signals
):
    with scribe(address, MARKET) as write:
        write(batch(5))
        (process,) = scribes()
        process.send_signal(number)
        write(batch(7))

    assert events(connection) == 7


def test_after_its_death_nobody_knows_whether_a_batch_was_written(
    connection: Connection, address: LedgerAddress
):
    with scribe(address, MARKET) as write:
        write(batch(5))
        (process,) = scribes()
        process.kill()
        process.wait(PATIENCE_SECONDS)
        with pytest.raises(Interrupted, match="the process that writes history ended"):
            write(batch(7))

    assert events(connection) == 5


def test_it_does_not_outlive_us_however_we_end(connection: Connection, address: LedgerAddress):
    program = (
        "import pickle, sys, time\n"
        "from indexer.scribe import scribe\n"
        "from tests.integration.test_scribe import batch\n"
        "with scribe(pickle.load(sys.stdin.buffer), sys.argv[1]) as write:\n"
        "    write(batch(5)); print('written', flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, MARKET], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        pickle.dump(address, owner.stdin)
        owner.stdin.close()
        assert owner.stdout.readline() == b"written\n"
        (process,) = scribes(owner.pid)
        owner.kill()

    process.wait(PATIENCE_SECONDS)
    assert events(connection) == 5


# --- as the backfill uses it ---------------------------------------------------------------


@pytest.fixture
def chain() -> ModelChain:
    """Mints, prices, listings and sales, and empty blocks between them."""
    chain = ModelChain()
    for token in range(12):
        story = [("mint", token % 3, token, token), ("price", token, token, 1), ("list", token, token, 2)]
        for deed in story:
            chain.view = chain.mine_empty(chain.mine(chain.view, [(deed,)]), 1)
    return chain


@pytest.fixture
def homes(shared_connection: Connection, mongo_uri: str) -> Iterator[list[Connection]]:
    client = shared_connection.client
    made = [Connection(client, client[f"test_scribe_{uuid.uuid4().hex[:16]}"], mongo_uri) for _ in range(2)]
    for each in made:
        prepare(each)
    yield made
    for each in made:
        client.drop_database(each.database.name)


def written(indexed: Indexed) -> dict[tuple[str, object], object]:
    return {(name, each["_id"]): each for name in DERIVED for each in indexed.database[name].find()}


@pytest.fixture
def all_by_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer.session, "LIVE_REACH", 1)
    monkeypatch.setattr(indexer.backfill, "EVENTS_PER_COMMIT", 4)


@pytest.mark.usefixtures("all_by_ranges")
def test_history_is_the_same_whoever_writes_it(
    chain: ModelChain, homes: list[Connection], monkeypatch: pytest.MonkeyPatch
):
    here = Indexed(homes[0], chain, 1)
    here.catch_up()
    monkeypatch.setattr(indexer.backfill, "WORTH_A_PROCESS", 1)
    there = Indexed(homes[1], chain, 1)
    there.catch_up()

    assert written(there) == written(here)
    assert there.checkpoint()["digest"] == here.checkpoint()["digest"]
    assert there.checkpoint()["rollingDigest"] == here.checkpoint()["rollingDigest"]
    assert here.checkpoint()["events"] > 20
    assert scribes() == []


@pytest.mark.usefixtures("all_by_ranges")
def test_after_the_death_of_the_writer_a_new_session_goes_on(
    chain: ModelChain, homes: list[Connection], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexer.backfill, "WORTH_A_PROCESS", 1)
    broken, whole = Indexed(homes[0], chain, 1), Indexed(homes[1], chain, 1)
    ask, deaths, one_at_a_time = chain.logs, [], Lock()

    def deadly(from_block: int, to_block: int, addresses: list[str]) -> object:
        with one_at_a_time:
            if from_block > 20 and not deaths:
                deaths.extend(scribes())
                for process in deaths:
                    process.kill()
                    process.wait(PATIENCE_SECONDS)
        return ask(from_block, to_block, addresses)

    monkeypatch.setattr(chain, "logs", deadly)
    with pytest.raises(Interrupted):
        broken.catch_up()
    stopped = broken.checkpoint()["tip"]
    broken.restart()
    broken.catch_up()
    whole.catch_up()

    assert len(deaths) == 1
    assert stopped is None or stopped["number"] < chain.head().number - 1
    assert written(broken) == written(whole)
    assert broken.checkpoint()["digest"] == whole.checkpoint()["digest"]


def test_a_ledger_says_where_it_is_if_it_knows(connection: Connection, mongo_uri: str):
    ours = Connection(connection.client, connection.database, mongo_uri)
    unknown = Connection(connection.client, connection.database)

    assert address_of(Ledger(ours, EPOCH)) == LedgerAddress(
        mongo_uri, connection.database.name, EPOCH, process_name()
    )
    assert address_of(Ledger(unknown, EPOCH)) is None
    assert mongo_uri not in repr(address_of(Ledger(ours, EPOCH))) + repr(ours)
