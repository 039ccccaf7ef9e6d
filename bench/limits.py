"""What a rate limit costs a read: ours, told in batches, beside a round trip for each request.

`make bench-limits` prints one line of JSON: microseconds of processor time a request, on
top of a view that does nothing (`…Us`), and microseconds until the answer (`…WaitUs`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask_limiter import Limiter
from pymongo import MongoClient

from api import problems
from api.limiting.gate import Gate
from api.limiting.quotas import Quota, Quotas
from api.limiting.windows import Windows
from api.perimeter import Perimeter
from store.mongod import EmbeddedMongod
from store.rate_counts import MongoCounts

ROUNDS = 5
BOUNDLESS, FULL = Quota(10**9, 60), Quota(1, 3600)


def application() -> Flask:
    app = Flask("bench")
    problems.register(app)
    app.add_url_rule("/api/x", "x", lambda: "hello")
    return app


def gated(windows: Windows, quota: Quota = BOUNDLESS) -> Flask:
    app = application()
    Gate(Quotas(read=quota), windows).register(app)
    return app


def extended(storage_uri: str) -> Flask:
    """The ready-made extension, with a round trip for each request."""
    app = application()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Limiter(
            lambda: "127.0.0.1",
            app=app,
            default_limits=["1000000000/minute"],
            storage_uri=storage_uri,
            strategy="sliding-window-counter",
            headers_enabled=True,
        )
    return app


def microseconds(app: Flask, requests: int, clock: Callable[[], float] = time.process_time) -> float:
    """The best of several rounds; of processor time, so that what else runs on the machine counts least."""
    client, best = app.test_client(), float("inf")
    for _ in range(ROUNDS):
        begun = clock()
        for _ in range(requests):
            client.get("/api/x")
        best = min(best, clock() - begun)
    return best / requests * 1e6


def measured(uri: str, requests: int) -> dict[str, float]:
    with MongoClient[Any](uri) as client:
        bare = microseconds(application(), requests)
        guarded = application()
        Perimeter(Gate(Quotas(read=BOUNDLESS), Windows(MongoCounts(client["bench"])))).register(guarded)
        costs = {
            "localUs": microseconds(gated(Windows()), requests),
            "sharedUs": microseconds(gated(Windows(MongoCounts(client["bench"]))), requests),
            "wholeGuardUs": microseconds(guarded, requests),
            "refusedUs": microseconds(gated(Windows(MongoCounts(client["bench"])), FULL), requests),
            "flaskLimiterMemoryUs": microseconds(extended("memory://"), requests),
        }
        few = max(1, requests // 10)
        waits = {
            "bareWaitUs": microseconds(application(), requests, time.perf_counter),
            "sharedWaitUs": microseconds(
                gated(Windows(MongoCounts(client["bench"]))), requests, time.perf_counter
            ),
            "exactWaitUs": microseconds(
                gated(EveryTime(MongoCounts(client["bench"]))), few, time.perf_counter
            ),
            "flaskLimiterMongoWaitUs": microseconds(extended(uri), few, time.perf_counter),
        }
    return (
        {"bareUs": round(bare, 1)}
        | {name: round(cost - bare, 1) for name, cost in costs.items()}
        | {name: round(cost, 1) for name, cost in waits.items()}
    )


class EveryTime(Windows):
    """Counts in the shared store before each answer, as small quotas are counted."""

    def _counts_exactly(self, quota: Quota, now: float) -> bool:  # noqa: ARG002
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="requests in each of five rounds")
    requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder, EmbeddedMongod(Path(folder)) as mongod:
        print(json.dumps(measured(mongod.uri, requests)))


if __name__ == "__main__":
    main()
