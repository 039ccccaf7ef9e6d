"""What people do on the market, and what the market looks like after it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from dvault.demo.catalogue import BATCH_BUYER, RELISTER, Asset

Person = str
ETHER = 10**18


@dataclass(frozen=True, slots=True)
class Mint:
    token: int
    to: Person
    price_wei: int
    asset: Asset

    def __str__(self) -> str:
        return f"{self.to} receives #{self.token} {self.asset.name}, new, worth {_ether(self.price_wei)}"


@dataclass(frozen=True, slots=True)
class SetPrice:
    """The oracle's word; `confidence` in percent."""

    token: int
    price_wei: int
    source: str
    confidence: int

    def __str__(self) -> str:
        word = f"{self.source}, {self.confidence} % sure"
        return f"the oracle prices #{self.token} at {_ether(self.price_wei)} ({word})"


@dataclass(frozen=True, slots=True)
class List:
    """Approve the marketplace and offer the token."""

    token: int
    seller: Person
    price_wei: int

    def __str__(self) -> str:
        return f"{self.seller} lists #{self.token} for {_ether(self.price_wei)}"


@dataclass(frozen=True, slots=True)
class Delist:
    token: int
    seller: Person

    def __str__(self) -> str:
        return f"{self.seller} takes #{self.token} off the market"


@dataclass(frozen=True, slots=True)
class Buy:
    token: int
    buyer: Person
    price_wei: int

    def __str__(self) -> str:
        return f"{self.buyer} buys #{self.token} for {_ether(self.price_wei)}"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Past the marketplace; a listing, if there is one, stays behind and is stale."""

    token: int
    sender: Person
    to: Person

    def __str__(self) -> str:
        return f"{self.sender} gives #{self.token} to {self.to}"


@dataclass(frozen=True, slots=True)
class BatchBuy:
    """Several tokens in one transaction; `price_wei` is for all of them."""

    tokens: tuple[int, ...]
    price_wei: int

    def __str__(self) -> str:
        tokens = ", ".join(f"#{token}" for token in self.tokens)
        return f"{BATCH_BUYER} buys {tokens} at once for {_ether(self.price_wei)}"


@dataclass(frozen=True, slots=True)
class BuyAndRelist:
    """Buy, and list again from within the callback of that very sale."""

    token: int
    price_wei: int
    new_price_wei: int

    def __str__(self) -> str:
        prices = f"{_ether(self.price_wei)} and offers it for {_ether(self.new_price_wei)} in its callback"
        return f"{RELISTER} buys #{self.token} for {prices}"


Deed = Mint | SetPrice | List | Delist | Buy | Transfer | BatchBuy | BuyAndRelist


@dataclass(frozen=True, slots=True)
class Listing:
    seller: Person
    price_wei: int


@dataclass(slots=True)
class Market:
    """Who owns and offers what, by token; as the contracts see it."""

    assets: dict[int, Asset] = field(default_factory=dict)
    owners: dict[int, Person] = field(default_factory=dict)
    prices_wei: dict[int, int] = field(default_factory=dict)
    listings: dict[int, Listing] = field(default_factory=dict)
    """Active on chain, be they stale or not."""

    def copy(self) -> Self:
        """A market of its own, as this one is now."""
        return type(self)(dict(self.assets), dict(self.owners), dict(self.prices_wei), dict(self.listings))

    def apply(self, deed: Deed) -> None:
        """Change as the contracts do when the deed is done."""
        match deed:
            case Mint(token, to, price_wei, asset):
                self.assets[token], self.owners[token], self.prices_wei[token] = asset, to, price_wei
            case SetPrice(token, price_wei):
                self.prices_wei[token] = price_wei
            case List(token, seller, price_wei):
                self.listings[token] = Listing(seller, price_wei)
            case Delist(token):
                del self.listings[token]
            case Transfer(token, _, to):
                self.owners[token] = to
            case _:
                self._sell(deed)

    def _sell(self, sale: Buy | BatchBuy | BuyAndRelist) -> None:
        match sale:
            case Buy(token, buyer):
                self._hand_over(token, buyer)
            case BatchBuy(tokens):
                for token in tokens:
                    self._hand_over(token, BATCH_BUYER)
            case BuyAndRelist(token, _, new_price_wei):
                self._hand_over(token, RELISTER)
                self.listings[token] = Listing(RELISTER, new_price_wei)

    def _hand_over(self, token: int, buyer: Person) -> None:
        del self.listings[token]
        self.owners[token] = buyer


def _ether(price_wei: int) -> str:
    return f"{price_wei / ETHER:,.3f} ETH"
