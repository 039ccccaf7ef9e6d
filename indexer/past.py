"""What was true at any block of our history: states folded from `chainEvents`, as the documents of that time.

The whole market is folded from the nearest height that is kept in memory, single tokens from the blocks that
speak of them. No request folds more than a bounded number of events: what it folded is kept, so that asking
again gets further.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import cast

from chain.decode import Decoder
from indexer.annals import SPOKEN_OF, Annals, concerning, only_configuration
from indexer.block_documents import read_blocks
from indexer.blocks import LoggedBlock
from indexer.changes import Books, named_market
from indexer.following import Contracts, Rereading
from indexer.interpret import Interpreter
from indexer.market_documents import market_state
from indexer.replay import NothingIndexed
from indexer.rolling import START
from indexer.shelf import STATES_KEPT, Kept, Shelf
from indexer.state import AssetKey, AssetState, MarketState, OperatorKey
from indexer.witness import Facts, Witness, approval_of
from indexer.world import World
from store.chronicle import Chronicle, Mark
from store.documents import AssetDocument, MarketDocument

BLOCKS_AT_ONCE = 100
PATIENCE_SECONDS = 2.0
"""How long a request waits for another one that is folding."""


class TooMuchAtOnce(RuntimeError):
    """More history than one request may fold; the part that was folded is kept, if there was any."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`events` folded by one request, `blocks` read for single tokens; what is kept in memory."""

    events: int = 30_000
    blocks: int = 2_000
    states: int = STATES_KEPT
    documents: int = 20_000
    keep_every: int = 250
    """Events between two heights that are kept."""
    worth: int = 10
    """Folding everything may take so many times the blocks that single tokens need: it serves others, too."""


@dataclass(frozen=True, slots=True)
class Then:
    """The configuration and assets after a block, without what people wrote."""

    market: MarketDocument
    assets: Sequence[AssetDocument]


@dataclass(frozen=True, slots=True)
class Explained:
    """A token after a block, and the logs that made it so."""

    state: AssetState
    facts: Facts


