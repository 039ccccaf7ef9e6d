"""People who write about assets while the indexer works, and whether they find their words again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from tests.simulation.verdict import people_part

Database = Any
"""Real or fake, on a line of their own that never fails."""


class People:
    def __init__(self, database: Database, rng: Random) -> None:
        self._database, self._rng = database, rng
        self.said: dict[tuple[Any, str], dict[str, Any]] = {}
        """What was written, by asset and the transaction that minted it."""
        self.visits = 0

    def write(self, assets: Mapping[Any, Mapping[str, Any]]) -> None:
        """One edit of one of these assets."""
        if not assets:
            return
        newest = sorted(assets, key=lambda each: (-assets[each]["chain"]["mintBlock"], str(each)))
        # A mint that may still be taken back is where words can be lost.
        chosen = self._rng.choice(newest[:3] if self._rng.random() < 0.6 else newest)
        self.visits += 1
        change: dict[str, Any] = self._rng.choice(
            [
                {"$set": {"metadata.creator": f"artist {self.visits}"}},
                {"$set": {"metadata.creator": f"artist {self.visits}", "media": {"images": [self.visits]}}},
                {"$set": {"verification": {"isVerified": self.visits % 2 == 0, "by": self.visits}}},
                {"$inc": {"stats.viewCount": 1}},
                {"$inc": {"stats.favourites": 1}},
            ]
        )
        self._database["assets"].update_one({"_id": chosen}, change)
        after = self._database["assets"].find_one({"_id": chosen})
        self.said[chosen, after["chain"]["mintTransactionHash"]] = people_part(after)

    def differences(
        self, assets: Mapping[Any, Mapping[str, Any]], orphans: Mapping[Any, Mapping[str, Any]]
    ) -> Iterator[str]:
        """Every word is with its asset while that is there, else with its orphan; and nobody else's."""
        minted = {(each["_id"], each["chain"]["mintTransactionHash"]): each for each in assets.values()}
        for identity, asset in minted.items():
            if people_part(asset) != self.said.get(identity, {}):
                yield f"people: {identity} has {people_part(asset)}, not {self.said.get(identity, {})}"
        apart = sorted((str(each["mintTransactionHash"]), repr(each["people"])) for each in orphans.values())
        lost = [(identity[1], repr(said)) for identity, said in self.said.items() if identity not in minted]
        if apart != sorted(lost):
            yield f"people: the orphans are {apart}, not {sorted(lost)}"
