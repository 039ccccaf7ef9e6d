"""The real indexer, in this process, behind a proxy that misbehaves, on a real node and a real database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chain.chaos.exchange import Limits
from chain.chaos.proxy import ChaosProxy
from chain.chaos.storm import Storm, chosen
from chain.node import Node
from config.settings import Settings, load_settings
from dvault.composition import service_parts, watch_of
from dvault.database import prepare
from indexer.service import Indexer
from store.connection import Connection
from tests.integration.indexing import BRANCHLESS, Document, Documents, Indexing, Stage, assert_same, emptied
from tests.integration.market_play import ETHER, MarketPlay

SECONDS = 90.0
"""Long enough for a storm of waits; no test waits for it to pass."""
LIMITS = Limits(blocks=7, logs=9, calls=4)


@dataclass(frozen=True, slots=True)
class Theatre:
    """A market with some history, and where to index it."""

    stage: Stage
    play: MarketPlay
    connection: Connection
    confirmations: int | None

    def settings(self, urls: Sequence[str]) -> Settings:
        deployed = self.play.deployed
        return load_settings(
            {
                "NETWORK": "local",
                "RPC_URLS": ",".join(urls),
                "FINALITY": "tag" if self.confirmations is None else str(self.confirmations),
                "RWA_ASSET_ADDRESS": deployed.asset,
                "PRICING_AGENT_ADDRESS": deployed.agent,
                "MARKETPLACE_ADDRESS": deployed.marketplace,
                "LOG_RANGE_MAX": "40",
                "LEASE_SECONDS": "5",
            },
            env_file=None,
        )

    def head(self) -> Document:
        block = self.stage.rpc.call("eth_getBlockByNumber", "latest", False)
        return {"number": int(block["number"], 16), "hash": block["hash"]}

    def trade(self, rounds: int) -> None:
        """Five blocks a round: a token is minted, priced, offered and bought; then one of them all at once."""
        play = self.play
        for _ in range(rounds):
            token = play.mint_token(play.alice)
            play.set_price(token, 11 * ETHER)
            play.approve_and_list(play.alice, token, 2 * ETHER)
            play.buy(play.bob, token)
        with play.one_block():
            for price in range(1, 5):
                play.mint(play.carol, price * ETHER)
            play.approve_all(play.carol)

    def reference(self, name: str) -> Indexing:
        """The same chain indexed from an honest node."""
        books = Indexing(
            self.play, emptied(self.connection, name), self.stage.node, self.confirmations, start_block=0
        )
        books.catch_up()
        return books


class Follower:
    """`dvault run`, in a thread."""

    def __init__(self, theatre: Theatre, urls: Sequence[str], connection: Connection) -> None:
        self._theatre = theatre
        self.connection = connection
        self.error: BaseException | None = None
        self.node = Node(urls, deadline_seconds=4.0, log_range_max=40)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[theatre.settings(urls)])

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.node.close()
        self._thread.join(30)
        assert not self._thread.is_alive(), "it does not end"

    def _run(self, settings: Settings) -> None:
        watch = watch_of(self.connection, self._stopping.is_set, lambda _: None)
        parts = service_parts(settings, self.connection, self.node, watch)
        try:
            Indexer(parts, 0.02, self._stopping).run()
        except Exception as error:  # noqa: BLE001
            self.error = error

    def checkpoint(self) -> Document:
        return self.connection.database["checkpoints"].find_one({"_id": "indexer"}) or {}

    def await_head(self, also: Any = lambda: True) -> None:
        """Until tip is the node's head, and live; fails at once if the indexer gives up."""
        deadline = time.monotonic() + SECONDS
        head = self._theatre.head()
        while not self._is_at(head) or not also():
            if self.error is not None:
                raise self.error
            assert time.monotonic() < deadline, f"head {head}, but {self.checkpoint()}; {self.node.report()}"
            time.sleep(0.02)

    def _is_at(self, head: Document) -> bool:
        checkpoint = self.checkpoint()
        return checkpoint.get("state") == "live" and checkpoint.get("tip") == head


@contextmanager
def following(
    theatre: Theatre, proxies: Sequence[ChaosProxy], beside: Sequence[str] = (), name: str = "storm"
) -> Iterator[Follower]:
    """An indexer on an empty database, behind the proxies (and honest nodes beside them)."""
    connection = emptied(theatre.connection, name)
    prepare(connection)
    with Follower(theatre, [*(proxy.url for proxy in proxies), *beside], connection) as follower:
        yield follower


def proxy_of(theatre: Theatre, *names: str, seed: int = 1, rate: float = 0.15) -> ChaosProxy:
    storm = Storm(chosen(names), seed=seed, rate=rate)
    return ChaosProxy(theatre.stage.rpc.url, storm, limits=LIMITS)


def assert_right(theatre: Theatre, connection: Connection, ignoring: Sequence[str] = ()) -> None:
    """What is kept is what an honest node's index has, document for document, and what the contracts say."""
    reference = theatre.reference("honest")
    checkpoint, theirs = (
        connection.database["checkpoints"].find_one({"_id": "indexer"}),
        reference.checkpoint(),
    )
    assert checkpoint is not None
    assert checkpoint["digest"] == theirs["digest"]
    reference.assert_true()
    if checkpoint["finalized"] == theirs["finalized"]:
        names = [name for name in BRANCHLESS if name not in ignoring]
        ours = {(name, each["_id"]): each for name in names for each in connection.database[name].find()}
        assert_same(_without_evidence(ours), _without_evidence(reference.documents(*names)))


def _without_evidence(documents: Documents) -> Documents:
    """How sure we are of a block depends on what the node offers, and nothing else may."""
    return {key: {k: v for k, v in each.items() if k != "evidence"} for key, each in documents.items()}
