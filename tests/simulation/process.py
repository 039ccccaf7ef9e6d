"""One process of the indexer, as `dvault run` puts it together, in the small world."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

from chain.decode import AbiEntry
from chain.events import Role
from chain.node import Node
from indexer.finality import FinalityPolicy
from indexer.following import Contracts
from indexer.opening import Options
from indexer.service import Indexer, Parts
from indexer.session import Session, Watch
from store.connection import Connection
from store.errors import Interrupted
from store.lease import Lease
from store.ledger import Ledger
from tests.property.model_chain import DEPLOYED_AT
from tests.property.model_contracts import ABIS, AGENT, MARKET, RWA
from tests.simulation.clock import VirtualClock
from tests.simulation.endpoints import Wires
from tests.simulation.node import CHAIN_ID
from tests.simulation.plan import Plan
from tests.simulation.store_faults import FaultyLink

CONTRACTS = Contracts(RWA, AGENT, MARKET)
ROLES: dict[Role, list[AbiEntry]] = ABIS
LEASE_SECONDS = 10.0
DEADLINE_SECONDS = 12.0
POLL_SECONDS = 1.0


class Stopping:
    """The event that ends a process; while the process waits for it, the world goes on."""

    def __init__(self, while_waiting: Callable[[Process, float], None]) -> None:
        self._while_waiting = while_waiting
        self._is_set = False
        self.process: Process | None = None

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, seconds: float) -> bool:
        assert self.process is not None
        self._while_waiting(self.process, seconds)
        return self._is_set


class Held:
    """A lease that is renewed whenever its process waits."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self.lost = Event()

    @property
    def epoch(self) -> int:
        return self._lease.epoch or 0

    def renew(self) -> None:
        try:
            if not self._lease.renew():
                self.lost.set()
        except Interrupted:
            """The next wait tries again; the epoch keeps us from writing meanwhile."""

    def release(self) -> None:
        try:
            self._lease.release()
        except Interrupted:
            """It will expire."""


class Process:
    """From its start to its end, which may come at any moment."""

    def __init__(
        self, name: str, plan: Plan, wires: Wires, clock: VirtualClock, link: FaultyLink, stopping: Stopping
    ) -> None:
        self.name, self.link, self.stopping = name, link, stopping
        self.lease: Held | None = None
        self.waits = 0
        self.node = Node(
            list(wires.endpoints),
            deadline_seconds=DEADLINE_SECONDS,
            max_batch=plan.max_batch,
            log_range_max=plan.range_max,
            transport=wires,
            clock=clock,
        )
        self._plan = plan
        stopping.process = self

    def run(self, connection: Connection) -> None:
        """Until told to stop. Raises what ends a process: Killed, DeepReorg, Fatal, or a fault of ours."""
        parts = Parts(
            take_lease=lambda: self._take_lease(connection),
            open_ledger=lambda epoch: Ledger(connection, epoch),
            open_session=self._open_session,
        )
        stopping: Any = self.stopping
        Indexer(parts, POLL_SECONDS, stopping).run()

    def _take_lease(self, connection: Connection) -> Held | None:
        lease = Lease(connection.database, self.name, LEASE_SECONDS)
        self.lease = Held(lease) if lease.acquire() is not None else None
        return self.lease

    def _open_session(self, ledger: Ledger) -> Session:
        if self._plan.endpoints > 1:
            self.node.examine()
        self.node.chain_id()
        return Session(self.node, ledger, self._options(), watch_of(self.stopping))

    def _options(self) -> Options:
        policy = FinalityPolicy(self._plan.confirmations, self._plan.max_reorg_depth)
        return Options(CHAIN_ID, CONTRACTS, DEPLOYED_AT, policy, self._plan.range_max, True, ROLES)


def watch_of(stopping: Stopping) -> Watch:
    return Watch(stopping.is_set, lambda _: None, lambda: None)
