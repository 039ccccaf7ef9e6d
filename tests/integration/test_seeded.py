"""What the benches fill databases with is what an indexer writes."""

from __future__ import annotations

from typing import Any

from bench.seed import fill
from store.reading import Reading
from store.schema import misfits

ASSETS, DEEDS = 200, 3000


def test_a_seeded_database_holds_what_an_indexer_writes(mongo_uri: str, database: Any) -> None:
    fill(mongo_uri, database.name, ASSETS, DEEDS)

    for name in ("assets", "transactions", "priceHistory", "checkpoints", "market", "tradeHours", "holdings"):
        assert misfits(database, name) == []
        assert database[name].estimated_document_count() > 0
    assert len(database["transactions"].distinct("blockchain.transactionHash")) == DEEDS
    with Reading(database).view() as view:
        figures = view.market_figures()
        assert figures is not None
        assert figures.trade == view.market.trade(view.checkpoint["tipTimestamp"])  # type: ignore[index]
        assert figures.trade["all"].sales == DEEDS // 3
        assert (figures.assets, figures.listed) == (ASSETS, ASSETS // 4)
        assert view.market.counted() == view.market.count()
        assert view.market.counted().active == ASSETS // 4
