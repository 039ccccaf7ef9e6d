"""The physical limit: how fast MongoDB takes the very documents that our backfill wrote.

Reads them from one database and inserts them into an empty one: `insert_many`, unordered, batches of
5,000, majority write concern, no secondary index, nothing else going on; with one thread and with two.
Its last line is JSON: {"documents", "megabytes", "seconds": {"1 thread": …, …}, "bestSeconds"}.

    python -m bench.insert_limit --mongo URI --source NAME --target NAME
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

COLLECTIONS = ("chainEvents", "transactions", "priceHistory", "assets")
BATCH = 5_000

Batch = tuple[str, Sequence[Any]]
"""(collection, documents), the documents as dicts or as BSON encoded beforehand."""


def batches(database: Database[Any]) -> list[Batch]:
    """All documents of the source, in the pieces in which they are inserted."""
    pieces: list[Batch] = []
    for name in COLLECTIONS:
        documents = list(database[name].find())
        pieces += [(name, documents[at : at + BATCH]) for at in range(0, len(documents), BATCH)]
    return pieces


def encoded(pieces: list[Batch]) -> list[Batch]:
    return [(name, [RawBSONDocument(bson.encode(one)) for one in documents]) for name, documents in pieces]


def seconds_to_insert(target: Database[Any], pieces: list[Batch], threads: int) -> float:
    """Insert everything into the emptied target."""
    target.client.drop_database(target.name)
    for name in COLLECTIONS:
        target.create_collection(name)

    def insert(piece: Batch) -> None:
        collection = target.get_collection(piece[0], write_concern=WriteConcern("majority"))
        collection.insert_many(piece[1], ordered=False)

    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for done in pool.map(insert, pieces):
            assert done is None
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("mongo", "source", "target"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with MongoClient[dict[str, Any]](options.mongo, tz_aware=True) as client:
        pieces = batches(client[options.source])
        raw = encoded(pieces)
        target = client[options.target]
        seconds = {
            "1 thread": seconds_to_insert(target, pieces, 1),
            "2 threads": seconds_to_insert(target, pieces, 2),
            "1 thread, encoded": seconds_to_insert(target, raw, 1),
            "2 threads, encoded": seconds_to_insert(target, raw, 2),
        }
        client.drop_database(options.target)
    size = sum(len(document.raw) for _, documents in raw for document in documents)
    figures = {
        "documents": sum(len(documents) for _, documents in pieces),
        "megabytes": round(size / 1e6, 1),
        "seconds": {way: round(taken, 3) for way, taken in seconds.items()},
        "bestSeconds": min(seconds["1 thread"], seconds["2 threads"]),
        "bestEncodedSeconds": min(seconds["1 thread, encoded"], seconds["2 threads, encoded"]),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
