"""Loads the states that a fold needs from the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from indexer.asset_documents import asset_state
from indexer.market_documents import operator_id
from indexer.state import AssetKey, OperatorKey
from indexer.world import Needs, World
from store.identity import asset_id
from store.ledger import Ledger

LARGEST_QUERY = 5000


def load(world: World, needs: Needs, ledger: Ledger) -> None:
    """Bring into the world what it lacks: assets, everything listed by owners whose approval changes,
    and the approvals of everybody who has something listed."""
    missing = [key for key in needs.assets if key not in world.assets]
    for some in _portions(missing):
        _take_assets(world, ledger.assets(asset_id(*key) for key in some))
    for key in missing:
        world.assets.setdefault(key, None)
    if needs.changed_operators:
        _take_assets(world, ledger.assets_listed_by({owner for _, owner in needs.changed_operators}))
    load_operators(world, [*needs.operators, *sellers(world, needs.assets)], ledger)


def load_operators(world: World, wanted: Iterable[OperatorKey], ledger: Ledger) -> None:
    """Bring in approvals; an owner who never said a word is None."""
    missing = list({key for key in wanted if key not in world.operators})
    for some in _portions(missing):
        for document in ledger.operators(operator_id(*key) for key in some):
            world.operators[document["contractAddress"], document["owner"]] = document["approved"]
    for key in missing:
        world.operators.setdefault(key, None)


def sellers(world: World, keys: Iterable[AssetKey]) -> list[OperatorKey]:
    """Whose approval decides whether these assets can be bought."""
    states = (world.assets.get(key) for key in keys)
    return [(s.contract, s.listing.seller) for s in states if s is not None and s.listing is not None]


def _take_assets(world: World, documents: Iterable[Mapping[str, Any]]) -> None:
    for document in documents:
        key = (document["contractAddress"], document["tokenId"])
        if key not in world.assets:
            world.assets[key] = asset_state(document)


Key = TypeVar("Key")


def _portions(keys: list[Key]) -> Iterable[list[Key]]:
    for at in range(0, len(keys), LARGEST_QUERY):
        yield keys[at : at + LARGEST_QUERY]
