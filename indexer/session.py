"""One indexer at work under one lease: knows where we stand, and steps towards the head."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from chain.decode import Decoder
from chain.errors import Unknown
from chain.values import Header
from indexer.backfill import Backfill, Progress
from indexer.branch import join
from indexer.following import Following
from indexer.gather import Gatherer
from indexer.interpret import Interpreter
from indexer.live import Follower
from indexer.loading import load_market, load_window, scan_digest
from indexer.opening import Opening, Options
from indexer.parents import Parents
from indexer.ports import Chain
from indexer.settled import settled_block
from indexer.standing import Standing
from indexer.state import AssetKey, AssetState, MarketState, OperatorKey
from indexer.window import Bases, Window
from indexer.world import World
from store.ledger import Ledger

logger = logging.getLogger(__name__)

LIVE_REACH = 16
"""Final blocks that are still applied one by one; more are worth a backfill."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How the outside follows and ends a session."""

    stopping: Callable[[], bool]
    on_progress: Callable[[Progress], None]
    on_history_complete: Callable[[], None]
    """Called once, before the first live block: the time to build the remaining indexes."""


class Session:
    """Everything needed to index, loaded from the store; after an error of the store, load another."""

    def __init__(self, chain: Chain, ledger: Ledger, options: Options, watch: Watch) -> None:
        self._chain = chain
        self._ledger = ledger
        self._options = options
        self._watch = watch
        opening = Opening(chain, ledger, options)
        self._gatherer = Gatherer(chain, enrich=options.enrich, blooms=opening.blooms())
        self._following = Following(
            options.contracts, Decoder(options.abis), self._gatherer, options.start_block, options.range_max
        )
        self._standing = opening.standing()
        self._follower = self._load_follower()

    @property
    def standing(self) -> Standing:
        return self._follower.standing if self._follower else self._standing

    # --- stepping ---------------------------------------------------------------------

    def step(self) -> bool:
        """Ask for the head and come closer to it. True if anything changed. Raises DeepReorg, RpcError."""
        head, tagged = self._ask_head()
        final = self._options.policy.finalized(head.number, tagged.number if tagged else None)
        if self._is_far_below(final):
            return self.backfill(final, head, tagged)
        if self._standing.tip is not None and (self._follower is None or self.standing.digest is None):
            self._complete_history()  # a fault or a crash came between the last range and this
            self._follower = self._load_follower()
        if self._follower is None:
            self._follower = self._young_follower()
        if self._follower is None:
            self._note_head(head)
            return False
        return self._follower.follow(head, tagged)

    def backfill(self, to_block: int, head: Header, tagged: Header | None = None) -> bool:
        """Index final history up to a block, then stand ready to follow."""
        self._settle_window(to_block, head)
        end = tagged if tagged and tagged.number == to_block else self._settled(to_block, head)
        self._standing = self.standing.seeing(head)
        backfill = Backfill(
            self._chain,
            self._ledger,
            self._gatherer,
            self._following,
            load_market(self._ledger),
            self._standing,
            range_max=self._options.range_max,
            depth=self._options.policy.depth,
            somebody_listens=self._was_told(),
        )
        try:
            backfill.run(end.ref, self._watch.stopping, self._watch.on_progress)
        finally:
            self._follower = None
            self._standing = backfill.standing
        if not self._watch.stopping():
            self._complete_history()
        self._follower = self._load_follower()
        return True

    def _was_told(self) -> bool:
        """Whether listeners have been told anything yet."""
        return bool((self._ledger.checkpoint() or {}).get("seq"))

    def backfill_to(self, to_block: int) -> None:
        """Index up to a block that is final."""
        self.backfill(to_block, self._chain.head())

    def rewind_to(self, number: int) -> None:
        """Take back every block above one of the window, as if a reorg had."""
        follower = self._follower
        ref = follower.window.ref(number) if follower else None
        if follower is None or ref is None:
            raise Unknown(f"block {number} in the window of unfinalized blocks")
        follower.rewind(ref)

    def final_block(self) -> int:
        """The newest final block, by the policy; -1 if there is none."""
        head, tagged = self._ask_head()
        return self._options.policy.finalized(head.number, tagged.number if tagged else None)

    @property
    def start_block(self) -> int:
        return self._options.start_block

    @property
    def next_block(self) -> int:
        """The first block that is not indexed."""
        tip = self.standing.tip
        return tip.number + 1 if tip else self._options.start_block

    def _ask_head(self) -> tuple[Header, Header | None]:
        return self._chain.ends() if self._options.policy.uses_tag else (self._chain.head(), None)

    def _is_far_below(self, final: int) -> bool:
        missing = final - self.next_block + 1
        return missing > (LIVE_REACH if self._follower else 0)

    def _settled(self, number: int, head: Header) -> Header:
        return settled_block(self._chain, number, self._options.policy.depth, head)

    def _settle_window(self, final: int, head: Header) -> None:
        """Before ranges take over: take back what is not on the node's chain, let the rest be final."""
        follower = self._follower
        if follower is None or not follower.window.blocks:
            return
        tip = follower.window.tip
        told = self._settled(tip.number, head)
        if told.hash != tip.hash:
            branch = join(
                told, follower.window.finalized, follower.window.ref, Parents(self._chain, follower.window)
            )
            if branch is None:
                raise Unknown(f"an ancestor of block {told.number} {told.hash}")
            follower.rewind(branch.ancestor)
        follower.finalize(final)

    def _complete_history(self) -> None:
        """The first time through: build what was put off, and compute the digest by a scan."""
        if self._standing.digest is None:
            self._watch.on_history_complete()
            self._standing = replace(self._standing, digest=scan_digest(self._ledger))
        self._standing = replace(self._standing, state="live")
        fields = self._standing.fields()
        self._ledger.note(digest=fields["digest"], state=fields["state"], finalized=fields["finalized"])

    def _note_head(self, head: Header) -> None:
        """Nothing is final yet above the start block: only say that we see the chain."""
        self._standing = self._standing.seeing(head)
        fields = self._standing.fields()
        self._ledger.note(head=fields["head"], headTimestamp=fields["headTimestamp"])

    # --- loading ----------------------------------------------------------------------

    def _load_follower(self) -> Follower | None:
        window = load_window(self._ledger, self._standing, self._following, self._world_of)
        return self._follower_on(window) if window is not None else None

    def _young_follower(self) -> Follower | None:
        """A chain too young to have a final block of ours: follow from the block before the start."""
        before = self._chain.header(max(self._options.start_block - 1, 0))
        if before is None:
            return None
        self._standing = replace(self._standing, finalized=before.ref)
        self._complete_history()
        return self._follower_on(Window(before.ref, Bases(load_market(self._ledger))))

    def _follower_on(self, window: Window) -> Follower:
        return Follower(
            self._chain,
            self._ledger,
            self._following,
            self._options.policy,
            window,
            load_market(self._ledger),
            self._standing,
        )

    def _world_of(
        self,
        market: MarketState,
        assets: dict[AssetKey, AssetState | None],
        operators: dict[OperatorKey, bool | None],
    ) -> World:
        return World(
            Interpreter(self._options.contracts.marketplace, self._options.contracts.agent),
            market,
            assets,
            operators,
        )
