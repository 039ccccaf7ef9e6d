"""What does each read of the API cost in a large database, against a small one?

    python -m bench.growth [--assets 1000000] [--transactions 10000000] [--small 10000] [--rounds 15]
                           [--uri mongodb://… --databases small,big]

Both databases are made by bench.seed (or, with --uri, are there already). Each read is made anew in this
process; documents and index keys looked at are what the server's profiler says. A read grows if the large
database looks at more than a few hundred, and at more than the ratio of the logarithms allows with some room.
Figures of the market look at the hours of their windows, which a small database has not been through.
The last line is JSON: {"reads", "grow": [...], "linear", "worst"}.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from flask.testing import FlaskClient
from pymongo.database import Database

from api import make_app
from api.auth.options import Auth
from bench.seed import fill, hash_of, wallet
from store.accounts import Accounts
from store.connection import connect
from store.mongod import EmbeddedMongod
from store.reading import Reading

ROOM = 4.0
"""Times the ratio of the logarithms: pages differ a little in what they skip."""
PAGE_COST = 600
"""Documents and keys that a page of 20 may look at in any database."""
LINEAR = ("page=", "facets=", "q=")
"""Numbered pages count what they number, facets count everything, words are looked for everywhere."""
BY_TIME = ("/api/market/stats", "/api/market/trending")
"""These look at the hours of their windows, or at so many deeds at most, however much lies before."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one read: median milliseconds, and what the server looked at."""

    milliseconds: float
    documents: int
    keys: int


def reads() -> list[str]:
    """Each list in its orders and with its filters, and each read by key."""
    owner, asset = wallet(7), "/api/assets/7"
    return [
        "/api/assets",
        "/api/assets?assetType=Wine",
        "/api/assets?isListed=true",
        f"/api/assets?owner={owner}",
        *(f"/api/assets?sortBy={order}" for order in ORDERS),
        "/api/assets?sortBy=price&priceMin=1.5",
        "/api/assets?sortBy=listingPrice&sortDirection=asc&isListed=true",
        "/api/assets?page=2",
        "/api/assets?facets=assetType",
        "/api/assets?q=Asset",
        "/api/market/listings",
        "/api/market/listings?isPurchasable=true",
        "/api/market/listings?sortBy=listedAt",
        "/api/market/stats",
        "/api/market/trending",
        "/api/market/stats?finality=finalized",
        "/api/market/stats/history",
        f"/api/users/{owner}/assets",
        f"/api/users/{owner}/transactions",
        f"/api/users/{owner}/transactions?type=sell",
        "/api/transactions",
        "/api/transactions?type=buy",
        "/api/transactions?status=pending",
        "/api/transactions?tokenId=7",
        f"/api/transactions?wallet={owner}",
        f"/api/transactions?transactionHash={hash_of(2, 7)}",
        "/api/transactions?page=2",
        "/api/activity",
        asset,
        f"{asset}/transactions",
        f"{asset}/activity",
        f"{asset}/price-history",
        f"{asset}/price-history?interval=1d",
        f"/api/tx/{hash_of(2, 7)}",
        "/api/status",
        "/api/reorgs",
    ]


ORDERS = ("price", "listingPrice", "updatedAt", "tokenId", "name", "confidence", "views")


@contextmanager
def databases(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The small and the large one, by name."""
    names = options.databases.split(",")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if options.uri:
            with connect(options.uri, names[0], timeout_seconds=60) as connection:
                yield {name: connection.client[name] for name in names}
            return
        with EmbeddedMongod(Path(folder) / "mongod") as server:
            sizes = ((options.small, 2 * options.small), (options.assets, options.transactions))
            for name, size in zip(names, sizes, strict=True):
                print(
                    f"{name}: {size[0]:,} assets, {size[1]:,} deeds in {fill(server.uri, name, *size):.0f} s"
                )
            with connect(server.uri, names[0], timeout_seconds=60) as connection:
                yield {name: connection.client[name] for name in names}


def client_of(database: Database[Any]) -> FlaskClient:
    auth = Auth(Accounts(database), ("a key of a bench, long enough for HS256",))
    return make_app(Reading(database, timeout_seconds=120), secret_key="a bench", auth=auth).test_client()


def cost_of(database: Database[Any], url: str, rounds: int) -> Cost:
    """Read it several times, each time as after a new block; the profiler runs once, untimed."""
    took = []
    for _ in range(rounds):
        client = client_of(database)
        client.get("/api/assets/1")
        begun = time.perf_counter()
        answer = client.get(url)
        took.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{url}: {answer.status_code} {answer.text}")
        if took[-1] > SLOW_MILLISECONDS:
            break
    client = client_of(database)
    database.command("profile", 2)
    client.get(url)
    database.command("profile", 0)
    seen = list(database["system.profile"].find({"op": {"$in": ["query", "command"]}}))
    database["system.profile"].drop()
    return Cost(
        median(took),
        sum(one.get("docsExamined", 0) for one in seen),
        sum(one.get("keysExamined", 0) for one in seen),
    )


SLOW_MILLISECONDS = 2000.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--assets", type=int, default=1_000_000)
    parser.add_argument("--transactions", type=int, default=10_000_000)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--uri")
    parser.add_argument("--databases", default="small,big")
    options = parser.parse_args()
    with databases(options) as both:
        sizes = [database["assets"].estimated_document_count() for database in both.values()]
        costs = {url: [cost_of(both[name], url, options.rounds) for name in both] for url in reads()}
    print(json.dumps(judged(costs, sizes)))


def judged(costs: Mapping[str, list[Cost]], sizes: list[int]) -> dict[str, Any]:
    """Print each read, and name those that grow."""
    allowed = ROOM * math.log(sizes[1]) / math.log(sizes[0])
    print(f"{'':52}{sizes[0]:>12,}{'':22}{sizes[1]:>12,}")
    print(f"{'read':52}{'ms':>10}{'docs':>9}{'keys':>9}{'':6}{'ms':>10}{'docs':>9}{'keys':>9}")
    grow, worst = [], 0.0
    for url, (small, large) in costs.items():
        looked = [one.documents + one.keys for one in (small, large)]
        ratio = looked[1] / max(1, looked[0])
        grows = ratio > allowed and looked[1] > PAGE_COST
        is_linear = any(word in url for word in LINEAR)
        is_by_time = any(word in url for word in BY_TIME)
        if not is_linear and not is_by_time:
            worst = max(worst, ratio)
        grow += [url] if grows else []
        why = " linear, as documented" if is_linear else " by time, as documented" if is_by_time else " GROWS"
        mark = why if grows else ""
        cells = "".join(
            f"{one.milliseconds:>10.1f}{one.documents:>9,}{one.keys:>9,}{'':6}" for one in (small, large)
        )
        print(f"{url[:50]:52}{cells}{mark}")
    unexpected = [url for url in grow if not any(word in url for word in (*LINEAR, *BY_TIME))]
    return {
        "reads": len(costs),
        "grow": unexpected,
        "linear": len(grow) - len(unexpected),
        "worst": round(worst, 1),
    }


if __name__ == "__main__":
    main()
