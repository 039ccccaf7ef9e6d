"""Markets too large to be read whole, and what the server does for those who read them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from builders import ALICE, BOB, CAROL, ETHER, Seed, asset, at, auth, deed, price
from flask import Flask

from api import make_app
from chain.decode import Decoder
from dvault.past import FoldedHistory
from indexer.past import Past
from store.connection import Connection
from store.indexes import ensure_early, ensure_late
from store.reading import Reading
from store.schema import ensure_collections
from tests.api.credentials import app_with, give, signed_in
from tests.api.signing import BASE_URL, Wallet
from tests.property.indexed import CONTRACTS, Indexed
from tests.property.model_chain import ModelChain
from tests.property.model_contracts import ABIS

MANY = 600
TIP = 10_000
OWNERS, KINDS = (ALICE, BOB, CAROL), ("Art", "Wine", "Car")
READ_WHOLE = ("checkpoints", "market", "tradeHours")
"""Collections of a document or two; and the sums of every hour, all of which are added up."""
FINAL = 46
"""Of the chain that was lived through: blocks above it can still be taken back."""


def stand(seed: Seed) -> None:
    """The checkpoint of the market that is only told."""
    final = {"number": TIP - 10, "timestamp": at(TIP - 10)}
    seed.checkpoint(TIP, finalizedAt=final)


class Watched:
    """A client of an application, and what the server did for it."""

    def __init__(self, connection: Connection, app: Flask) -> None:
        self.database, self.client = connection.database, app.test_client()
        self.headers: dict[str, str] = {}

    def get(self, url: str, **query: Any) -> Any:
        return self.client.get(url, query_string=query, headers=self.headers, base_url=BASE_URL)

    def watch(self) -> None:
        """Forget what the server did so far."""
        self.database.command("profile", 0)
        self.database["system.profile"].drop()
        self.database.command("profile", 2)

    def done(self, **where: Any) -> list[dict[str, Any]]:
        """What the server did for readers since it was last asked, but for what is meant to be read whole."""
        wanted = {"op": {"$in": ["query", "command"]}, "planSummary": {"$exists": True}, **where}
        found = list(self.database["system.profile"].find(wanted))
        self.watch()
        return [one for one in found if "system." not in one["ns"] and name_of(one) not in READ_WHOLE]

    def scans(self) -> list[str]:
        """The collections that it read whole."""
        return [name_of(one) for one in self.done(planSummary={"$regex": "COLLSCAN"})]


def name_of(one: dict[str, Any]) -> str:
    """The collection that something was done to."""
    return str(one["ns"].partition(".")[2])


@contextmanager
def fresh(shared: Connection) -> Iterator[Connection]:
    """A database with every collection and index, dropped afterwards."""
    connection = Connection(shared.client, shared.client[f"test_{uuid.uuid4().hex[:16]}"])
    ensure_collections(connection.database)
    yield connection
    connection.database.command("profile", 0)
    connection.client.drop_database(connection.database.name)


def indexed(connection: Connection) -> None:
    ensure_early(connection.database)
    ensure_late(connection.database)


@contextmanager
def told_market(shared: Connection, folder: Any) -> Iterator[Watched]:
    """Many assets, deeds and prices as documents, asked about by an admin."""
    with fresh(shared) as connection:
        seed = Seed(connection.database)
        stand(seed)
        seed.market()
        seed.assets(*[
            asset(i, owner=OWNERS[i % 3], assetType=KINDS[i % 3], listing_wei=i * ETHER if i % 2 else None,
                  confidence=i % 100, verification={"isVerified": i % 5 == 0})
            for i in range(MANY)
        ])  # fmt: skip
        seed.deeds(*[deed("mint", i, i, buyer=OWNERS[i % 3]) for i in range(MANY)])
        seed.deeds(*[
            deed("buy", i % 50, i, seller=OWNERS[i % 3], buyer=OWNERS[(i + 1) % 3], price_wei=1)
            for i in range(MANY)
        ])  # fmt: skip
        seed.prices(*[price(i % 10, i, ETHER) for i in range(MANY)])
        indexed(connection)
        watched = Watched(connection, app_with(connection.database, folder))
        admin = Wallet("ada")
        watched.headers = signed_in(watched.client, admin)
        give(connection.database, admin, "admin")
        connection.database["sessions"].update_many({}, [{"$set": {"mfaAt": "$$NOW"}}])
        watched.watch()
        yield watched


@contextmanager
def lived_market(shared: Connection) -> Iterator[Watched]:
    """An index of a chain with many blocks, of which the last are not final."""
    with fresh(shared) as connection:
        chain = ModelChain()
        numbers = itertools.count()
        index = Indexed(connection, chain, 60 - FINAL, range_max=50)
        for number in range(2, 61):
            deeds = [("mint", 0, next(numbers), 2) for _ in range(3)]
            trade = [
                ("list", next(numbers), 0, 2),
                ("price", 0, next(numbers), 3),
                ("buy", next(numbers), 1, 0),
            ]
            chain.view = chain.mine(chain.view, [(each,) for each in (*deeds, *trade)])
            if number > FINAL:
                index.catch_up()  # block by block, as one follows the head
        indexed(connection)
        app = make_app(
            Reading(connection.database),
            secret_key="a test",
            auth=auth(connection.database),
            history=FoldedHistory(Past(CONTRACTS, Decoder(ABIS))),
        )
        watched = Watched(connection, app)
        watched.watch()
        yield watched
