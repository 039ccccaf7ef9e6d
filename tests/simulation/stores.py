"""Where the indexer writes: the fake server, which outlives every process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from store.connection import Connection
from tests.simulation.clock import VirtualClock
from tests.simulation.fake_mongo.driver import FakeClient, Link
from tests.simulation.fake_mongo.server import Server

DATABASE = "simulation"


class FakeStore:
    """A server on the virtual clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.server = Server(clock.monotonic, clock.pass_by)

    def connect(self, application: str, link: Link) -> Connection:
        """The connection of one process."""
        client: Any = FakeClient(self.server, application, link)
        return Connection(client, client[DATABASE])

    def moment(self) -> Any:
        """Collection name → documents by `_id`, as they are now; only to be looked at."""
        collections = dict(self.server.collections)

        def held(name: str) -> Mapping[Any, Mapping[str, Any]]:
            return {_id: stored.seen for _id, stored in collections.get(name, {}).items()}

        return held

    def checkpoint(self) -> Mapping[str, Any] | None:
        """Where the indexer says it stands."""
        stored = self.server.read("checkpoints").get("indexer")
        return None if stored is None else stored.seen

    def free_assets(self) -> Mapping[Any, Mapping[str, Any]]:
        """Those that no transaction is writing: whoever wrote the others would have to wait for it."""
        busy = {key for each in self.server.open for name, key in each.written if name == "assets"}
        return {key: each for key, each in self.moment()("assets").items() if key not in busy}

    def is_writing(self) -> bool:
        """Whether nobody else could work now: here a transaction left open runs out like any other."""
        return False

    def step_down(self) -> None:
        self.server.step_down()

    def forget_the_dead(self) -> None:
        """The lease of whoever was killed runs out."""
        self._clock.pass_by(20.0)
