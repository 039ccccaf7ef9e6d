"""A chain that grows, forks and changes its mind, by a seed; what was final once stays so on every branch."""

from __future__ import annotations

from random import Random

from tests.property.model_chain import Block, ModelChain, Transaction
from tests.property.model_contracts import DEEDS, Deed

COMMON = (
    "mint", "mint", "list", "list", "list", "buy", "buy", "transfer", "send_back", "approve_all", "delist",
    "price", "price", "approve", "fee", "approve_all", "change_lister", "change_lister",
)  # fmt: skip
SELDOM = tuple(sorted(DEEDS))
REMEMBERED = 40
"""Transactions that may turn up again on another branch."""


class Generator:
    """Mines onto `head`. `depth` blocks below any block nothing changes any more."""

    def __init__(self, rng: Random, depth: int) -> None:
        self._rng = rng
        self._depth = depth
        self.chain = ModelChain()
        self.head = self.chain.view
        self.final = self.chain.genesis
        """The newest block that some node may by now have called final."""
        self.forks = 0
        self.tag = 0
        self._mempool: list[Transaction] = []
        self._eventful = rng.choice([0.2, 0.5, 0.8])
        """The share of blocks that log anything."""
        self._common = (*COMMON, *rng.sample(SELDOM, 4))
        """What is seldom otherwise is common in some stories."""
        self._rare = rng.choice([0.05, 0.15, 0.4])

    def grow(self, count: int) -> None:
        for _ in range(count):
            self._mine(self.head)

    def fork(self) -> None:
        """Leave the last blocks, or turn back to a branch that was left: shorter, as long, or longer."""
        fit = [each for each in self.chain.order[-3 * self._depth :] if self._may_be_parent(each)]
        fit = [each for each in fit if each is not self.head]
        if not fit:
            return
        parent = self._rng.choice(fit[-12:] if self._rng.random() < 0.8 else fit)
        self.forks += parent is not self.head
        self._mine(parent)
        self.grow(self._rng.choice([0, 0, 1, 2, self._depth // 2]))

    def rise_above_all(self) -> None:
        """One branch wins beyond doubt."""
        highest = max(block.number for block in self.chain.order)
        self.grow(max(1, highest + 1 - self.head.number))

    def move_tag(self) -> None:
        """The node calls some block of the head's branch final; never a lower one than before."""
        self.tag = max(self.tag, self._rng.randint(self.tag, max(self.tag, self.head.number - 2)))
        self._settle(self.tag)

    def tagged(self, view: Block) -> int:
        """What a node with this view says: its tag may lag, but never names a block off the branch that won."""
        number = min(self.tag, view.number)
        while self.chain.ancestor(view, number) is not self.chain.ancestor(self.head, number):
            number -= 1
        return number

    def _mine(self, parent: Block) -> None:
        block = self.chain.mine(parent, self._transactions())
        self.head = self.chain.view = block
        self._settle(block.number - self._depth)

    def _settle(self, number: int) -> None:
        if number > self.final.number:
            final = self.chain.ancestor(self.head, number)
            assert final is not None
            self.final = final

    def _may_be_parent(self, block: Block) -> bool:
        return block.number >= self.final.number and self.chain.descends(block, self.final.hash)

    # --- transactions -----------------------------------------------------------------

    def _transactions(self) -> list[Transaction]:
        rng = self._rng
        if rng.random() > self._eventful:
            return []
        chosen = [self._fresh() for _ in range(rng.choice([0, 1, 1, 2, 3]))]
        if self._mempool and rng.random() < 0.5:
            chosen += rng.sample(self._mempool, min(len(self._mempool), rng.randint(1, 3)))
        rng.shuffle(chosen)
        self._mempool = [*self._mempool, *chosen][-REMEMBERED:]
        return list(dict.fromkeys(chosen))

    def _fresh(self) -> Transaction:
        return tuple(self._deed() for _ in range(self._rng.choice([1, 1, 1, 2, 2, 3, 6])))

    def _deed(self) -> Deed:
        rng = self._rng
        word = rng.choice(SELDOM if rng.random() < self._rare else self._common)
        return word, rng.randrange(60), rng.randrange(60), rng.randrange(60)
