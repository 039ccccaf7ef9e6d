"""One seed from its first block to the verdict: a chain that changes its mind, nodes that fail, a database
that fails, processes that die, people who write; then calm, and everything has to be right.
"""

from __future__ import annotations

import hashlib
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from chain.errors import Fatal
from indexer.branch import DeepReorg
from indexer.digest import to_text
from indexer.loading import scan_digest
from store.errors import StoreError
from store.ledger import Ledger
from tests.property.model_chain import Block
from tests.simulation.clock import VirtualClock
from tests.simulation.endpoints import Endpoint, Wires
from tests.simulation.generator import Generator
from tests.simulation.node import HonestNode
from tests.simulation.oracle.replay import Oracle
from tests.simulation.people import People
from tests.simulation.plan import Plan, faults_of, plan_of
from tests.simulation.process import Process, Stopping, application_of
from tests.simulation.store_faults import CALM, Events, FaultyLink, Killed
from tests.simulation.stores import FakeStore
from tests.simulation.surroundings import small_world
from tests.simulation.verdict import differences

PROCESSES = 60
"""That one story may use up."""
RESTART_SECONDS = 2.0
WAITS_IN_CALM = 400
WAITS_OF_A_GUEST = 4
ENDINGS = (DeepReorg, Fatal, StoreError)
"""What may end a process while faults strike: it says why, and is started again."""


@dataclass
class Outcome:
    """What came of a seed."""

    seed: int
    differences: list[str] = field(default_factory=list)
    blocks: int = 0
    forks: int = 0
    processes: int = 0
    looks: int = 0
    edits: int = 0
    trace: str = ""
    injected: Counter[str] = field(default_factory=Counter)


