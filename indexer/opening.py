"""Take up where the last session ended, or begin; refuse a database that is not ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from chain.decode import AbiEntry
from chain.events import Role
from chain.values import Header
from indexer.branch import DeepReorg
from indexer.changes import named_market
from indexer.evidence import Blooms, blooms_of, tally_fields
from indexer.finality import FinalityPolicy
from indexer.following import Contracts
from indexer.ports import Chain
from indexer.seed import Seeding
from indexer.settled import settled_block
from indexer.standing import Standing, standing_of
from store.ledger import Ledger


class ForeignDatabase(RuntimeError):
    """The database was filled from another chain or other contracts."""

    def __init__(self, what: str, ours: object, theirs: object) -> None:
        super().__init__(
            f"this database belongs to {what} {ours}, the settings say {theirs}: nothing was changed. "
            "Set MONGODB_DATABASE to an empty one for this chain, or correct the settings."
        )


class UnfinishedRebuild(RuntimeError):
    """A rebuild or a deep rewind was interrupted; its documents are of two times."""

    def __init__(self, what: str) -> None:
        super().__init__(f"a {what} was interrupted: run `dvault rebuild` to finish it, then start again")


@dataclass(frozen=True, slots=True)
class Options:
    """How to index; blocks are inclusive."""

    chain_id: int
    contracts: Contracts
    start_block: int
    policy: FinalityPolicy
    range_max: int
    enrich: bool
    abis: dict[Role, list[AbiEntry]]


class Opening:
    """What happens before the first step; nothing is written but the very first checkpoint."""

    def __init__(self, chain: Chain, ledger: Ledger, options: Options) -> None:
        self._chain = chain
        self._ledger = ledger
        self._options = options

    def blooms(self) -> Blooms:
        """What is known of the chain's bloom filters."""
        return blooms_of(self._ledger.checkpoint())

    def standing(self) -> Standing:
        """Where we stand. Raises ForeignDatabase, UnfinishedRebuild, DeepReorg."""
        genesis = self._chain.headers([0])[0]
        document = self._ledger.checkpoint()
        if document is None:
            return self._begin(genesis)
        self._check_identity(document, genesis)
        if document.get("unfinished"):
            raise UnfinishedRebuild(document["unfinished"])
        standing = standing_of(document)
        self._check_finalized(standing)
        return self._recovered(standing) if standing.state == "halted" else standing

    def _recovered(self, standing: Standing) -> Standing:
        """What halted us is no longer so: say it at once, not with the next block."""
        recovered = replace(standing, state="backfilling" if standing.digest is None else "live")
        self._ledger.note(state=recovered.state, lastError=None)
        return recovered

    def _begin(self, genesis: Header) -> Standing:
        options = self._options
        head = self._chain.head()
        market = Seeding(self._chain, options.abis, options.start_block).market(options.contracts, head)
        standing = Standing(
            options.chain_id, options.start_block, "backfilling", None, None, None, 0, 0, 0, None
        ).seeing(head)
        checkpoint = {
            **standing.fields(),
            "chainId": options.chain_id,
            "genesisHash": genesis.hash,
            "addresses": addresses_of(options.contracts),
            "startBlock": options.start_block,
            "eventsPerSecond": 0.0,
            "evidence": tally_fields({}),
            "blooms": None,
        }
        markets = [named_market(name, market) for name in ("seed", "base", "market")]
        self._ledger.begin(checkpoint, markets)
        return standing

    def _check_identity(self, document: dict[str, Any], genesis: Header) -> None:
        options = self._options
        told = {
            "chain id": (document["chainId"], options.chain_id),
            "genesis block": (document["genesisHash"], genesis.hash),
            "contracts": (document["addresses"], addresses_of(options.contracts)),
            "start block": (document["startBlock"], options.start_block),
        }
        for what, (ours, theirs) in told.items():
            if ours != theirs:
                raise ForeignDatabase(what, ours, theirs)

    def _check_finalized(self, standing: Standing) -> None:
        if standing.finalized is None or standing.finalized.number < 0:
            return
        depth = self._options.policy.depth
        told = settled_block(self._chain, standing.finalized.number, depth, self._chain.head())
        if told.hash != standing.finalized.hash:
            raise DeepReorg(standing.finalized, told.hash)


def addresses_of(contracts: Contracts) -> dict[str, str]:
    """As the checkpoint keeps them."""
    return {"asset": contracts.asset, "agent": contracts.agent, "marketplace": contracts.marketplace}
