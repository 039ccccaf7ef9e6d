"""The plan of a market's history: who does what and when. Pure and seeded.

A day: prices at six, new assets at seven, trade between eight and twenty, and from nine in the evening the
three things a reader of the demo should see, on tokens that nothing else touches: several assets bought in
one transaction, one that is listed again within its own sale, and one given away while it is listed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from dvault.demo.catalogue import CONTRACTS, KINDS, PEOPLE, first_price, in_wei, invent
from dvault.demo.deeds import (
    ETHER,
    BatchBuy,
    Buy,
    BuyAndRelist,
    Deed,
    Delist,
    List,
    Market,
    Mint,
    Person,
    SetPrice,
    Transfer,
)

DAY, HOUR = 86_400, 3_600
STALE, RELISTED = 1, 2
BATCH = (3, 4, 5)
STORY = (STALE, RELISTED, *BATCH)
LIST, DELIST, BUY, GIVE = 0.08, 0.05, 0.12, 0.006
"""Chances per asset and day."""
MINTED_AT_ONCE, LAST_MINT = 0.25, 0.8
"""Shares: of the assets that are there on the first day, of the days on which new ones appear."""


@dataclass(frozen=True, slots=True)
class Block:
    """Deeds that share a block; none depends on another. `at` in Unix seconds."""

    at: int
    deeds: tuple[Deed, ...]


@dataclass(slots=True)
class Planner:
    """Decides what happens next, and keeps track of what that leads to."""

    random: Random
    market: Market = field(default_factory=Market)

    # --- single deeds: from the market as it is ---

    def mint(self) -> Mint:
        token = len(self.market.owners) + 1
        asset = invent(self.random, token)
        return Mint(token, self.random.choice(PEOPLE), first_price(self.random, asset), asset)

    def price(self, token: int) -> SetPrice:
        kind = KINDS[self.market.assets[token].asset_type]
        step = math.exp(self.random.gauss(kind.drift, kind.volatility))
        price_wei = in_wei(self.market.prices_wei[token] / ETHER * step)
        return SetPrice(
            token, price_wei, self.random.choice(kind.sources), self.random.randint(*kind.confidence)
        )

    def offer(self, token: int) -> List:
        asked = self.market.prices_wei[token] / ETHER * self.random.uniform(0.95, 1.15)
        return List(token, self.market.owners[token], in_wei(asked))

    def withdrawal(self, token: int) -> Delist:
        return Delist(token, self.market.listings[token].seller)

    def sale(self, token: int) -> Buy:
        listing = self.market.listings[token]
        return Buy(token, self.someone_but(listing.seller), listing.price_wei)

    def gift(self, token: int) -> Transfer:
        owner = self.market.owners[token]
        return Transfer(token, owner, self.someone_but(owner))

    def someone_but(self, person: Person) -> Person:
        return self.random.choice([other for other in PEOPLE if other != person])

    def trade(self, token: int) -> Deed | None:
        """What happens to an asset on one day, which mostly is nothing."""
        chance = self.random.random()
        if token in self.market.listings:
            if chance < BUY:
                return self.sale(token)
            return self.withdrawal(token) if chance < BUY + DELIST else None
        if chance < LIST:
            return self.offer(token)
        return self.gift(token) if chance < LIST + GIVE else None

    def traded(self) -> list[int]:
        """Tokens that people trade: not those of the story, nor what a contract holds."""
        owners = self.market.owners
        return [token for token in owners if token not in STORY and owners[token] not in CONTRACTS]

    # --- days ---

    def block(self, at: int, *deeds: Deed) -> Block:
        """A block of these deeds, which are then done."""
        for deed in deeds:
            self.market.apply(deed)
        return Block(at, deeds)

    def day(self, midnight: int, mints: int) -> Iterator[Block]:
        """The blocks of one day, the story apart."""
        if prices := [self.price(token) for token in self.market.owners if self._is_repriced(token)]:
            yield self.block(midnight + 6 * HOUR + self.random.randrange(600), *prices)
        for number in range(mints):
            yield self.block(midnight + 7 * HOUR + number, self.mint())
        trades = [deed for token in self.traded() if (deed := self.trade(token))]
        self.random.shuffle(trades)
        times = sorted(self.random.sample(range(8 * HOUR, 20 * HOUR), len(trades)))
        for seconds, deed in zip(times, trades, strict=True):
            yield self.block(midnight + seconds, deed)

    def _is_repriced(self, token: int) -> bool:
        return self.random.random() < KINDS[self.market.assets[token].asset_type].repriced

    # --- the story ---

    def batch_buy(self, evening: int) -> Iterator[Block]:
        tokens = tuple(token for token in BATCH if token in self.market.owners)
        yield self.block(evening, *[self.offer(token) for token in tokens])
        price_wei = sum(self.market.listings[token].price_wei for token in tokens)
        yield self.block(evening + 600, BatchBuy(tokens, price_wei))

    def relist(self, evening: int) -> Iterator[Block]:
        offer = self.offer(RELISTED)
        yield self.block(evening + 1200, offer)
        new_price_wei = in_wei(offer.price_wei / ETHER * 1.25)
        yield self.block(evening + 1800, BuyAndRelist(RELISTED, offer.price_wei, new_price_wei))

    def stale_listing(self, evening: int) -> Iterator[Block]:
        yield self.block(evening + 2400, self.offer(STALE))
        yield self.block(evening + 3000, self.gift(STALE))

    def story(self, day: int, days: int, evening: int) -> Iterator[Block]:
        """The parts of the story that belong to this day and for which there are assets."""
        if day == days // 2 and BATCH[0] in self.market.owners:
            yield from self.batch_buy(evening)
        if day == days * 2 // 3 and RELISTED in self.market.owners:
            yield from self.relist(evening)
        if day == days * 5 // 6:
            yield from self.stale_listing(evening)


def mints_by_day(random: Random, assets: int, days: int) -> list[int]:
    """How many assets are new on each day; those of the story on the first."""
    first = min(assets, max(len(STORY), round(assets * MINTED_AT_ONCE)))
    counts = [first] + (days - 1) * [0]
    for _ in range(assets - first):
        counts[random.randrange(max(1, round(days * LAST_MINT)))] += 1
    return counts


def plan_history(planner: Planner, assets: int, days: int, began_at: int) -> list[Block]:
    """The blocks of the whole history; `began_at` is the first midnight, Unix seconds."""
    blocks: list[Block] = []
    for day, mints in enumerate(mints_by_day(planner.random, assets, days)):
        midnight = began_at + day * DAY
        blocks += planner.day(midnight, mints)
        blocks += planner.story(day, days, midnight + 21 * HOUR)
    return blocks
