"""Everything that can happen on the market, row by row."""

from __future__ import annotations

from tests.integration import rows_of_assets, rows_of_contracts, rows_of_settings, rows_of_trade
from tests.integration.market_play import MarketPlay

ROWS = [*rows_of_assets.ROWS, *rows_of_trade.ROWS, *rows_of_settings.ROWS, *rows_of_contracts.ROWS]


def play_everything(play: MarketPlay) -> None:
    """Do every row, one after another, on one market."""
    for row in ROWS:
        row.deed(play)
