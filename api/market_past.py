"""How the market stood at earlier moments: the present, with deeds undone one by one, newest first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush

from store.identity import AssetId
from store.market_history import Held, Offer, Present, Step


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stood. `listed` and `floor_wei` are None where deeds do not tell what was listed."""

    assets: int
    holders: int
    listed: int | None
    floor_wei: int | None


def moments(
    present: Present, steps: Sequence[Step], ends: Sequence[datetime], *, one_contract: bool
) -> list[Moment]:
    """How things stood just before each of the times, which run backwards; steps are newest first.

    The steps must reach back to the last of the times. With several asset contracts, listings vanish from one
    when a deed on the same token id of another takes their place: then nothing is said of listings.
    """
    walk, undone, found = _Walk(present), 0, []
    for end in ends:
        while undone < len(steps) and steps[undone].time >= end:
            walk.undo(steps[undone])
            undone += 1
        found.append(walk.moment(with_listings=one_contract))
    return found


class _Walk:
    def __init__(self, present: Present) -> None:
        self._held: dict[AssetId, Held] = dict(present.held)
        self._owned: Counter[str] = Counter(present.owned)
        self._assets, self._holders, self._listed = present.assets, present.holders, present.listed
        self._other_floor_wei = present.other_floor_wei
        self._asked: dict[AssetId, int] = _asked(self._held)
        self._cheapest = [(price, asset) for asset, price in self._asked.items()]
        heapify(self._cheapest)

    def moment(self, *, with_listings: bool) -> Moment:
        listed, floor = (self._listed, self._floor()) if with_listings else (None, None)
        return Moment(self._assets, self._holders, listed, floor)

    def undo(self, step: Step) -> None:
        held = self._held.get(step.asset)
        if held is None:
            return
        if step.type == "mint":
            self._assets -= 1
            self._moved(held.owner, None)
            del self._held[step.asset]
            self._offered(step.asset, None)
            return
        before = Held(_owner_before(step, held), _offer_before(step, held))
        self._moved(held.owner, before.owner)
        self._held[step.asset] = before
        self._offered(step.asset, before)

    def _moved(self, later: str, earlier: str | None) -> None:
        if earlier == later:
            return
        self._owned[later] -= 1
        self._holders -= self._owned[later] == 0
        if earlier is not None:
            self._holders += self._owned[earlier] == 0
            self._owned[earlier] += 1

    def _offered(self, asset: AssetId, held: Held | None) -> None:
        before, now = self._asked.pop(asset, None), _price_asked(held)
        self._listed += (now is not None) - (before is not None)
        if now is not None:
            self._asked[asset] = now
            if now != before:
                heappush(self._cheapest, (now, asset))

    def _floor(self) -> int | None:
        heap = self._cheapest
        while heap and self._asked.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        floors = [self._other_floor_wei, heap[0][0] if heap else None]
        return min((wei for wei in floors if wei is not None), default=None)


def _asked(held: Mapping[AssetId, Held]) -> dict[AssetId, int]:
    prices = {asset: _price_asked(one) for asset, one in held.items()}
    return {asset: price for asset, price in prices.items() if price is not None}


def _price_asked(held: Held | None) -> int | None:
    """The price of an offer that stands: one of the owner's."""
    if held is None or held.offer is None or held.offer.seller != held.owner:
        return None
    return held.offer.price_wei


def _owner_before(step: Step, held: Held) -> str:
    """A sale whose token did not move left its owner alone."""
    moves = step.type in ("buy", "transfer") and step.seller is not None and held.owner == step.buyer
    return step.seller if moves and step.seller else held.owner


def _offer_before(step: Step, held: Held) -> Offer | None:
    """The marketplace refuses to list what is listed, so before a listing there was none."""
    if step.type == "transfer":
        return held.offer
    if step.type == "list" or step.seller is None or step.price_wei is None:
        return None
    return Offer(step.seller, step.price_wei)
