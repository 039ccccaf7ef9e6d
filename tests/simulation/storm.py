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
from store.connection import application
from store.errors import StoreError
from store.ledger import Ledger
from tests.simulation.clock import VirtualClock
from tests.simulation.oracle.replay import Oracle
from tests.simulation.people import People
from tests.simulation.plan import Plan, plan_of
from tests.simulation.process import Process, Stopping
from tests.simulation.scene import Scene
from tests.simulation.store_faults import CALM, Events, FaultyLink, Killed
from tests.simulation.stores import FakeStore
from tests.simulation.surroundings import small_world
from tests.simulation.verdict import differences

PROCESSES = 60
"""That one story may use up."""
RESTART_SECONDS = 2.0
REWINDS, LONG = 2, 1.5
"""A story goes on until it has so many, or so many times the blocks of its plan."""
STARTS_IN_CALM, WAITS_IN_CALM = 3, 400
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
    rewinds: int = 0
    boundaries: int = 0
    """Of the store, that the first process came to."""
    trace: str = ""
    injected: Counter[str] = field(default_factory=Counter)


class Storm:
    """Tells the story of one seed. Use once.

    `kill_at`: the boundary of the store at which the first process dies, whatever the weather.
    """

    def __init__(self, plan: Plan, store: Any = None, kill_at: int | None = None) -> None:
        self.plan = plan
        self.clock = VirtualClock()
        self.store = store or FakeStore(self.clock)
        self.outcome = Outcome(plan.seed)
        self._kill_at = kill_at
        self._chance = Random(f"world {plan.seed}")
        self._breaks = Random(f"breaks {plan.seed}")
        self._trace = hashlib.blake2b(digest_size=16)
        self.scene = Scene(plan, self.clock, self._chance)
        self.scene.wires.on_exchange = self._exchanged
        self.oracle = Oracle(self.scene.world.chain)
        self.people = People(self._calm_connection("people").database, Random(f"people {plan.seed}"))
        self._is_guest_here = False
        self._starts_in_calm = self._waits_in_calm = 0

    def run(self) -> Outcome:
        with small_world(self.plan, self.clock, Random(f"pools {self.plan.seed}")):
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
            if self.outcome.processes >= PROCESSES:
                self._calm_down()
            if self._starts_in_calm == STARTS_IN_CALM:
                raise AssertionError(f"does not reach {self.scene.head.header.ref}: {self._checkpoint()}")
            self._starts_in_calm += self.scene.is_calm
            self._run(self._process(Stopping(self._while_waiting)))
            self.clock.pass_by(RESTART_SECONDS)
            if self._is_told():
                self._calm_down()
            elif not self.scene.is_calm:
                self._move_world()

    def _run(self, process: Process) -> None:
        try:
            process.run(self.store.connect(application(process.name), process.link))
        except Killed:
            self.store.forget_the_dead()
        except ENDINGS as error:
            self._note(f"ended {type(error).__name__}")
            self.scene.change_weather()  # somebody looks after the endpoints
            if self.scene.is_calm:
                raise
        finally:
            process.link.dead = True
            process.node.close()
            self.outcome.boundaries = self.outcome.boundaries or process.link.boundaries

    def _while_waiting(self, process: Process, seconds: float) -> None:
        """The process has nothing to do for some seconds: the world moves on."""
        self.clock.pass_by(seconds)
        process.waits += 1
        if process.lease is not None and not process.lease.lost.is_set():
            process.lease.renew()
        if self.scene.is_calm:
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
        self.scene.change()
        if self._chance.random() < 0.04:
            self._look()
        if self._chance.random() < 0.15:
            self._edit()
        self.scene.move_views()
        self._note(f"turn {self.scene.head.hash}")

    def _end_storm(self, process: Process) -> None:
        """Let the process go on in calm, or start another one."""
        if self._chance.random() < 0.3:
            process.stopping.set()
        else:
            self._calm_down()
            process.link.weather = CALM

    def _calm_down(self) -> None:
        if not self.scene.is_calm:
            self.scene.calm_down()
            self._note("calm")

    def _is_told(self) -> bool:
        """Enough has happened, also to the indexer; some stories have few rewinds, however long they are."""
        checkpoint = self._checkpoint()
        rewinds = checkpoint["reorgs"] if checkpoint else 0
        long = len(self.scene.blocks) > LONG * self.plan.blocks
        return self.scene.is_told and (rewinds >= REWINDS or long)

    def _has_arrived(self) -> bool:
        checkpoint = self._checkpoint()
        if not self.scene.is_calm or checkpoint is None or checkpoint["tip"] is None:
            return False
        return bool(checkpoint["tip"]["hash"] == self.scene.head.hash and checkpoint["state"] == "live")

    # --- processes ------------------------------------------------------------------------

    def _process(self, stopping: Stopping) -> Process:
        self.outcome.processes += 1
        name = f"process {self.outcome.processes}"
        self._note(name)
        link = FaultyLink(CALM if self.scene.is_calm else self.plan.weather, self._breaks, self._events())
        if self.outcome.processes == 1:
            link.kill_at = self._kill_at
        return Process(name, self.plan, self.scene.wires, self.clock, link, stopping)

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
        if self._is_guest_here or self.scene.is_calm or self.store.is_writing():
            return
        self._is_guest_here = True
        self.outcome.injected["overslept " + " ".join(where.split()[:2])] += 1
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
        self.scene.go_on()
        if guest.waits >= WAITS_OF_A_GUEST:
            guest.stopping.set()

    # --- looking and writing ----------------------------------------------------------------

    def _look(self) -> None:
        """Somebody reads everything at this moment: it must be true of the checkpoint's tip."""
        self.outcome.looks += 1
        self._judge(f"at {self.clock.seconds:.2f} s")

    def _edit(self) -> None:
        self.outcome.edits += 1
        self.people.write(self.store.free_assets())

    def _look_or_edit(self) -> None:
        self._look() if self._chance.random() < 0.5 else self._edit()

    def _judge(self, when: str) -> None:
        held = self.store.moment()
        thorough = self.scene.is_calm
        found = differences(held, self.oracle, self.scene.blocks, thorough=thorough)
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
        return self.store.checkpoint()

    def _calm_connection(self, name: str) -> Any:
        return self.store.connect(name, FaultyLink(CALM, Random(0), self._events()))

    # --- what is told of it -------------------------------------------------------------------

    def _exchanged(self, _: str, body: bytes, told: Any) -> None:
        self.scene.change_in_between()
        self._trace.update(body)
        self._trace.update(told.body if hasattr(told, "body") else str(told).encode())

    def _note(self, what: str) -> None:
        self._trace.update(what.encode())

    def _told(self) -> Outcome:
        for content in self._contents():
            self._trace.update(content)
        outcome = self.outcome
        outcome.blocks, outcome.forks = len(self.scene.blocks), self.scene.world.forks
        outcome.rewinds = len(self.store.moment()("reorgs"))
        outcome.injected += self.scene.wires.injected
        outcome.trace = self._trace.hexdigest()
        return outcome

    def _contents(self) -> Iterator[bytes]:
        checkpoint = self._checkpoint() or {}
        for name in ("tip", "finalized", "events", "digest", "rollingDigest", "version", "seq", "evidence"):
            yield f"{name} {checkpoint.get(name)}".encode()


def told(seed: int, store: Any = None) -> Outcome:
    """Run one seed."""
    return Storm(plan_of(seed), store).run()
