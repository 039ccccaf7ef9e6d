"""Take blocks back: delete their rows, and give what they touched the state it had at the ancestor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from msgspec.structs import replace

from chain.values import BlockRef
from indexer.asset_documents import asset_state
from indexer.blocks import Evidence
from indexer.changes import Books, named_market
from indexer.digest import moved
from indexer.market_documents import operator_id
from indexer.rolling import START
from indexer.standing import Standing
from indexer.state import AssetKey, AssetState, MarketState, OperatorKey
from indexer.states import load_operators, sellers
from indexer.telling import fact_of_link, facts_of_rewind
from indexer.window import Window
from indexer.world import World
from store.commit import Change, Commit
from store.documents import ORPHANS_KEPT
from store.identity import asset_id, new_id
from store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Rewind:
    """A window about to lose its blocks above an ancestor, and the states as they were there.

    `standing` already has the ancestor as its tip; `market` is the configuration now in force.
    """

    window: Window
    restored: World
    ancestor: BlockRef
    market: MarketState
    standing: Standing

    @property
    def orphaned(self) -> list[BlockRef]:
        applied = self.window.blocks
        return [applied[number].header.ref for number in sorted(applied) if number > self.ancestor.number]

    @property
    def evidence(self) -> list[Evidence]:
        """Of each orphaned block."""
        return [self.window.blocks[ref.number].evidence for ref in self.orphaned]

    def total(self, what: str) -> int:
        """Sum of `events` or `rejected` over the orphaned blocks."""
        return sum(getattr(self.window.blocks[ref.number], what) for ref in self.orphaned)


def rewind_commit(rewind: Rewind, books: Books, ledger: Ledger) -> tuple[Commit, Standing]:
    """The commit that takes the blocks back, and where we stand after it."""
    assets, operators = rewind.window.touched_above(rewind.ancestor.number)
    kept_assets, kept_operators = _still_touched(rewind)
    current = _current_states(assets, ledger)
    world = _world_of_change(rewind, assets, operators, current, ledger)
    standing = _standing_after(rewind, world, ledger.rolling_at(rewind.ancestor.number) or START)
    gone = [key for key in assets if world.assets[key] is None]
    back = [key for key in assets if world.assets[key] is not None]
    commit = Commit(
        checkpoint=standing.fields(),
        rewind_above=rewind.ancestor.number,
        tally={kind: -count for kind, count in Counter(rewind.evidence).items()},
        dropped_contracts=_unlinked(rewind),
        removed_assets=[asset_id(*key) for key in gone],
        changed_assets=[
            *(_restored(key, world, books, key in kept_assets) for key in back),
            *_relisted(world, operators, books, ledger, assets),
        ],
        changed_operators=[
            (*books.operator(key, world)[:2], {} if key in kept_operators else {"base": ""})
            for key in operators
            if world.operators.get(key) is not None
        ],
        removed_operators=[operator_id(*key) for key in operators if world.operators.get(key) is None],
        markets=[named_market("market", world.market)],
        reorg=_ledger_entry(rewind),
        told=_told(rewind, ledger),
    )
    return commit, standing


def _still_touched(rewind: Rewind) -> tuple[set[AssetKey], set[OperatorKey]]:
    """What blocks of the window up to the ancestor touched: its base stays."""
    assets: set[AssetKey] = set()
    operators: set[OperatorKey] = set()
    for number, applied in rewind.window.blocks.items():
        if number <= rewind.ancestor.number:
            assets |= applied.assets
            operators |= applied.operators
    return assets, operators


def _current_states(assets: Iterable[AssetKey], ledger: Ledger) -> dict[AssetKey, AssetState | None]:
    found = (asset_state(document) for document in ledger.assets(asset_id(*key) for key in assets))
    return {state.key: state for state in found}


def _world_of_change(
    rewind: Rewind,
    assets: set[AssetKey],
    operators: set[OperatorKey],
    current: dict[AssetKey, AssetState | None],
    ledger: Ledger,
) -> World:
    """The restored world, described as a change from the present one."""
    world = rewind.restored
    world.before = {key: current.get(key) for key in assets}
    now = World(world.interpreter, rewind.market)
    load_operators(now, operators, ledger)
    world.operators_before = {key: now.operators[key] for key in operators}
    world.market_before = rewind.market
    load_operators(world, sellers(world, assets), ledger)
    return world


def _standing_after(rewind: Rewind, world: World, rolling: bytes) -> Standing:
    before = rewind.standing
    return replace(
        before,
        events=before.events - rewind.total("events"),
        quarantined=before.quarantined - rewind.total("rejected"),
        reorgs=before.reorgs + 1,
        digest=None if before.digest is None else moved(before.digest, world),
        rolling=rolling,
    )


def _restored(key: AssetKey, world: World, books: Books, keep_base: bool) -> Change:
    state = world.assets[key]
    assert state is not None
    return asset_id(*key), books.fields(state, world), {} if keep_base else {"chain.base": ""}


def _relisted(
    world: World, operators: set[OperatorKey], books: Books, ledger: Ledger, already: set[AssetKey]
) -> list[Change]:
    """Other assets whose purchasability changes with the approvals taken back."""
    changes: list[Change] = []
    for document in ledger.assets_listed_by({owner for _, owner in operators}) if operators else ():
        state = asset_state(document)
        seller = (state.contract, state.listing.seller) if state.listing else None
        if seller in operators and state.key not in already:
            changes.append((document["_id"], books.fields(state, world), {}))
    return changes


def _unlinked(rewind: Rewind) -> list[str]:
    restored = rewind.restored.market.asset_contracts
    return [contract for contract in rewind.market.asset_contracts if contract not in restored]


def _ledger_entry(rewind: Rewind) -> dict[str, Any]:
    orphaned = rewind.orphaned
    return {
        "_id": new_id(),
        "detectedAt": datetime.now(UTC),
        "depth": len(orphaned),
        "ancestor": _ref(rewind.ancestor),
        "oldTip": _ref(orphaned[-1]),
        "orphaned": [_ref(ref) for ref in orphaned],
        "eventsRemoved": rewind.total("events"),
        "transactionHashes": list(islice(_hashes_taken_back(rewind), ORPHANS_KEPT)),
    }


def _told(rewind: Rewind, ledger: Ledger) -> list[dict[str, Any]]:
    """Contracts that are not linked any more take older rows along, which are not retracted one by one."""
    facts = _retractions(rewind, ledger)
    return [*facts, fact_of_link(rewind.ancestor)] if _unlinked(rewind) else facts


def _retractions(rewind: Rewind, ledger: Ledger) -> list[dict[str, Any]]:
    orphaned, ancestor = rewind.orphaned, rewind.ancestor
    rows = (ledger.rows_above(name, ancestor.number) for name in ("transactions", "priceHistory"))
    return facts_of_rewind(ancestor, orphaned[-1], len(orphaned), *rows)


def _hashes_taken_back(rewind: Rewind) -> Iterator[str]:
    for ref in reversed(rewind.orphaned):
        decoded = rewind.window.blocks[ref.number].decoded
        yield from (transaction.hash for transaction in decoded.block.transactions) if decoded else ()


def _ref(block: BlockRef) -> dict[str, Any]:
    return {"number": block.number, "hash": block.hash}
