"""What a row is: one thing that can happen on the market, and the exact logs it must leave.

A row acts on any running market, makes what it needs, puts settings back, and asserts what the contracts
say afterwards. The names of its logs describe the receipt it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chain.transactions import NodeReceipt
from tests.integration.market_play import ETHER, MarketPlay

MINTED = "RWA.Transfer RWA.MetadataUpdate RWA.AssetMinted"
PRICED = "RWA.PriceUpdated AGENT.PriceUpdated"
SOLD = "RWA.Transfer MARKET.AssetSold"
RELISTED = "RWA.Transfer RWA.Approval MARKET.AssetListed MARKET.AssetSold"

NOTHING: NodeReceipt = {"logs": []}
"""Of a row in which everything is refused; `refused` has looked at the real receipts."""

Deed = Callable[[MarketPlay], NodeReceipt]


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to do, and the names of its logs in order."""

    deed: Deed
    logs: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.deed.__name__


class Rows(list[Row]):
    """Rows of one subject, in the order they were written."""

    def leaves(self, logs: str) -> Callable[[Deed], Deed]:
        """Add a row that must leave these logs, separated by spaces."""

        def add(deed: Deed) -> Deed:
            self.append(Row(deed, tuple(logs.split())))
            return deed

        return add


def listed(play: MarketPlay, price_wei: int = 12 * ETHER) -> int:
    """Return a token that alice has listed."""
    token = play.mint_token(play.alice)
    play.approve_and_list(play.alice, token, price_wei)
    return token
