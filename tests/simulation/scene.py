"""Where the story takes place: the chain as it grows, and the nodes that speak of it, each in its own way."""

from __future__ import annotations

from random import Random

from tests.property.model_chain import Block
from tests.simulation.clock import VirtualClock
from tests.simulation.endpoints import Endpoint, Wires
from tests.simulation.generator import Generator
from tests.simulation.node import HonestNode
from tests.simulation.plan import Plan, faults_of


class Scene:
    """Moves when it is told to, by chance, until it is calm."""

    def __init__(self, plan: Plan, clock: VirtualClock, chance: Random) -> None:
        self._plan, self._chance = plan, chance
        self.world = Generator(Random(f"chain {plan.seed}"), plan.depth)
        self.endpoints = [self._endpoint(place) for place in range(plan.endpoints)]
        self.wires = Wires(self.endpoints, clock, Random(f"wires {plan.seed}"))
        self.is_calm = False
        self.world.grow(plan.history)
        self._see(self.head)

    @property
    def head(self) -> Block:
        return self.world.head

    @property
    def blocks(self) -> dict[str, Block]:
        """Every block ever mined, by hash."""
        return self.world.chain.blocks

    @property
    def is_told(self) -> bool:
        """Whether enough has happened."""
        return len(self.blocks) > self._plan.blocks and self.world.forks >= self._plan.forks

    def change(self) -> None:
        """What may happen between two looks of the indexer at the chain."""
        chance = self._chance
        for deed, share in (
            (lambda: self.world.grow(chance.randint(1, 3)), 0.75),
            (self.world.fork, 0.14),
            (self.world.move_tag, 0.3),
            (lambda: self.world.grow(chance.randint(10, 30)), 0.02),
            (self.change_weather, 0.06),
        ):
            if chance.random() < share:
                deed()

    def change_in_between(self) -> None:
        """A node may change its mind between two answers."""
        if not self.is_calm and self._chance.random() < 0.03:
            self._chance.choice([self.world.fork, lambda: self.world.grow(1), self._prune])()
            self.move_views()

    def go_on(self) -> None:
        """One block more."""
        self.world.grow(1)
        self.move_views()

    def move_views(self) -> None:
        """Most endpoints have the head; one may be behind, or still on a branch that was left."""
        chance, head = self._chance, self.head
        for endpoint in self.endpoints:
            where = chance.random()
            if where < 0.75:
                endpoint.node.view = head
            elif where < 0.9:
                lower = self.world.chain.ancestor(head, max(1, head.number - chance.randint(1, 6)))
                endpoint.node.view = lower or head

    def calm_down(self) -> None:
        """No more faults, and one branch that wins."""
        self.is_calm = True
        self.world.rise_above_all()
        for endpoint in self.endpoints:
            endpoint.scenarios, endpoint.node.prunes = [], False
        self._see(self.head)

    def _endpoint(self, place: int) -> Endpoint:
        node = HonestNode(self.world.chain, self.head)
        if self._plan.confirmations is None:
            node.tagged = self.world.tagged
        url = f"http://node-{place}.example"
        endpoint = Endpoint(url, node, rate=self._plan.rate, limits=self._plan.limits)
        endpoint.scenarios = faults_of(self._plan, self._chance, place)
        return endpoint

    def change_weather(self) -> None:
        for place, endpoint in enumerate(self.endpoints):
            endpoint.scenarios = faults_of(self._plan, self._chance, place)
            endpoint.node.prunes = self._chance.random() < 0.3

    def _prune(self) -> None:
        for endpoint in self.endpoints:
            endpoint.node.prunes = not endpoint.node.prunes

    def _see(self, head: Block) -> None:
        for endpoint in self.endpoints:
            endpoint.node.view = head
