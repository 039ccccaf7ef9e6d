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
from chain.values import Hash
from indexer.actions import Action
from indexer.annals import SPOKEN_OF, Annals, concerning, only_configuration
from indexer.block_documents import read_blocks
from indexer.blocks import LoggedBlock
from indexer.changes import Books, named_market
from indexer.folding import BLOCKS_AT_ONCE, Heights, Limits, Recall, TooMuchAtOnce
from indexer.following import Contracts
from indexer.replay import batches
from indexer.rolling import START
from indexer.shelf import Kept
from indexer.state import AssetKey, AssetState, Links, MarketState, OperatorKey
from indexer.witness import Facts, Witness, approval_of
from indexer.world import World
from store.chronicle import Chronicle
from store.documents import AssetDocument, MarketDocument

PATIENCE_SECONDS = 2.0
"""How long a request waits for another one that is folding."""


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
        self._limits = limits or Limits()
        self._recall = Recall(contracts, decoder)
        self._heights = Heights(self._recall, self._limits)
        self._books = Books(contracts.marketplace)
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
            kept = self._heights.at(chronicle, mark)
            return self._remember(rolling, self._documents(kept))

    def some(self, chronicle: Chronicle, number: int, finalized: int, token_ids: Sequence[int]) -> Then:
        """Those of the assets that were there after a block, of whatever contract. Raises TooMuchAtOnce."""
        mark, wanted = chronicle.newest(number), set(token_ids)
        told = self._told.get(mark.rolling if mark else START)
        if told is not None:
            return Then(told.market, [each for each in told.assets if each["tokenId"] in wanted])
        most = self._limits.blocks
        numbers = chronicle.numbers_of_tokens(token_ids, number, most + 1) if wanted else []
        with self._alone():
            kept = self._heights.if_near(chronicle, mark, self._limits.worth * (1 + len(numbers)))
            if kept is None and len(numbers) > most:
                kept = self._heights.at(chronicle, mark)
        if kept is not None:
            keys = [(contract, token) for contract in kept.market.asset_contracts for token in wanted]
            there = [state for key in keys if (state := kept.assets.get(key)) is not None]
            return self._then(kept.market, there, kept.operators)
        annals = self._annals_at(chronicle, number, finalized)
        world = self._recall.beginning(chronicle)
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
        witness = Witness(self._recall.interpreter, self._recall.beginning(chronicle).market, key)
        self._play(witness, annals.blocks(number), chronicle, numbers, {key[1]})
        state = witness.assets.get(key)
        if state is None or witness.facts is None:
            return None
        owner = (key[0], state.owner)
        last = annals.last_word(owner, number)
        if last is not None:
            for block in read_blocks(chronicle.these([last[0]])):
                prepared = self._recall.rereading().remember(only_configuration(block), witness.market)
                witness.facts.operator = approval_of(owner, self._recall.contracts.marketplace, prepared)
        return Explained(state, witness.facts)

    def acts(self, chronicle: Chronicle, number: int, finalized: int, transaction_hash: Hash) -> list[Action]:
        """What a transaction of a block with events did; [] if that has no such one. Raises TooMuchAtOnce."""
        annals = self._annals_at(chronicle, number, finalized)
        world, rereading = self._recall.beginning(chronicle), self._recall.rereading()
        for block in annals.blocks(number - 1):
            prepared = rereading.remember(block, world.market)
            world.apply(prepared.decoded, prepared.adopted)
        for block in read_blocks(chronicle.these([number])):
            decoded = rereading.remember(block, world.market).decoded
            for transaction in decoded.transactions:
                links = Links(world.market.marketplace_asset, world.market.agent_asset)
                if transaction.at.transaction_hash == transaction_hash:
                    return self._recall.interpreter.interpret(transaction.events, links)
                world.apply(decoded._replace(transactions=[transaction], undecodable=[]))
        return []

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
        documents = (
            concerning(document, words)
            for some in batches(numbers, BLOCKS_AT_ONCE)
            for document in chronicle.these(some)
        )
        rereading = self._recall.rereading()
        for block in _merged(configuring, read_blocks(documents)):
            prepared = rereading.remember(block, world.market)
            world.apply(prepared.decoded, prepared.adopted)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._folding.acquire(timeout=PATIENCE_SECONDS):
            raise TooMuchAtOnce("other heights are being folded at present")
        try:
            yield
        finally:
            self._folding.release()

    # --- the whole market ----------------------------------------------------------------

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
        world = World(self._recall.interpreter, market, None, operators)
        documents = [cast("AssetDocument", self._books.new(state, world)) for state in states]
        return Then(cast("MarketDocument", named_market("market", market)), documents)

    # --- the configuration ----------------------------------------------------------------

    def _annals_at(self, chronicle: Chronicle, number: int, finalized: int) -> Annals:
        """Of final blocks they are kept; of those that may be taken back, found anew each time."""
        with self._alone():
            return self._annals_up_to(chronicle, number, min(finalized, number))

    def _annals_up_to(self, chronicle: Chronicle, number: int, finalized: int) -> Annals:
        final = self._annals
        if final is None or not _is_ours(final, chronicle):
            final = self._annals = Annals(self._recall.beginning(chronicle).market)
        self._extend(final, chronicle, finalized)
        if number <= final.number:
            return final
        recent = Annals(final.market, before=final)
        self._extend(recent, chronicle, number)
        return recent

    def _extend(self, annals: Annals, chronicle: Chronicle, up_to: int) -> None:
        if up_to <= annals.number:
            return
        end = chronicle.number_after(self._limits.searched, annals.number, up_to) or up_to
        wanted = self._limits.blocks
        numbers = chronicle.speaking(SPOKEN_OF, annals.number, end, wanted)
        blocks = read_blocks(chronicle.these(dict.fromkeys(numbers)))
        annals.take(blocks, self._recall.rereading(), self._recall.interpreter)
        annals.number = numbers[-1] if len(numbers) == wanted else end
        mark = chronicle.newest(annals.number)
        annals.rolling = mark.rolling if mark else START
        if annals.number < up_to:
            raise TooMuchAtOnce(f"history is searched up to block {annals.number} of {up_to} so far")


def _is_ours(annals: Annals, chronicle: Chronicle) -> bool:
    mark = chronicle.newest(annals.number)
    return annals.rolling == (mark.rolling if mark else START)


def _merged(some: Iterable[LoggedBlock], whole: Iterable[LoggedBlock]) -> list[LoggedBlock]:
    """In order; where both have a block, the whole one."""
    by_number = {block.number: block for block in some} | {block.number: block for block in whole}
    return [by_number[number] for number in sorted(by_number)]
