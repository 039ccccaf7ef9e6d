"""Whatever the chain does: each mint has the favourites and views that are its own, counted exactly."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.rebuild import rebuild
from store.connection import Connection
from store.errors import NotFound
from store.favourites import Favourites
from store.view_counts import Seen, ViewCounts
from tests.property.indexed import Indexed, empty
from tests.property.model_chain import Block, ModelChain, Transaction
from tests.property.model_contracts import RWA

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USERS = [ObjectId(bytes([number]) * 12) for number in range(1, 4)]
KNOWN: list[Transaction] = [
    (("mint", 0, 0, 2),),
    (("mint", 0, 1, 3),),
    (("mint", 0, 2, 2), ("list", 0, 0, 1)),
]
"""The same few transactions turn up on every branch, and mint other tokens there."""

small = st.integers(0, 5)
moves = st.lists(
    st.tuples(
        st.sampled_from(["grow", "fork", "fork", "like", "like", "like", "unlike", "look"]), small, small
    ),
    min_size=6,
    max_size=30,
)


class Crowd:
    """People who like and look at what is there, while the chain changes its mind."""

    def __init__(self, home: Connection) -> None:
        empty(home)
        self.database = home.database
        self.chain = ModelChain()
        self.indexed = Indexed(home, self.chain, 30)
        self.likes: set[tuple[ObjectId, int, str]] = set()
        """Who likes which token of which mint."""
        self.looks: Counter[tuple[int, str]] = Counter()
        self.looked = 0

    def grow(self, which: int, _: int) -> None:
        self._mine(self.chain.view, which)

    def fork(self, which: int, depth: int) -> None:
        """Another branch, higher than this one."""
        branch = self.chain.branch(self.chain.view)
        at = branch[max(1, len(branch) - 1 - depth)]
        block = self.chain.mine(at, [KNOWN[which % len(KNOWN)]])
        self.indexed.follow(self.chain.mine_empty(block, depth + 1))

    def like(self, who: int, token: int) -> None:
        user = USERS[who % len(USERS)]
        try:
            Favourites(self.database).add(user, RWA, token, NOW)
        except NotFound:
            assert self._mint(token) is None
        else:
            mint = self._mint(token)
            assert mint is not None
            self.likes.add((user, token, mint))

    def unlike(self, who: int, token: int) -> None:
        user = USERS[who % len(USERS)]
        mine = {one for one in self.likes if one[:2] == (user, token)}
        assert Favourites(self.database).remove(user, RWA, token) is bool(mine)
        self.likes -= mine

    def look(self, who: int, token: int) -> None:
        asset = self.database["assets"].find_one({"contractAddress": RWA, "tokenId": token})
        if asset is not None:
            self.looked += 1
            mint = asset["chain"]["mintTransactionHash"]
            seen = Seen(str(asset["_id"]), mint, (f"visitor {self.looked}",))
            assert ViewCounts(self.database).count([seen, seen], NOW) == 1
            self.looks[token, mint] += 1

    def _mine(self, parent: Block, which: int) -> None:
        self.indexed.follow(self.chain.mine(parent, [KNOWN[which % len(KNOWN)]]))

    def _mint(self, token: int) -> str | None:
        asset = self.database["assets"].find_one({"contractAddress": RWA, "tokenId": token})
        return asset["chain"]["mintTransactionHash"] if asset else None

    def counted(self) -> dict[tuple[int, str], tuple[int, int]]:
        """Favourites and views of every mint, on the chain or put aside."""
        found: dict[tuple[int, str], Any] = {}
        for asset in self.database["assets"].find({"contractAddress": RWA}):
            found[asset["tokenId"], asset["chain"]["mintTransactionHash"]] = asset.get("stats", {})
        for orphan in self.database["orphans"].find({"contractAddress": RWA}):
            mint = (orphan["tokenId"], orphan["mintTransactionHash"])
            assert mint not in found
            found[mint] = orphan["people"].get("stats", {})
        counts = {
            mint: (int(stats.get("favoriteCount", 0)), int(stats.get("viewCount", 0)))
            for mint, stats in found.items()
        }
        return {mint: count for mint, count in counts.items() if any(count)}

    def expected(self) -> dict[tuple[int, str], tuple[int, int]]:
        likes = Counter((token, mint) for _, token, mint in self.likes)
        return {mint: (likes[mint], self.looks[mint]) for mint in {*likes, *self.looks}}


@settings(
    deadline=None,
    max_examples=8,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(played=moves)
def test_every_mint_has_the_favourites_and_views_that_are_its_own(
    databases: tuple[Connection, Connection], played: list[tuple[str, int, int]]
) -> None:
    crowd = Crowd(databases[0])
    for word, *numbers in played:
        getattr(crowd, word)(*numbers)
        assert crowd.counted() == crowd.expected()

    rebuild(crowd.indexed.ledger, crowd.indexed.following())
    assert crowd.counted() == crowd.expected()
