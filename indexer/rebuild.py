"""Write everything derived once more, from a replay of `chainEvents`; what people wrote stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from chain.values import Header
from indexer.asset_documents import asset_base
from indexer.block_documents import read_blocks
from indexer.changes import Books, named_market
from indexer.digest import to_text
from indexer.evidence import Census, tally_fields
from indexer.following import Following, Prepared
from indexer.market_documents import operator_id
from indexer.replay import NothingIndexed, Replayed, batches, replay
from indexer.rolling import START, links, rolled
from indexer.row_documents import price_document, quarantine_document, transaction_document
from indexer.standing import Standing, standing_of
from indexer.state import AssetKey
from indexer.telling import fact_of_deep_rewind
from indexer.world import World
from store.commit import AssetId, Change, Commit
from store.counting import forget_counts, recount
from store.identity import asset_id
from store.ledger import Ledger

ASSETS_PER_COMMIT = 2000
LAST_BLOCK = 2**63 - 2
"""One more still fits into the 64 bits of a query."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rebuild found; digests as 64 hex digits, `digest_before` None if there was none."""

    blocks: int
    events: int
    assets: int
    digest: str
    digest_before: str | None
    rolling: str
    rolling_before: str
    altered: tuple[int, ...] = ()
    """Blocks whose stored events are not those that were indexed."""

    @property
    def agrees(self) -> bool:
        same = (self.digest, self.rolling) == (self.digest_before, self.rolling_before)
        return same and not self.altered


