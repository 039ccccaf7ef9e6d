"""Where we stand, read back from the store: the checkpoint, the window, and the states it rests on."""

from __future__ import annotations

from indexer.asset_documents import asset_from_base, asset_state
from indexer.block_documents import header_of, read_blocks
from indexer.digest import digest_of
from indexer.following import Following
from indexer.market_documents import market_state
from indexer.standing import Standing
from indexer.state import MarketState
from indexer.window import Applied, Bases, Window, WorldOf
from store.ledger import Ledger


def load_window(ledger: Ledger, standing: Standing, following: Following, world_of: WorldOf) -> Window | None:
    """Rebuild the window of unfinalized blocks; None before anything was indexed."""
    if standing.tip is None or standing.finalized is None:
        return None
    bases = _bases(ledger)
    window = Window(standing.finalized, bases)
    documents = ledger.blocks(standing.finalized.number, standing.tip.number)
    logged = {block.number: block for block in read_blocks(documents)}
    world = world_of(bases.market, dict(bases.assets), dict(bases.operators))
    for document in ledger.headers():
        header = header_of(document)
        if not standing.finalized.number < header.number <= standing.tip.number:
            continue
        world.start_batch()
        known = logged.get(header.number)
        decoded, adopted = following.remember(known, world.market) if known else (None, ())
        if decoded is not None:
            world.apply(decoded, adopted)
        window.blocks[header.number] = Applied(
            header,
            decoded,
            adopted,
            frozenset(world.before),
            frozenset(world.operators_before),
            len(world.rejected),
            document["evidence"],
        )
    return window


def scan_digest(ledger: Ledger) -> int:
    """The state digest of the documents as they are, from a full scan."""
    approving = (
        (document["contractAddress"], document["owner"])
        for document in ledger.all_operators()
        if document["approved"]
    )
    assets = (asset_state(document) for document in ledger.all_assets())
    return digest_of(assets, approving, load_market(ledger))


def load_market(ledger: Ledger) -> MarketState:
    return market_state(ledger.market("market"))


def _bases(ledger: Ledger) -> Bases:
    assets = {
        (document["contractAddress"], document["tokenId"]): asset_from_base(document["chain"]["base"])
        for document in ledger.assets_with_base()
    }
    operators = {
        (document["contractAddress"], document["owner"]): document["base"]["said"]
        for document in ledger.operators_with_base()
    }
    return Bases(market_state(ledger.market("base")), assets, operators)
