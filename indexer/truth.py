"""What a proven block says of our contracts: its logs, cut down to those that are followed at that block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from chain.answers import BlockProof
from chain.checks import lower_case
from chain.decode import AbiEntry, Decoder
from chain.events import Role
from chain.values import Address, Hash, Header
from indexer.blocks import DecodedBlock, Log, LoggedBlock, logged_blocks
from indexer.following import Contracts, Following, may_link
from indexer.gather import Gatherer
from indexer.interpret import Interpreter
from indexer.state import MarketState
from indexer.world import World

BEYOND_EVERY_BLOCK = 2**63
"""As a start block: no earlier history of a linked contract is fetched."""

Said = list[tuple[Hash, int, list[Log]]]


class Proven(Gatherer):
    """Gathers from one proven block; asks nobody."""

    proof: BlockProof

    def block(self, header: Header, addresses: Sequence[Address]) -> LoggedBlock:
        wanted = lower_case(addresses)
        logs = [log for log in self.proof.logs if log.address.lower() in wanted]
        empty = LoggedBlock(header.number, header.hash, header.parent_hash, header.timestamp, [])
        found = logged_blocks(logs, {header.number: header}) or [empty]
        return replace(found[0], evidence="receipts")


class Truth:
    """Follows which contracts are ours from block to block, as indexing does."""

    def __init__(
        self, chain: Any, contracts: Contracts, abis: dict[Role, list[AbiEntry]], seed: MarketState
    ) -> None:
        self._proven = Proven(chain, enrich=False)
        self._following = Following(contracts, Decoder(abis), self._proven, BEYOND_EVERY_BLOCK, 1)
        self._world = World(Interpreter(contracts.marketplace, contracts.agent), seed)

    def start(self, earlier: Iterable[LoggedBlock]) -> None:
        """Learn the links that earlier blocks, in order, announced."""
        for block in earlier:
            self.follow(block)

    def follow(self, block: LoggedBlock) -> None:
        """Learn what a block of ours links."""
        if may_link(block):
            self._world.start_batch()
            prepared = self._following.remember(block, self._world.market)
            self._world.apply(prepared.decoded, ())

    def addresses(self) -> list[Address]:
        """The contracts that are followed now."""
        return self._following.addresses(self._world.market)

    def of(self, proof: BlockProof) -> DecodedBlock:
        """What the block says of the contracts followed now, and of those that it links."""
        self._proven.proof = proof
        return self._following.prepare(proof.header, None, self._world.market).decoded


def said(block: LoggedBlock) -> Said:
    """What of a block can be held against another telling of it."""
    return [(each.hash, each.index, each.logs) for each in block.transactions]