class AlteredEvents(RuntimeError):
    """The raw events in the store are not those that were indexed: nothing may be folded from them."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"the stored events of block {number} (or of the one before it) are not those that were indexed: "
            "its rolling digest says otherwise. Nothing was changed. `dvault prove --mend` finds and puts in "
            f"the true ones; or rewind below block {number}"
        )
        self.number = number


def check(ledger: Ledger, following: Following) -> Outcome:
    """Replay in memory and compare the digests; writes nothing."""
    standing = _standing(ledger)
    assert standing.tip is not None
    return _outcome(replay(ledger, following, standing, standing.tip.number), standing)


def rebuild(ledger: Ledger, following: Following) -> Outcome:
    """Replay, and bring every derived document to what the replay says.

    Until it is through, the checkpoint says that it is `unfinished`, and nobody indexes on top.
    """
    _refuse_altered(ledger)
    ledger.note(unfinished="rebuild")
    forget_counts(ledger)
    outcome = _Rebuild(ledger, following).run()
    recount(ledger)
    ledger.note(unfinished=None, mendedFrom=None)
    return outcome


def _refuse_altered(ledger: Ledger) -> None:
    """Before anything is written: are these the events that were indexed, or put in by a mend since?"""
    mended_from = (ledger.checkpoint() or {}).get("mendedFrom")
    before = START
    for block in read_blocks(ledger.blocks(-1, LAST_BLOCK if mended_from is None else mended_from - 1)):
        if rolled(before, block) != block.rolling:
            raise AlteredEvents(block.number)
        before = block.rolling


def rewind_below_finality(ledger: Ledger, following: Following, to: Header) -> Outcome:
    """Forget every block above one that was final, and rebuild; a person decided so."""
    standing = _standing(ledger)
    assert standing.finalized is not None
    finalized = min(standing.finalized, to.ref, key=lambda ref: ref.number)
    after = replace(
        standing,
        tip=to.ref,
        tip_timestamp=to.timestamp,
        finalized=finalized,
        rolling=ledger.rolling_at(to.number) or START,
    )
    fields = {**after.fields(), "unfinished": f"rewind to block {to.number}"}
    told = [fact_of_deep_rewind(to.ref, standing.tip)] if standing.tip else []
    ledger.commit(Commit(fields, rewind_above=to.number, told=told))
    return rebuild(ledger, following)


class _Rebuild:
    def __init__(self, ledger: Ledger, following: Following) -> None:
        self._ledger = ledger
        self._following = following
        self._books = Books(following.contracts.marketplace)
        self._standing = _standing(ledger)
        self._next_block = 0
        self._rolling = START
        window = {document["_id"]: document["evidence"] for document in ledger.headers()}
        self._census = Census(ledger.spans(0, LAST_BLOCK), window)

    def run(self) -> Outcome:
        tip = self._standing.tip
        assert tip is not None
        replayed = replay(self._ledger, self._following, self._standing, tip.number, self._rewrite_rows)
        self._commit(Commit({}, rewrite_rows_of=(self._next_block, LAST_BLOCK)))
        for keys in batches(replayed.world.assets, ASSETS_PER_COMMIT):
            self._rewrite_assets(replayed, keys)
        self._remove_strangers(replayed)
        self._rewrite_configuration(replayed)
        return _outcome(replayed, self._standing)

    def _rewrite_rows(self, world: World, prepared: list[Prepared]) -> None:
        """Rows of the blocks since the last batch: the old go, the new come."""
        last = prepared[-1].decoded.block.number
        blocks = [each.decoded.block for each in prepared]
        for block in blocks:
            self._census.see(block)
        chain = list(links(self._rolling, blocks))
        self._rolling = chain[-1].digest
        moved = [(link.block.number, link.digest) for link in chain if link.digest != link.block.rolling]
        self._commit(
            Commit(
                {},
                rewrite_rows_of=(self._next_block, last),
                transactions=[transaction_document(deed) for deed in world.deeds],
                prices=[price_document(point) for point in world.points],
                quarantined=[quarantine_document(d.block, bad) for d, bad in world.rejected],
                rolled=moved,
            )
        )
        self._next_block = last + 1

    def _rewrite_assets(self, replayed: Replayed, keys: list[AssetKey]) -> None:
        ids = {asset_id(*key): key for key in keys}
        there = {document["_id"] for document in self._ledger.assets(ids)}
        self._commit(
            Commit(
                {},
                new_assets=[self._new(replayed, key) for _id, key in ids.items() if _id not in there],
                changed_assets=[self._changed(replayed, key) for _id, key in ids.items() if _id in there],
            )
        )

    def _new(self, replayed: Replayed, key: AssetKey) -> dict[str, object]:
        state = replayed.world.assets[key]
        assert state is not None
        document = dict(self._books.new(state, replayed.world))
        if key in replayed.bases.assets:
            base = asset_base(replayed.bases.assets[key], self._books.marketplace)
            document["chain"] = {**document["chain"], "base": base}
        return document

    def _changed(self, replayed: Replayed, key: AssetKey) -> Change:
        """Every field of the indexer, the immutable ones too; `metadata` field by field."""
        document = self._new(replayed, key)
        metadata = document.pop("metadata")
        del document["_id"]
        assert isinstance(metadata, dict)
        document |= {f"metadata.{name}": value for name, value in metadata.items()}
        return asset_id(*key), document, {}

    def _remove_strangers(self, replayed: Replayed) -> None:
        """Assets that no mint of this history explains."""
        known = {asset_id(*key) for key in replayed.world.assets}
        for some in batches(self._strangers(known), ASSETS_PER_COMMIT):
            self._commit(Commit({}, removed_assets=some))

    def _strangers(self, known: set[AssetId]) -> Iterator[AssetId]:
        return (_id for _id in list(self._ledger.asset_ids()) if _id not in known)

    def _rewrite_configuration(self, replayed: Replayed) -> None:
        world, bases = replayed.world, replayed.bases
        said = [
            (
                _id,
                {**fields, **({"base": {"said": bases.operators[key]}} if key in bases.operators else {})},
                gone if key in bases.operators else {"base": ""},
            )
            for key in world.operators
            for _id, fields, gone in [self._books.operator(key, world)]
        ]
        known = {operator_id(*key) for key in world.operators}
        strangers = [d["_id"] for d in self._ledger.all_operators() if d["_id"] not in known]
        standing = replace(
            self._standing,
            digest=replayed.digest(),
            events=replayed.events,
            quarantined=replayed.rejected,
            rolling=replayed.rolling,
        )
        self._commit(
            Commit(
                {**standing.fields(), "evidence": tally_fields(self._census.tally)},
                changed_operators=said,
                removed_operators=strangers,
                markets=[named_market("market", world.market), named_market("base", bases.market)],
            )
        )

    def _commit(self, commit: Commit) -> None:
        self._ledger.commit(commit)


def _standing(ledger: Ledger) -> Standing:
    document = ledger.checkpoint()
    if document is None or document["tip"] is None:
        raise NothingIndexed
    return standing_of(document)


def _outcome(replayed: Replayed, standing: Standing) -> Outcome:
    return Outcome(
        replayed.blocks,
        replayed.events,
        len(replayed.assets),
        to_text(replayed.digest()),
        None if standing.digest is None else to_text(standing.digest),
        replayed.rolling.hex(),
        standing.rolling.hex(),
        tuple(replayed.altered),
    )
