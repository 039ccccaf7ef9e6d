"""Hold what we keep against what the contracts themselves say, at one block, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chain.addresses import ZERO
from chain.calls import (
    Listing as ContractListing,
)
from chain.calls import (
    Read,
    get_approved,
    get_fee_collector,
    get_listing,
    get_marketplace_fee,
    get_minimum_confidence_score,
    get_price,
    get_rwa_asset_contract,
    is_approved_for_all,
    owner_of,
    token_uri,
)
from chain.values import Address, BlockRef, Reverted
from indexer.asset_documents import asset_state
from indexer.changes import Books
from indexer.digest import to_text
from indexer.following import Contracts, Following
from indexer.interpret import Interpreter
from indexer.loading import load_market, scan_digest
from indexer.ports import Chain
from indexer.replay import NothingIndexed, batches
from indexer.state import AssetState, MarketState
from indexer.world import World
from store.counting import counted, is_counted, kept_holdings
from store.ledger import Ledger

ASSETS_PER_CALL = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one token (or of the market, `token_id` None) on which we and the chain disagree."""

    contract: Address
    token_id: int | None
    field: str
    ours: Any
    chain: Any


@dataclass(frozen=True, slots=True)
class Question:
    """A read, and what it must answer if we are right."""

    state: AssetState | None
    contract: Address
    field: str
    read: Read[Any]
    ours: Any


def differences(chain: Chain, world: World, contracts: Contracts, at: BlockRef) -> Iterator[Difference]:
    """Compare every token and the configuration with `eth_call` at one block hash."""
    yield from _asked(chain, list(market_questions(world.market, contracts)), at)
    states = [state for state in world.assets.values() if state is not None]
    for some in batches(states, ASSETS_PER_CALL):
        questions = [q for state in some for q in asset_questions(state, world, contracts.marketplace)]
        yield from _asked(chain, questions, at)


def market_questions(market: MarketState, contracts: Contracts) -> Iterator[Question]:
    """Fee, collector, links and the oracle's lowest confidence."""
    marketplace, agent = contracts.marketplace, contracts.agent

    def ask(contract: Address, field: str, read: Read[Any], ours: Any) -> Question:
        return Question(None, contract, field, read, ours)

    yield ask(marketplace, "feeBps", get_marketplace_fee(marketplace), market.fee_bps)
    yield ask(marketplace, "feeCollector", get_fee_collector(marketplace), market.fee_collector)
    yield ask(marketplace, "marketplaceAsset", get_rwa_asset_contract(marketplace), market.marketplace_asset)
    yield ask(agent, "agentAsset", get_rwa_asset_contract(agent), market.agent_asset)
    if market.minimum_confidence is not None:
        lowest = get_minimum_confidence_score(agent)
        yield ask(agent, "minimumConfidence", lowest, market.minimum_confidence)


def asset_questions(state: AssetState, world: World, marketplace: Address) -> Iterator[Question]:
    """Owner, price, URI, approval and listing of one token."""
    contract, token_id = state.key

    def ask(field: str, read: Read[Any], ours: Any) -> Question:
        return Question(state, contract, field, read, ours)

    yield ask("owner", owner_of(contract, token_id), state.owner)
    yield ask("priceWei", get_price(contract, token_id), state.price_wei)
    yield ask("approved", get_approved(contract, token_id), state.approved or ZERO)
    if state.token_uri is not None:
        yield ask("tokenURI", token_uri(contract, token_id), state.token_uri)
    if contract == world.market.marketplace_asset:
        yield ask("listing", get_listing(marketplace, token_id), _listing_of(state))
    operator = (contract, state.owner)
    if operator in world.operators:
        yield ask(
            "approvedForAll",
            is_approved_for_all(contract, state.owner, marketplace),
            world.is_operator_approved(operator),
        )


def _asked(chain: Chain, questions: Sequence[Question], at: BlockRef) -> Iterator[Difference]:
    answers: Iterable[Any] = chain.read([question.read for question in questions], at.hash)
    for question, answer in zip(questions, answers, strict=True):
        told = _comparable(answer)
        if told != question.ours:
            token_id = question.state.token_id if question.state else None
            yield Difference(question.contract, token_id, question.field, question.ours, told)


def _listing_of(state: AssetState) -> dict[str, Any] | None:
    listing = state.listing
    if listing is None:
        return None
    return {"seller": listing.seller, "priceWei": listing.price_wei, "listedAt": listing.listed_at}


def _comparable(answer: Any) -> Any:
    if isinstance(answer, Reverted):
        return f"reverted: {answer.message}"
    if isinstance(answer, ContractListing):
        if not answer.is_active:
            return None
        return {
            "seller": answer.seller,
            "priceWei": answer.price_wei,
            "listedAt": answer.listed_timestamp,
        }
    return answer


def documents_at_tip(ledger: Ledger, marketplace: Address) -> tuple[World, BlockRef, list[Difference]]:
    """The states that the asset documents hold, our tip, and what in a document contradicts its state."""
    document = ledger.checkpoint()
    if document is None or document["tip"] is None:
        raise NothingIndexed
    world = World(Interpreter(marketplace, ZERO), load_market(ledger))
    for operator in ledger.all_operators():
        world.operators[operator["contractAddress"], operator["owner"]] = operator["approved"]
    found: list[Difference] = []
    for asset in ledger.all_assets():
        state = asset_state(asset)
        world.assets[state.key] = state
        found += _contradictions(asset, state, world, Books(marketplace))
    tip = document["tip"]
    return world, BlockRef(tip["number"], tip["hash"]), found


def _contradictions(
    document: dict[str, Any], state: AssetState, world: World, books: Books
) -> Iterator[Difference]:
    """Fields of a document that do not follow from its own state."""
    for path, expected in books.fields(state, world).items():
        kept = document
        for name in path.split("."):
            kept = kept[name]
        if kept != expected:
            yield Difference(state.contract, state.token_id, path, kept, expected)


def stored_differences(ledger: Ledger, following: Following) -> Iterator[Difference]:
    """Whether the checkpoint's digest and the numbers that are kept are those of the documents."""
    document = ledger.checkpoint() or {}
    scanned = to_text(scan_digest(ledger))
    if document.get("digest") not in (None, scanned):
        marketplace = following.contracts.marketplace
        yield Difference(marketplace, None, "digest", document["digest"], scanned)
    yield from _miscounted(ledger, following.contracts.asset)


def _miscounted(ledger: Ledger, contract: Address) -> Iterator[Difference]:
    """Numbers of assets that are not what a count of the documents says."""
    if not is_counted(ledger):
        return
    kept = {each["_id"]: each for each in kept_holdings(ledger)}
    wanted = {each["_id"]: each for each in counted(ledger).documents()}
    for wallet in sorted(kept.keys() | wanted.keys()):
        if kept.get(wallet) != wanted.get(wallet):
            yield Difference(contract, None, f"holdings {wallet}", kept.get(wallet), wanted.get(wallet))