class Storm:
    """Tells the story of one seed. Use once."""

    def __init__(self, plan: Plan, store: Any = None) -> None:
        self.plan = plan
        self.clock = VirtualClock()
        self.store = store or FakeStore(self.clock)
        self._chance = Random(f"world {plan.seed}")
        self._breaks = Random(f"breaks {plan.seed}")
        self.world = Generator(Random(f"chain {plan.seed}"), plan.depth)
        self.oracle = Oracle(self.world.chain)
        self.outcome = Outcome(plan.seed)
        self._trace = hashlib.blake2b(digest_size=16)
        self.endpoints = [self._endpoint(place) for place in range(plan.endpoints)]
        self.wires = Wires(self.endpoints, self.clock, Random(f"wires {plan.seed}"))
        self.wires.on_exchange = self._exchanged
        self.people = People(self._calm_connection("people").database, Random(f"people {plan.seed}"))
        self._is_calm = self._is_guest_here = False
        self._waits_in_calm = 0

    def run(self) -> Outcome:
        with small_world(self.plan, self.clock, Random(f"pools {self.plan.seed}")):
            self.world.grow(self.plan.history)
            self._see(self.world.head)
            try:
                self._tell()
                self._judge("in the end")
                self._start_again_and_look()
                self._judge_digest()
            except Exception as error:  # noqa: BLE001 - whatever is raised here is the verdict
                self.outcome.differences.append("".join(traceback.format_exception(error)[-8:]))
        return self._told()

    # --- the story ----------------------------------------------------------------------

    def _tell(self) -> None:
        while not self._has_arrived():
            if self.outcome.processes == PROCESSES:
                self._calm_down()
            if self.outcome.processes > PROCESSES + 3:
                raise AssertionError(f"does not reach {self.world.head.header.ref}: {self._checkpoint()}")
            self._run(self._process(Stopping(self._while_waiting)))
            self.clock.pass_by(RESTART_SECONDS)
            if self._is_told():
                self._calm_down()
            elif not self._is_calm:
                self._move_world()

    def _run(self, process: Process) -> None:
        try:
            process.run(self.store.connect(application_of(process.name), process.link))
        except Killed:
            self.store.forget_the_dead()
        except ENDINGS as error:
            self._note(f"ended {type(error).__name__}")
            if self._is_calm:
                raise
        finally:
            process.link.dead = True
            process.node.close()

    def _while_waiting(self, process: Process, seconds: float) -> None:
        """The process has nothing to do for some seconds: the world moves on."""
        self.clock.pass_by(seconds)
        process.waits += 1
        if process.lease is not None and not process.lease.lost.is_set():
            process.lease.renew()
        if self._is_calm:
            self._wait_in_calm(process)
        else:
            self._turn(process)

    def _wait_in_calm(self, process: Process) -> None:
        self._waits_in_calm += 1
        if self._has_arrived() or self._waits_in_calm > WAITS_IN_CALM:
            process.stopping.set()

    def _turn(self, process: Process) -> None:
        self._move_world()
        if process.link.weather.killing > 0 and self._chance.random() < 0.01:
            process.link.dead = True
            raise Killed
        if self._is_told():
            self._end_storm(process)

    def _move_world(self) -> None:
        chance = self._chance
        for deed, share in (
            (lambda: self.world.grow(chance.randint(1, 3)), 0.75),
            (self.world.fork, 0.14),
            (self.world.move_tag, 0.3),
            (lambda: self.world.grow(chance.randint(10, 30)), 0.02),
            (self._change_weather, 0.06),
            (self._look, 0.04),
            (self._edit, 0.15),
        ):
            if chance.random() < share:
                deed()
        self._move_views()
        self._note(f"turn {self.world.head.hash}")

    def _end_storm(self, process: Process) -> None:
        """Let the process go on in calm, or start another one."""
        if self._chance.random() < 0.3:
            process.stopping.set()
        else:
            self._calm_down()
            process.link.weather = CALM

    def _is_told(self) -> bool:
        return len(self.world.chain.order) > self.plan.blocks and self.world.forks >= self.plan.forks

    def _calm_down(self) -> None:
        if self._is_calm:
            return
        self._is_calm = True
        self.world.rise_above_all()
        for endpoint in self.endpoints:
            endpoint.scenarios, endpoint.node.prunes = [], False
            endpoint.node.view = self.world.head
        self._note("calm")

    def _has_arrived(self) -> bool:
        checkpoint = self._checkpoint()
        if not self._is_calm or checkpoint is None or checkpoint["tip"] is None:
            return False
        return bool(checkpoint["tip"]["hash"] == self.world.head.hash and checkpoint["state"] == "live")

    # --- processes ------------------------------------------------------------------------

    def _process(self, stopping: Stopping) -> Process:
        self.outcome.processes += 1
        name = f"process {self.outcome.processes}"
        self._note(name)
        link = FaultyLink(CALM if self._is_calm else self.plan.weather, self._breaks, self._events())
        return Process(name, self.plan, self.wires, self.clock, link, stopping)

    def _events(self) -> Events:
        return Events(
            noted=self._note,
            looked=self._look_or_edit,
            slept=self._oversleep,
            wait=self.clock.pass_by,
            step_down=self.store.step_down,
            injected=self.outcome.injected,
        )

    def _oversleep(self, where: str) -> None:
        """The process sleeps through its lease, and another one takes over for a while."""
        if self._is_guest_here or self._is_calm or self.store.is_writing():
            return
        self._is_guest_here = True
        self.outcome.injected[f"overslept {where.split(maxsplit=1)[0]} {where.split()[1]}"] += 1
        self.store.forget_the_dead()
        guest = self._process(Stopping(self._while_guest_waits))
        try:
            self._run(guest)
        finally:
            self._is_guest_here = False

    def _while_guest_waits(self, guest: Process, seconds: float) -> None:
        self.clock.pass_by(seconds)
        guest.waits += 1
        if guest.lease is not None and not guest.lease.lost.is_set():
            guest.lease.renew()
        self.world.grow(1)
        self._move_views()
        if guest.waits >= WAITS_OF_A_GUEST:
            guest.stopping.set()

    # --- the nodes ------------------------------------------------------------------------

    def _endpoint(self, place: int) -> Endpoint:
        node = HonestNode(self.world.chain, self.world.head)
        if self.plan.confirmations is None:
            node.tagged = self.world.tagged
        endpoint = Endpoint(
            f"http://node-{place}.example", node, rate=self.plan.rate, limits=self.plan.limits
        )
        endpoint.scenarios = faults_of(self.plan, self._chance, place)
        return endpoint

    def _change_weather(self) -> None:
        for place, endpoint in enumerate(self.endpoints):
            endpoint.scenarios = faults_of(self.plan, self._chance, place)
            endpoint.node.prunes = self._chance.random() < 0.3

    def _prune(self) -> None:
        for endpoint in self.endpoints:
            endpoint.node.prunes = not endpoint.node.prunes

    def _see(self, head: Block) -> None:
        for endpoint in self.endpoints:
            endpoint.node.view = head

    def _move_views(self) -> None:
        """Most endpoints have the head; one may be behind, or still on a branch that was left."""
        chance, head = self._chance, self.world.head
        for endpoint in self.endpoints:
            where = chance.random()
            if where < 0.75:
                endpoint.node.view = head
            elif where < 0.9:
                lower = self.world.chain.ancestor(head, max(1, head.number - chance.randint(1, 6)))
                endpoint.node.view = lower or head

    def _exchanged(self, url: str, body: bytes, told: Any) -> None:
        """A node may change its mind between two answers."""
        if not self._is_calm and self._chance.random() < 0.03:
            self._chance.choice([self.world.fork, lambda: self.world.grow(1), self._prune])()
            self._move_views()
        self._trace.update(body)
        self._trace.update(told.body if hasattr(told, "body") else str(told).encode())

    # --- looking and writing ----------------------------------------------------------------

    def _look(self) -> None:
        """Somebody reads everything at this moment: it must be true of the checkpoint's tip."""
        self.outcome.looks += 1
        self._judge(f"at {self.clock.seconds:.2f} s")

    def _edit(self) -> None:
        self.outcome.edits += 1
        self.people.write(self.store.moment()("assets"), self.store.busy())

    def _look_or_edit(self) -> None:
        self._look() if self._chance.random() < 0.5 else self._edit()

    def _judge(self, when: str) -> None:
        held = self.store.moment()
        thorough = self._is_calm
        found = differences(held, self.oracle, self.world.chain.blocks, thorough=thorough)
        found += self.people.differences(held("assets"), held("orphans"))
        self.outcome.differences += [f"{when}: {each}" for each in found]

    def _start_again_and_look(self) -> None:
        """What a new process loads must lead to the same."""
        self._waits_in_calm = WAITS_IN_CALM
        self._run(self._process(Stopping(self._while_waiting)))
        self._judge("after another start")

    def _judge_digest(self) -> None:
        """The state digest moved along with every commit; it must be that of the documents as they are."""
        scanned = to_text(scan_digest(Ledger(self._calm_connection("digest"), -1)))
        told = self._checkpoint()["digest"]
        if told != scanned:
            self.outcome.differences.append(f"in the end: the state digest is {told}, not {scanned}")

    def _checkpoint(self) -> Any:
        return self.store.moment()("checkpoints").get("indexer")

    def _calm_connection(self, name: str) -> Any:
        return self.store.connect(name, FaultyLink(CALM, Random(0), self._events()))

    # --- what is told of it -------------------------------------------------------------------

    def _note(self, what: str) -> None:
        self._trace.update(what.encode())

    def _told(self) -> Outcome:
        for content in self._contents():
            self._trace.update(content)
        outcome = self.outcome
        outcome.blocks, outcome.forks = len(self.world.chain.order), self.world.forks
        outcome.injected += self.wires.injected
        outcome.trace = self._trace.hexdigest()
        return outcome

    def _contents(self) -> Iterator[bytes]:
        checkpoint = self._checkpoint() or {}
        for name in ("tip", "finalized", "events", "digest", "rollingDigest", "version", "seq", "evidence"):
            yield f"{name} {checkpoint.get(name)}".encode()


def told(seed: int, store: Any = None) -> Outcome:
    """Run one seed."""
    return Storm(plan_of(seed), store).run()
