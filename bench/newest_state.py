"""How does a worker learn of a new state: by asking for every batch of requests, or by being told?

    python -m bench.newest_state [--seconds 3] [--threads 16] [--writes 60]

"Asked": every caller waits for a read that began after it came, one read for all who wait (store.moments).
"Told": a thread follows a change stream of the checkpoint, and callers take what it saw last.
For both: calls a second by so many threads, how long one takes, and by how much what they say is late when a
write has been acknowledged. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from threading import Event, Thread
from typing import Any

from bench.seed import fill
from store.connection import Connection, connect
from store.moments import Moments
from store.mongod import EmbeddedMongod

NAME = "newest"
PATIENCE_SECONDS = 10.0


class Followed:
    """The version of the checkpoint as a change stream told it last."""

    def __init__(self, connection: Connection) -> None:
        self._checkpoints = connection.database["checkpoints"]
        found = self._checkpoints.find_one({"_id": "indexer"}) or {}
        self.version: int = found["version"]
        self.is_open, self._ends = Event(), Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        with self._checkpoints.watch(full_document="updateLookup", max_await_time_ms=200) as stream:
            self.is_open.set()
            while not self._ends.is_set():
                change = stream.try_next()
                if change is not None:
                    self.version = change["fullDocument"]["version"]

    def close(self) -> None:
        self._ends.set()
        self._thread.join()


def called(call: Callable[[], Any], threads: int, seconds: float) -> dict[str, float]:
    """Calls by many threads at once: how many a second, and how long one takes."""
    took: list[float] = []
    ends = time.perf_counter() + seconds

    def work() -> None:
        while (begun := time.perf_counter()) < ends:
            call()
            took.append(time.perf_counter() - begun)

    workers = [Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {
        "perSecond": round(len(took) / seconds),
        "medianMs": round(median(took) * 1000, 3),
        "p99Ms": round(quantiles(took, n=100)[98] * 1000, 3),
    }


def lateness(connection: Connection, version: Callable[[], int], writes: int) -> dict[str, float]:
    """Milliseconds from an acknowledged write until who asks hears of it; 0 where the first one does."""
    late: list[float] = []
    for _ in range(writes):
        written = connection.database["checkpoints"].find_one_and_update(
            {"_id": "indexer"}, {"$inc": {"version": 1}}, return_document=True
        )
        assert written is not None
        acknowledged = time.perf_counter()
        looks = 1
        while version() < written["version"]:
            looks += 1
            if time.perf_counter() - acknowledged > PATIENCE_SECONDS:
                raise TimeoutError("nobody told of a write")
            time.sleep(0.0002)
        late.append(0.0 if looks == 1 else time.perf_counter() - acknowledged)
        time.sleep(0.02)
    return {"medianLateMs": round(median(late) * 1000, 2), "worstLateMs": round(max(late) * 1000, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--writes", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, EmbeddedMongod(Path(folder) / "m") as server:
        fill(server.uri, NAME, 100, 100)
        with connect(server.uri, NAME) as connection:
            moments, followed = Moments(connection.database, 5.0), Followed(connection)
            followed.is_open.wait(PATIENCE_SECONDS)

            def asked() -> int:
                checkpoint: Any = moments.newest().state.checkpoint
                return int(checkpoint["version"])

            told = {
                "asked": called(asked, options.threads, options.seconds)
                | lateness(connection, asked, options.writes),
                "told": called(lambda: followed.version, 1, 0.2)
                | lateness(connection, lambda: followed.version, options.writes),
            }
            followed.close()
    for name, figures in told.items():
        print(name, figures)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
