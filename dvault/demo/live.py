"""The live part: one deed a block, now and then a reorg that takes some of them back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from dvault.demo.deeds import Deed, Market
from dvault.demo.history import Planner
from dvault.demo.player import Player

ACTION_SECONDS = (2.0, 5.0)
REORG_EVERY_SECONDS = 40.0
DEEPEST_REORG = 5
ONCE_BEFORE, ONCE_DEPTH, ONCE_AFTER = 7, 3, 4
"""What `--once` plays: deeds, a reorg of that depth, deeds."""
KINDS = ("price", "list", "buy", "delist", "give", "mint")
WEIGHTS = (45, 18, 16, 6, 8, 7)

Tell = Callable[[str], None]
Pause = Callable[[float], None]


class Live:
    """Goes on where history ended; what a reorg takes back has not happened for it either."""

    def __init__(self, planner: Planner, player: Player, tell: Tell) -> None:
        self._planner, self._player, self._tell = planner, player, tell
        self._after: list[Market] = [planner.market.copy()]
        """The market after each of our newest blocks, the first before any of them."""

    @property
    def undoable(self) -> int:
        """How many of the newest blocks are ours and not older than the deepest reorg."""
        return len(self._after) - 1

    def act(self) -> None:
        """Do one thing, in a block of its own."""
        deed = self._decide()
        self._player.play(self._planner.block(int(time.time()), deed))
        self._after = [*self._after, self._planner.market.copy()][-DEEPEST_REORG - 1 :]
        self._tell(f"block {self._player.head.number}  {deed}")

    def reorg(self, depth: int) -> None:
        """Replace our newest blocks by empty ones."""
        self._player.reorg(depth)
        ancestor = self._after[-1 - depth]
        self._after = [*self._after[:-depth], *(ancestor.copy() for _ in range(depth))]
        self._planner.market = ancestor.copy()
        head = self._player.head.number
        blocks = f"block {head}" if depth == 1 else f"blocks {head - depth + 1} to {head}"
        self._tell(f"reorg  {blocks} never happened")

    def _decide(self) -> Deed:
        random = self._planner.random
        for kind in random.choices(KINDS, WEIGHTS, k=20):
            if deed := self._attempt(kind):
                return deed
        return self._planner.mint()

    def _attempt(self, kind: str) -> Deed | None:
        """A deed of that kind, if there is a token for it."""
        planner, random = self._planner, self._planner.random
        traded = planner.traded()
        listed = [token for token in traded if token in planner.market.listings]
        free = [token for token in traded if token not in planner.market.listings]
        match kind:
            case "price":
                return planner.price(random.choice(list(planner.market.owners)))
            case "list" if free:
                return planner.offer(random.choice(free))
            case "buy" if listed:
                return planner.sale(random.choice(listed))
            case "delist" if listed:
                return planner.withdrawal(random.choice(listed))
            case "give" if free:
                return planner.gift(random.choice(free))
            case "mint":
                return planner.mint()
        return None


def play_once(live: Live) -> Iterator[None]:
    """A few deeds, a reorg, a few more; stops at each point where followers should have caught up."""
    for _ in range(ONCE_BEFORE):
        live.act()
    yield
    live.reorg(ONCE_DEPTH)
    yield
    for _ in range(ONCE_AFTER):
        live.act()
    yield


def play_on(live: Live, planner: Planner, pause: Pause) -> NoReturn:
    """Until interrupted."""
    next_reorg = time.monotonic() + REORG_EVERY_SECONDS
    while True:
        live.act()
        pause(planner.random.uniform(*ACTION_SECONDS))
        if time.monotonic() >= next_reorg:
            live.reorg(planner.random.randint(1, live.undoable))
            next_reorg = time.monotonic() + REORG_EVERY_SECONDS
