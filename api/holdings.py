"""A wallet's trades → what it holds, what that cost, what it earned; now, and at earlier moments. Pure.

Costs are what the wallet paid for an asset when it last got it; unknown where it got it by mint or transfer.
A sale of a wallet to itself moves nothing, and counts as neither purchase nor sale. Gas is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from store.identity import AssetId
from store.portfolios import Move, Valuation


@dataclass(frozen=True, slots=True)
class Lot:
    """How the wallet came by an asset; `cost_wei` is None where it did not buy it."""

    how: str
    at: datetime
    cost_wei: int | None


@dataclass(slots=True)
class Realised:
    """What the wallet traded, in wei; `gain_wei` is of those sales whose cost is known."""

    purchases: int = 0
    spent_wei: int = 0
    sales: int = 0
    earned_wei: int = 0
    fees_wei: int = 0
    sales_with_cost: int = 0
    gain_wei: int = 0
    self_trades: int = 0
    self_traded_wei: int = 0
    self_trade_fees_wei: int = 0


@dataclass(slots=True)
class Book:
    """The trades of a wallet, one after the other."""

    wallet: str
    lots: dict[AssetId, Lot] = field(default_factory=dict)
    realised: Realised = field(default_factory=Realised)

    def enter(self, move: Move) -> None:
        """Take the next move, in the order of the chain."""
        if move.seller == move.buyer:
            self._to_itself(move)
        elif move.buyer == self.wallet:
            self._came(move)
        else:
            self._left(move)

    def _came(self, move: Move) -> None:
        cost = move.price_wei if move.type == "buy" else None
        self.lots[move.asset] = Lot(move.type, move.time, cost)
        if move.type == "buy":
            self.realised.purchases += 1
            self.realised.spent_wei += cost or 0

    def _left(self, move: Move) -> None:
        lot, realised = self.lots.pop(move.asset, None), self.realised
        if move.type != "buy":
            return
        price, fee = move.price_wei or 0, move.fee_wei or 0
        realised.sales += 1
        realised.earned_wei += price
        realised.fees_wei += fee
        if lot is not None and lot.cost_wei is not None:
            realised.sales_with_cost += 1
            realised.gain_wei += price - fee - lot.cost_wei

    def _to_itself(self, move: Move) -> None:
        if move.type == "buy":
            self.realised.self_trades += 1
            self.realised.self_traded_wei += move.price_wei or 0
            self.realised.self_trade_fees_wei += move.fee_wei or 0


def book_of(wallet: str, moves: Iterable[Move]) -> Book:
    """All trades of a wallet, given in the order of the chain."""
    book = Book(wallet)
    for move in moves:
        book.enter(move)
    return book


@dataclass(frozen=True, slots=True)
class Worth:
    """What a wallet held at a moment, and how much of it has a price and a cost."""

    assets: int = 0
    priced: int = 0
    value_wei: int = 0
    with_cost: int = 0
    cost_wei: int = 0


class _Purse:
    """A book and the prices in force, with the totals kept up to date."""

    def __init__(self, wallet: str) -> None:
        self._book = Book(wallet)
        self._prices: dict[AssetId, int] = {}
        self._priced = self._value_wei = self._with_cost = self._cost_wei = 0

    def enter(self, move: Move) -> None:
        self._weigh(move.asset, -1)
        self._book.enter(move)
        self._weigh(move.asset, 1)

    def reprice(self, valuation: Valuation) -> None:
        self._weigh(valuation.asset, -1)
        self._prices[valuation.asset] = valuation.price_wei
        self._weigh(valuation.asset, 1)

    def worth(self) -> Worth:
        held = len(self._book.lots)
        return Worth(held, self._priced, self._value_wei, self._with_cost, self._cost_wei)

    def _weigh(self, asset: AssetId, sign: int) -> None:
        """Add what the asset contributes, or take it out."""
        lot = self._book.lots.get(asset)
        if lot is None:
            return
        if asset in self._prices:
            self._priced += sign
            self._value_wei += sign * self._prices[asset]
        if lot.cost_wei is not None:
            self._with_cost += sign
            self._cost_wei += sign * lot.cost_wei


def worths(
    wallet: str, moves: Sequence[Move], valuations: Sequence[Valuation], ends: Sequence[datetime]
) -> Iterator[Worth]:
    """What the wallet held just before each of the times, which run forwards."""
    purse, moved, valued = _Purse(wallet), 0, 0
    for end in ends:
        while moved < len(moves) and moves[moved].time < end:
            purse.enter(moves[moved])
            moved += 1
        while valued < len(valuations) and valuations[valued].time < end:
            purse.reprice(valuations[valued])
            valued += 1
        yield purse.worth()
