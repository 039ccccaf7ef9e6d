"""People who write about assets while the indexer works, and whether they find their words again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from bson import ObjectId

from store import edition
from store.favourites import Favourites
from tests.simulation.verdict import people_part

NOW = datetime(2027, 1, 1, tzinfo=UTC)
USERS = [ObjectId(bytes([number]) * 12) for number in range(3)]
Mint = tuple[str, int, str]
"""Contract, token id, and the transaction that minted it: whatever has the token id next is another asset."""


class People:
    """`database` is the real or the fake one, on a line of its own that never fails."""

    def __init__(self, database: Any, rng: Random) -> None:
        self._database, self._rng = database, rng
        self._favourites = Favourites(database)
        self._liked: dict[tuple[ObjectId, str, int], set[Mint]] = defaultdict(set)
        self.said: dict[Mint, dict[str, Any]] = {}
        """What is to be found of each asset that was ever written about."""
        self.visits = 0

    def write(self, assets: Mapping[Any, Mapping[str, Any]]) -> None:
        """One edit of one of these assets."""
        if not assets:
            return
        newest = sorted(assets, key=lambda each: (-assets[each]["chain"]["mintBlock"], str(each)))
        # A mint that may still be taken back is where words can be lost.
        chosen = assets[self._rng.choice(newest[:3] if self._rng.random() < 0.6 else newest)]
        self.visits += 1
        self._rng.choice([self._describe, self._verify, self._look, self._like, self._like, self._unlike])(
            chosen
        )

    def _describe(self, asset: Mapping[str, Any]) -> None:
        self._change(asset, "$set", "metadata", "creator", f"artist {self.visits}")

    def _verify(self, asset: Mapping[str, Any]) -> None:
        self._change(asset, "$set", "verification", "isVerified", self.visits % 2 == 0)

    def _look(self, asset: Mapping[str, Any]) -> None:
        self._change(asset, "$inc", "stats", "viewCount", 1)

    def _like(self, asset: Mapping[str, Any]) -> None:
        user, place, mint = self._somebody(asset)
        self._favourites.add(user, *place, NOW)
        if mint not in self._liked[user, *place]:
            self._liked[user, *place].add(mint)
            self._expect(mint, "$inc", "stats", "favoriteCount", 1)

    def _unlike(self, asset: Mapping[str, Any]) -> None:
        """Whatever was liked by that token id, also what is not on the chain at present."""
        user, place, _ = self._somebody(asset)
        self._favourites.remove(user, *place)
        for mint in self._liked.pop((user, *place), ()):
            self._expect(mint, "$inc", "stats", "favoriteCount", -1)

    def _somebody(self, asset: Mapping[str, Any]) -> tuple[ObjectId, tuple[str, int], Mint]:
        return self._rng.choice(USERS), (asset["contractAddress"], asset["tokenId"]), mint_of(asset)

    def _change(self, asset: Mapping[str, Any], how: str, group: str, name: str, value: Any) -> None:
        """As the API does it: in a transaction that says that answers change."""
        change = {how: {f"{group}.{name}": value}}
        edition.edit(
            self._database,
            lambda session: self._database["assets"].update_one(
                {"_id": asset["_id"]}, change, session=session
            ),
        )
        self._expect(mint_of(asset), how, group, name, value)

    def _expect(self, mint: Mint, how: str, group: str, name: str, value: Any) -> None:
        words = self.said.setdefault(mint, {}).setdefault(group, {})
        words[name] = words.get(name, 0) + value if how == "$inc" else value

    def differences(
        self, assets: Mapping[Any, Mapping[str, Any]], orphans: Mapping[Any, Mapping[str, Any]]
    ) -> Iterator[str]:
        """Every word is with its asset while that is there, else with its orphan; and nobody else's."""
        minted = {mint_of(each): each for each in assets.values()}
        for mint, asset in minted.items():
            if people_part(asset) != self.said.get(mint, {}):
                yield f"people: {mint} has {people_part(asset)}, not {self.said.get(mint, {})}"
        apart = {
            (each["contractAddress"], each["tokenId"], each["mintTransactionHash"]): each["people"]
            for each in orphans.values()
        }
        lost = {mint: said for mint, said in self.said.items() if mint not in minted}
        if len(apart) < len(orphans) or apart != lost:
            yield f"people: the orphans are {apart}, not {lost}"


def mint_of(asset: Mapping[str, Any]) -> Mint:
    return asset["contractAddress"], asset["tokenId"], asset["chain"]["mintTransactionHash"]
