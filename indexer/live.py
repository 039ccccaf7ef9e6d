"""Follow the head block by block: rewind where the node's chain left ours, apply what is new.

Unknown is not absent: a missing block, a lower head or an empty answer changes nothing here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from chain.values import BlockRef, Hash, Header
from indexer.asset_documents import asset_base
from indexer.block_documents import header_document
from indexer.blocks import DecodedBlock, LoggedBlock
from indexer.branch import Branch, DeepReorg, join
from indexer.changes import Books, named_market
from indexer.digest import moved
from indexer.evidence import spans_of
from indexer.finality import FinalityPolicy
from indexer.following import Following
from indexer.interpret import Interpreter
from indexer.market_documents import operator_id
from indexer.parents import Parents
from indexer.ports import Chain
from indexer.rewind import Rewind, rewind_commit
from indexer.rolling import links
from indexer.standing import Standing
from indexer.state import AssetKey, AssetState, MarketState, OperatorKey
from indexer.states import load
from indexer.telling import fact_of_finality, facts_of_block
from indexer.window import Applied, Bases, Window
from indexer.world import World, needs_of
from store.commit import Change, Commit
from store.encoding import utc
from store.identity import asset_id
from store.ledger import Ledger

logger = logging.getLogger(__name__)


class Follower:
    """Holds the window of unfinalized blocks; every method leaves store and memory in step, or raises.

    After an exception from the ledger the follower must be thrown away and loaded again.
    """

    def __init__(
        self,
        chain: Chain,
        ledger: Ledger,
        following: Following,
        policy: FinalityPolicy,
        window: Window,
        market: MarketState,
        standing: Standing,
    ) -> None:
        self.standing = standing
        self.window = window
        self.market = market
        self._chain = chain
        self._ledger = ledger
        self._following = following
        self._policy = policy
        self._interpreter = Interpreter(following.contracts.marketplace, following.contracts.agent)
        self._books = Books(following.contracts.marketplace)
        self._suspect: Hash | None = None

    def follow(self, head: Header, tagged: Header | None) -> bool:
        """Bring the store to the node's head. True if anything was applied or taken back."""
        self.standing = self.standing.seeing(head)
        branch = self._branch_to(head)
        if branch is not None:
            if branch.ancestor != self.window.tip:
                self.rewind(branch.ancestor)
            for header in branch.headers:
                self.apply(header)
        if self.window.ref(head.number) == head.ref:
            self.finalize(self._final(head, tagged))
        return branch is not None

    def _final(self, head: Header, tagged: Header | None) -> int:
        """What the node's word makes final; its tag may be of another branch than the head we followed."""
        ours = self.window.ref(tagged.number) if tagged else None
        believed = tagged if tagged is not None and ours in (None, tagged.ref) else None
        return self._policy.finalized(head.number, believed.number if believed else None)

    # --- where the node stands ----------------------------------------------------------

    def _branch_to(self, head: Header) -> Branch | None:
        ours = self.window.ref(head.number)
        if ours is not None and ours.hash == head.hash:
            self._suspect = None
            return None
        if head.number <= self.window.finalized.number:
            if ours is not None:
                raise DeepReorg(ours, head.hash)
            return None
        if head.number < self.window.tip.number and not self._seen_twice(head):
            return None
        return join(head, self.window.finalized, self.window.ref, Parents(self._chain, self.window))

    def _seen_twice(self, head: Header) -> bool:
        """A head below ours on another branch may be a straggler: believe it when it stays."""
        seen = self._suspect in (head.hash, head.parent_hash)
        self._suspect = head.hash
        return seen

    # --- apply --------------------------------------------------------------------------

    def apply(self, header: Header) -> None:
        """Take one block on, in one commit with the checkpoint."""
        prepared = self._following.prepare(header, None, self.market, self.window.headers)
        world = self._folded(prepared.decoded, prepared.adopted)
        first = self.window.first_touched(world)
        block = prepared.decoded.block
        rolling = {link.block.number: link.digest for link in links(self.standing.rolling, [block])}
        standing = self._after(world, header, block, rolling)
        checkpoint = standing.fields() | self._following.news()
        commit = self._books.commit_of(world, [prepared.decoded], checkpoint, rolling)
        commit.tally = {block.evidence: 1}
        commit.headers = [header_document(header, block.evidence)]
        commit.told = facts_of_block(header, commit.transactions, commit.prices)
        self._keep_bases(commit, first)
        self._ledger.commit(commit)
        eventful = block.event_count > 0
        applied = Applied(
            header,
            prepared.decoded if eventful else None,
            prepared.adopted,
            frozenset(world.before),
            frozenset(world.operators_before),
            len(world.rejected),
            block.evidence,
        )
        self.window.add(applied, first)
        self.market, self.standing = world.market, standing
        logger.info(
            "block applied", extra={"block": header.number, "hash": header.hash, "events": block.event_count}
        )

    def _folded(self, decoded: DecodedBlock, adopted: tuple[DecodedBlock, ...]) -> World:
        world = self.world_of(self.market, {}, {})
        events = [
            event
            for each in (*adopted, decoded)
            for transaction in each.transactions
            for event in transaction.events
        ]
        load(world, needs_of(events, self.market), self._ledger)
        world.apply(decoded, adopted)
        return world

    def world_of(
        self,
        market: MarketState,
        assets: dict[AssetKey, AssetState | None],
        operators: dict[OperatorKey, bool | None],
    ) -> World:
        return World(self._interpreter, market, assets, operators)

    def _after(
        self, world: World, header: Header, block: LoggedBlock, rolling: Mapping[int, bytes]
    ) -> Standing:
        digest = self.standing.digest
        return replace(
            self.standing,
            state="live",
            tip=header.ref,
            tip_timestamp=header.timestamp,
            events=self.standing.events + block.event_count,
            quarantined=self.standing.quarantined + len(world.rejected),
            digest=None if digest is None else moved(digest, world),
            rolling=rolling.get(block.number, self.standing.rolling),
        )

    def _keep_bases(self, commit: Commit, first: Bases) -> None:
        """Store the states at finality of what this block is the first to touch."""
        marketplace = self._following.contracts.marketplace
        bases = {asset_id(*key): asset_base(state, marketplace) for key, state in first.assets.items()}
        commit.new_assets = [_with_base(asset, bases) for asset in commit.new_assets]
        commit.changed_assets = [
            (_id, {**fields, "chain.base": bases[_id]} if _id in bases else fields, gone)
            for _id, fields, gone in commit.changed_assets
        ]
        said = {operator_id(*key): {"said": was} for key, was in first.operators.items()}
        commit.changed_operators = [
            (_id, {**fields, "base": said[_id]} if _id in said else fields, gone)
            for _id, fields, gone in commit.changed_operators
        ]

    # --- finality -----------------------------------------------------------------------

    def finalize(self, number: int) -> None:
        """Let blocks up to a height (never above our tip) become final; never moves back."""
        target = self.window.ref(min(number, self.window.tip.number))
        if target is None or target.number <= self.window.finalized.number:
            return
        old = self.window.bases
        new = self.window.bases_at(target.number, self.world_of)
        standing = replace(self.standing, finalized=target)
        fields = standing.fields() | time_of(target.number, self.window.blocks.get(target.number))
        commit = Commit(fields, forget_headers_up_to=target.number)
        commit.spans = spans_of(self.window.evidence(self.window.finalized.number, target.number))
        commit.told = [fact_of_finality(target, self._timestamp_of(target))]
        commit.changed_assets = self._moved_bases(old, new)
        commit.changed_operators = [
            (operator_id(*key), *_base_change("base", {"said": new.operators.get(key)}, key in new.operators))
            for key, was in old.operators.items()
            if key not in new.operators or new.operators[key] != was
        ]
        if new.market != old.market:
            commit.markets = [named_market("base", new.market)]
        self._ledger.commit(commit)
        self.window.settle(target, new)
        self.standing = standing

    def _moved_bases(self, old: Bases, new: Bases) -> list[Change]:
        marketplace = self._following.contracts.marketplace
        return [
            (
                asset_id(*key),
                *_base_change("chain.base", asset_base(new.assets.get(key), marketplace), key in new.assets),
            )
            for key, was in old.assets.items()
            if key not in new.assets or new.assets[key] != was
        ]

    # --- rewind -------------------------------------------------------------------------

    def rewind(self, ancestor: BlockRef) -> None:
        """Take back every block above an ancestor of the window, in one commit."""
        timestamp = self._timestamp_of(ancestor)
        restored = self.window.refold(ancestor.number, self.world_of)
        standing = replace(self.standing, tip=ancestor, tip_timestamp=timestamp)
        commit, standing = rewind_commit(
            Rewind(self.window, restored, ancestor, self.market, standing), self._books, self._ledger
        )
        self._ledger.commit(commit)
        logger.warning("blocks taken back", extra={"block": ancestor.number, "hash": ancestor.hash})
        self.window.truncate(ancestor.number)
        self.market, self.standing = restored.market, standing

    def _timestamp_of(self, ref: BlockRef) -> int | None:
        applied = self.window.blocks.get(ref.number)
        if applied is not None:
            return applied.header.timestamp
        header = self._chain.header_by_hash(ref.hash)
        return header.timestamp if header else self.standing.tip_timestamp


def time_of(number: int, applied: Applied | None) -> dict[str, Any]:
    """The time of a block that becomes final, as the checkpoint keeps it."""
    if applied is None:
        return {}
    return {"finalizedAt": {"number": number, "timestamp": utc(applied.header.timestamp)}}


def _with_base(asset: Mapping[str, Any], bases: Mapping[Any, Any]) -> Mapping[str, Any]:
    base = bases.get(asset["_id"])
    return asset if base is None else {**asset, "chain": {**asset["chain"], "base": base}}


def _base_change(field: str, base: Mapping[str, Any], kept: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    return ({field: base}, {}) if kept else ({}, {field: ""})
