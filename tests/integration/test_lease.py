"""The lease: one holder at a time by the server's clock, and whoever lost it cannot write."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
from pymongo.database import Database

from store.connection import Connection, Document, connect
from store.errors import LeaseLost
from store.lease import Lease, LeaseKeeper
from store.mongod import EmbeddedMongod


def commit(database: Database[Document], epoch: int | None) -> bool:
    """What every commit does first: ask for its epoch."""
    moved = database.checkpoints.update_one({"_id": "indexer", "epoch": epoch}, {"$inc": {"version": 1}})
    return moved.matched_count == 1


def server_time(database: Database[Document]) -> datetime:
    now: datetime = database.client.admin.command("hello", codec_options=database.codec_options)["localTime"]
    return now


def acquire_in_the_end(lease: Lease) -> int:
    deadline = monotonic() + 10
    while (epoch := lease.acquire()) is None:
        assert monotonic() < deadline, "the lease never expired"
        sleep(0.02)
    return epoch


@pytest.fixture
def begun(database: Database[Document]) -> Database[Document]:
    database.checkpoints.insert_one({"_id": "indexer", "epoch": 0, "version": 0})
    return database


def test_the_first_to_ask_gets_it_and_the_second_does_not(database: Database[Document]) -> None:
    first, second = Lease(database, "first"), Lease(database, "second")

    assert first.acquire() == 1
    assert second.acquire() is None
    assert second.holder_now() == "first"


def test_acquiring_writes_the_epoch_into_the_checkpoint(begun: Database[Document]) -> None:
    lease = Lease(begun, "first")

    lease.acquire()

    assert commit(begun, lease.epoch)


def test_without_a_checkpoint_none_is_made(database: Database[Document]) -> None:
    Lease(database, "first").acquire()

    assert database.checkpoints.find_one({"_id": "indexer"}) is None


def test_the_epoch_never_falls_even_if_the_lease_was_deleted(database: Database[Document]) -> None:
    database.checkpoints.insert_one({"_id": "indexer", "epoch": 7})

    assert Lease(database, "first").acquire() == 8


def test_of_many_who_ask_at_once_one_gets_it(database: Database[Document]) -> None:
    leases = [Lease(database, f"candidate {number}") for number in range(6)]

    with ThreadPoolExecutor(6) as pool:
        epochs = list(pool.map(Lease.acquire, leases))

    assert sorted(epoch for epoch in epochs if epoch is not None) == [1]


def test_one_that_vanished_while_taking_it_holds_nobody_up(
    database: Database[Document], mongo_uri: str
) -> None:
    """The server would keep its transaction for a minute, and it is not the holder yet."""
    lease = Lease(database, "next", ttl_seconds=1.0)
    lease.acquire()
    lease.release()
    with (
        connect(mongo_uri, database.name) as vanished,
        vanished.client.start_session() as session,
        session.start_transaction(),
    ):
        vanished.database.checkpoints.update_one(
            {"_id": "lease"}, {"$set": {"holder": "vanished"}}, session=session
        )
        started = monotonic()

        assert lease.acquire() is None, "still being taken"
        assert acquire_in_the_end(lease) == 2

        assert monotonic() - started < 8
        session.abort_transaction()


def test_expiry_is_set_and_judged_by_the_servers_clock(database: Database[Document]) -> None:
    before = server_time(database)

    Lease(database, "first", ttl_seconds=60).acquire()

    after = server_time(database)
    document = database.checkpoints.find_one({"_id": "lease"})
    assert document is not None
    assert before + timedelta(seconds=60) <= document["expiresAt"] <= after + timedelta(seconds=60)


def test_a_holder_who_slept_through_a_takeover_can_neither_write_nor_renew(begun: Database[Document]) -> None:
    sleeper, next_one = Lease(begun, "sleeper", ttl_seconds=0.1), Lease(begun, "next")
    sleeper.acquire()

    assert acquire_in_the_end(next_one) == 2

    assert not commit(begun, sleeper.epoch)
    assert not sleeper.renew()
    assert commit(begun, next_one.epoch)


def test_a_late_release_takes_nothing_from_the_next_holder(database: Database[Document]) -> None:
    sleeper, next_one = Lease(database, "sleeper", ttl_seconds=0.1), Lease(database, "next")
    sleeper.acquire()
    acquire_in_the_end(next_one)

    sleeper.release()

    assert sleeper.holder_now() == "next"


def test_a_released_lease_is_free_at_once(database: Database[Document]) -> None:
    first, second = Lease(database, "first"), Lease(database, "second")
    first.acquire()

    first.release()

    assert first.holder_now() is None
    assert second.acquire() == 2


def test_a_takeover_waits_for_a_commit_under_way(begun: Database[Document], connection: Connection) -> None:
    first, second = Lease(begun, "first", ttl_seconds=0.05), Lease(begun, "second")
    first.acquire()
    epochs: list[int] = []
    with connection.client.start_session() as session, session.start_transaction():
        begun.checkpoints.update_one(
            {"_id": "indexer", "epoch": 1}, {"$inc": {"version": 1}}, session=session
        )
        taker = threading.Thread(target=lambda: epochs.append(acquire_in_the_end(second)))
        taker.start()
        taker.join(0.3)
        waiting = taker.is_alive()
    taker.join(10)

    assert waiting
    assert epochs == [2]
    checkpoint = begun.checkpoints.find_one({"_id": "indexer"})
    assert checkpoint == {"_id": "indexer", "epoch": 2, "version": 1}


def test_a_kept_lease_outlives_its_ttl(database: Database[Document]) -> None:
    lease, other = Lease(database, "first", ttl_seconds=0.3), Lease(database, "other")
    lease.acquire()

    with LeaseKeeper(lease) as keeper:
        lost = keeper.lost.wait(0.8)
        keeper.check()
        taken = other.acquire()

    assert not lost
    assert taken is None


def test_the_keeper_notices_a_takeover(database: Database[Document]) -> None:
    lease = Lease(database, "first", ttl_seconds=0.3)
    lease.acquire()

    with LeaseKeeper(lease) as keeper:
        database.checkpoints.update_one({"_id": "lease"}, {"$set": {"holder": "thief"}, "$inc": {"epoch": 1}})
        lost = keeper.lost.wait(5)

    assert lost
    with pytest.raises(LeaseLost, match="epoch 1"):
        keeper.check()


def test_a_lease_that_cannot_be_confirmed_is_lost_before_others_can_take_it(tmp_path: Path) -> None:
    server = EmbeddedMongod(tmp_path)
    server.start()
    with connect(server.uri, "vault", timeout_seconds=1) as connection:
        lease = Lease(connection.database, "first", ttl_seconds=1)
        lease.acquire()
        with LeaseKeeper(lease) as keeper:
            server.kill()
            lost = keeper.lost.wait(5)
            late_by = monotonic() - lease.confirmed_until

    assert lost
    assert late_by < 0.5