class Past:
    """Safe to share between threads; one of them folds at a time."""

    def __init__(self, contracts: Contracts, decoder: Decoder, limits: Limits | None = None) -> None:
        self._contracts, self._decoder = contracts, decoder
        self._limits = limits or Limits()
        self._books = Books(contracts.marketplace)
        self._interpreter = Interpreter(contracts.marketplace, contracts.agent)
        self._shelf = Shelf(self._limits.states)
        self._told: OrderedDict[bytes, Then] = OrderedDict()
        self._annals: Annals | None = None
        self._folding = Lock()

    def whole(self, chronicle: Chronicle, number: int) -> Then:
        """All assets after a block. Raises TooMuchAtOnce."""
        mark = chronicle.newest(number)
        rolling = mark.rolling if mark else START
        told = self._told.get(rolling)
        if told is not None:
            return told
        with self._alone():
            kept = self._kept_at(chronicle, mark)
            return self._remember(rolling, self._documents(kept))

    def some(self, chronicle: Chronicle, number: int, finalized: int, token_ids: Sequence[int]) -> Then:
        """Those of the assets that were there after a block, of whatever contract. Raises TooMuchAtOnce."""
        mark, wanted = chronicle.newest(number), set(token_ids)
        told = self._told.get(mark.rolling if mark else START)
        if told is not None:
            return Then(told.market, [each for each in told.assets if each["tokenId"] in wanted])
        most = self._limits.blocks
        numbers = chronicle.numbers_of_tokens(token_ids, number, most + 1) if wanted else []
        kept = self._kept_if_near(chronicle, mark, self._limits.worth * (1 + len(numbers)))
        if kept is None and len(numbers) > most:
            with self._alone():
                kept = self._kept_at(chronicle, mark)
        if kept is not None:
            keys = [(contract, token) for contract in kept.market.asset_contracts for token in wanted]
            there = [state for key in keys if (state := kept.assets.get(key)) is not None]
            return self._then(kept.market, there, kept.operators)
        annals = self._annals_at(chronicle, number, finalized)
        world = World(self._interpreter, self._seed(chronicle))
        self._play(world, annals.blocks(number), chronicle, numbers, wanted)
        found = [s for s in world.assets.values() if s is not None and s.token_id in wanted]
        sellers: dict[OperatorKey, bool | None] = {
            (s.contract, s.owner): annals.is_approved((s.contract, s.owner), number) for s in found
        }
        return self._then(world.market, found, sellers)

    def explained(self, chronicle: Chronicle, number: int, finalized: int, key: AssetKey) -> Explained | None:
        """Which logs made an asset what it was after a block; None if it was not. Raises TooMuchAtOnce."""
        most = self._limits.events
        numbers = chronicle.numbers_of_tokens([key[1]], number, most + 1)
        if len(numbers) > most:
            raise TooMuchAtOnce(f"more than {most} blocks speak of token {key[1]}")
        annals = self._annals_at(chronicle, number, finalized)
        witness = Witness(self._interpreter, self._seed(chronicle), key)
        self._play(witness, annals.blocks(number), chronicle, numbers, {key[1]})
        state = witness.assets.get(key)
        if state is None or witness.facts is None:
            return None
        owner = (key[0], state.owner)
        last = annals.last_word(owner, number)
        if last is not None:
            for block in read_blocks(chronicle.these([last[0]])):
                prepared = self._rereading().remember(only_configuration(block), witness.market)
                witness.facts.operator = approval_of(owner, self._contracts.marketplace, prepared)
        return Explained(state, witness.facts)

    def _play(
        self,
        world: World,
        configuring: Iterable[LoggedBlock],
        chronicle: Chronicle,
        numbers: Sequence[int],
        token_ids: Iterable[int],
    ) -> None:
        """Fold what concerns some tokens, and the configuration."""
        words = [token.to_bytes(32, "big") for token in token_ids]
        documents = (concerning(document, words) for document in chronicle.these(numbers))
        rereading = self._rereading()
        for block in _merged(configuring, read_blocks(documents)):
            prepared = rereading.remember(block, world.market)
            world.apply(prepared.decoded, prepared.adopted)

    def _rereading(self) -> Rereading:
        """Whom a decoder follows depends on how far it has read: each fold begins with a new one."""
        return Rereading(self._contracts, self._decoder.anew())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._folding.acquire(timeout=PATIENCE_SECONDS):
            raise TooMuchAtOnce("other heights are being folded at present")
        try:
            yield
        finally:
            self._folding.release()

    # --- the whole market ----------------------------------------------------------------

    def _kept_if_near(self, chronicle: Chronicle, mark: Mark | None, blocks: int) -> Kept | None:
        """All states, where that takes no more blocks than this; None otherwise."""
        with self._alone():
            start = self._shelf.nearest(mark.number, chronicle) if mark else None
            if mark is None or chronicle.has_more_than(blocks, start.number if start else -1, mark.number):
                return None
            return self._kept_at(chronicle, mark)

    def _kept_at(self, chronicle: Chronicle, mark: Mark | None) -> Kept:
        start = self._shelf.nearest(mark.number, chronicle) if mark else None
        start = start or Kept(-1, START, self._seed(chronicle), {}, {})
        return self._fold(chronicle, start, mark) if mark else start

    def _fold(self, chronicle: Chronicle, kept: Kept, mark: Mark) -> Kept:
        world = World(self._interpreter, kept.market, dict(kept.assets), dict(kept.operators))
        rereading, folded, at_last_kept = self._rereading(), 0, 0
        above = kept.number
        while above < mark.number:
            world.start_batch()
            for block in read_blocks(chronicle.blocks(above, mark.number, BLOCKS_AT_ONCE)):
                prepared = rereading.remember(block, world.market)
                world.apply(prepared.decoded, prepared.adopted)
                folded += block.event_count
                above = block.number
                enough = max(self._limits.keep_every, len(world.assets))
                if above == mark.number or folded - at_last_kept >= enough:
                    kept, at_last_kept = _copied(world, block), folded
                    self._shelf.keep(kept)
            if folded >= self._limits.events and above < mark.number:
                self._shelf.keep(_copied(world, block))
                raise TooMuchAtOnce(f"history is folded up to block {above} of {mark.number} so far")
        return kept

    def _documents(self, kept: Kept) -> Then:
        states = [state for state in kept.assets.values() if state is not None]
        return self._then(kept.market, states, kept.operators)

    def _remember(self, rolling: bytes, then: Then) -> Then:
        self._told[rolling] = then
        while len(self._told) > 1 and sum(len(each.assets) for each in self._told.values()) > (
            self._limits.documents
        ):
            self._told.popitem(last=False)
        return then

    def _then(
        self, market: MarketState, states: Iterable[AssetState], operators: dict[OperatorKey, bool | None]
    ) -> Then:
        world = World(self._interpreter, market, None, operators)
        documents = [cast("AssetDocument", self._books.new(state, world)) for state in states]
        return Then(cast("MarketDocument", named_market("market", market)), documents)

    def _seed(self, chronicle: Chronicle) -> MarketState:
        seed = chronicle.seed()
        if seed is None:
            raise NothingIndexed
        return market_state(seed)

    # --- the configuration ----------------------------------------------------------------

    def _annals_at(self, chronicle: Chronicle, number: int, finalized: int) -> Annals:
        """Of final blocks they are kept; of those that may be taken back, found anew each time."""
        with self._alone():
            return self._annals_up_to(chronicle, number, min(finalized, number))

    def _annals_up_to(self, chronicle: Chronicle, number: int, finalized: int) -> Annals:
        final = self._annals
        if final is None or not _is_ours(final, chronicle):
            final = self._annals = Annals(self._seed(chronicle))
        self._extend(final, chronicle, finalized)
        if number <= final.number:
            return final
        recent = Annals(final.market, before=final)
        self._extend(recent, chronicle, number)
        return recent

    def _extend(self, annals: Annals, chronicle: Chronicle, up_to: int) -> None:
        if up_to <= annals.number:
            return
        wanted = self._limits.blocks
        numbers = chronicle.speaking(SPOKEN_OF, annals.number, up_to, wanted)
        blocks = read_blocks(chronicle.these(dict.fromkeys(numbers)))
        annals.take(blocks, self._rereading(), self._interpreter)
        annals.number = numbers[-1] if len(numbers) == wanted else up_to
        mark = chronicle.newest(annals.number)
        annals.rolling = mark.rolling if mark else START
        if annals.number < up_to:
            raise TooMuchAtOnce(f"history is searched up to block {annals.number} of {up_to} so far")


def _is_ours(annals: Annals, chronicle: Chronicle) -> bool:
    mark = chronicle.newest(annals.number)
    return annals.rolling == (mark.rolling if mark else START)


def _copied(world: World, block: LoggedBlock) -> Kept:
    rolling = block.rolling or START
    return Kept(block.number, rolling, world.market, dict(world.assets), dict(world.operators))


def _merged(some: Iterable[LoggedBlock], whole: Iterable[LoggedBlock]) -> list[LoggedBlock]:
    """In order; where both have a block, the whole one."""
    by_number = {block.number: block for block in some} | {block.number: block for block in whole}
    return [by_number[number] for number in sorted(by_number)]
