"""A database of any size for the benches: assets and deeds as the indexer writes them, in bulk.

    python -m bench.seed --assets 1000000 --transactions 10000000 [--uri mongodb://…] [--database big]

Documents are made from templates in BSON, of which only what differs is written anew: that takes a few
microseconds each, so the server is what one waits for. Without --uri an embedded server is started, filled
and stopped again, which shows how long it takes. The last line is JSON: {"assets", "transactions",
"seconds"}.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import Struct
from threading import Event, Thread
from typing import Any

import bson
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from store.commit import Change, Commit
from store.connection import Connection, connect
from store.counting import recount
from store.indexes import LATE, by_collection, ensure, ensure_early
from store.ledger import Ledger
from store.mongod import EmbeddedMongod
from store.schema import ensure_collections
from store.trade_hours import ALL_HOURS, COLLECTION, HOUR_SECONDS, KEPT, LAYOUT, Sums
from store.words import keys_of

ETHER = 10**18
GENESIS = datetime(2026, 1, 1, tzinfo=UTC)
GENESIS_MILLISECONDS = int(GENESIS.timestamp()) * 1000
BLOCK_SECONDS, DEEDS_PER_BLOCK = 2, 5
OWNERS_SHARE, LISTED_EVERY = 20, 4
"""Assets per owner; one asset in so many is for sale."""
UNFINALIZED_BLOCKS = 64
AT_ONCE = 5000
PROCESSES = 2
DEEDS = ("buy", "list", "transfer")
KINDS = ("Art", "Wine", "Car", "Watch", "Land")
RWA = "0x1000000000000000000000000000000000000001"
MARKETPLACE = "0x2000000000000000000000000000000000000002"
AGENT = "0x3000000000000000000000000000000000000003"


def wallet(number: int) -> str:
    """An address of digits alone, which needs no checksum."""
    return wallet_bytes(number).decode()


def wallet_bytes(number: int) -> bytes:
    return b"0x1%039d" % number


def hash_of(kind: int, number: int) -> str:
    return hash_bytes(kind, number).decode()


def hash_bytes(kind: int, number: int) -> bytes:
    return b"0x%d%063d" % (kind, number)


def key(collection: int, number: int) -> ObjectId:
    return ObjectId(key_bytes(collection, number))


def key_bytes(collection: int, number: int) -> bytes:
    return (collection << 88 | number).to_bytes(12, "big")


class Template:
    """A document in BSON, of which fields of a fixed length are written anew each time."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._bytes = bytearray(bson.encode(document))

    def place(self, sample: Any) -> list[slice]:
        """Where the document holds the sample: bytes, a text, an ObjectId, a number or a time."""
        wanted, found, at = encoded(sample), [], -1
        while (at := self._bytes.find(wanted, at + 1)) >= 0:
            found.append(slice(at, at + len(wanted)))
        assert found, sample
        return found

    def places(self, samples: Sequence[Any]) -> list[tuple[slice, int]]:
        """Where the document holds each of the samples: place, and which of them."""
        return [(place, which) for which, sample in enumerate(samples) for place in self.place(sample)]

    def made(self, places: Sequence[tuple[slice, int]], contents: Sequence[bytes]) -> RawBSONDocument:
        """The document with other contents in those places."""
        made = self._bytes
        for place, which in places:
            made[place] = contents[which]
        return RawBSONDocument(bytes(made))


whole = Struct("<q").pack
"""A whole number, or a time in milliseconds, as it stands inside BSON."""


def encoded(value: Any) -> bytes:
    """A value as it stands inside BSON."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, ObjectId):
        return value.binary
    return whole(milliseconds(value) if isinstance(value, datetime) else value)


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return int(moment.timestamp()) * 1000


def time_of(block: int) -> int:
    """When a block was made, in milliseconds since 1970."""
    return GENESIS_MILLISECONDS + block * BLOCK_SECONDS * 1000


def assets(first: int, last: int, owners: int) -> Iterator[RawBSONDocument]:
    """Assets with first <= tokenId < last."""
    for number in range(first, last):
        yield RawBSONDocument(bson.encode(asset(number, owners)))


def asset(number: int, owners: int) -> dict[str, Any]:
    owner, wei, block = wallet(number % owners), ETHER + (number * 7919) % 10**6 * 10**12, number
    listed = number % LISTED_EVERY == 0
    asked = wei + 10**15 if listed else None
    at = GENESIS + timedelta(seconds=block * BLOCK_SECONDS)
    name, kind = f"Asset {number}", KINDS[number % len(KINDS)]
    about = f"One of many, number {number}, kept in a vault with others of its kind. " * 3
    return {
        "_id": key(1, number),
        "tokenId": number,
        "contractAddress": RWA,
        "name": name,
        "assetType": kind,
        "description": about,
        "searchKeys": keys_of((name, kind, about)),
        "tokenURI": f"ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/{number}",
        "metadata": {"assetLocation": f"Vault {number % 40}", "acquisitionDate": GENESIS},
        "currentPrice": {
            "value": wei / ETHER,
            "valueWei": str(wei),
            "valueKey": wei.to_bytes(32, "big"),
            "valueUsd": None,
            "updatedAt": at,
            "aiConfidenceScore": number % 101,
        },
        "marketStatus": {
            "isListed": listed,
            "isPurchasable": listed and number % (2 * LISTED_EVERY) == 0,
            "unavailableReason": "not-approved" if listed and number % (2 * LISTED_EVERY) else None,
            "listingPrice": asked / ETHER if asked else None,
            "listingPriceWei": str(asked) if asked else None,
            "listingPriceKey": asked.to_bytes(32, "big") if asked else None,
            "listedAt": at if listed else None,
            "listedBy": owner if listed else None,
        },
        "ownership": {"currentOwner": owner, "ownerSince": at},
        "createdAt": at,
        "chain": {
            "mintBlock": block,
            "mintLogIndex": number % 20,
            "mintTransactionHash": hash_of(1, number),
            "updatedBlock": block,
            "updatedLogIndex": 2,
            "approved": None,
            "listing": {"seller": owner, "priceWei": str(asked), "listedAt": at} if listed else None,
            "isVerified": False,
            "initialPriceWei": str(wei),
            "acquisitionDateSeconds": "1767225600",
        },
    }


def row(number: int) -> dict[str, Any]:
    """What deeds and prices have in common."""
    return {
        "contractAddress": RWA,
        "tokenId": bson.Int64(7),
        "assetId": key(1, 7),
        "timestamp": GENESIS,
        "blockchain": {
            "transactionHash": hash_of(2, number),
            "blockNumber": bson.Int64(77),
            "blockHash": hash_of(3, number),
            "logIndex": bson.Int64(777),
            "gasUsed": 210000,
            "gasPriceWei": "1000000000",
            "timestamp": GENESIS,
        },
    }


def deeds(first: int, last: int, many_assets: int, owners: int) -> Iterator[RawBSONDocument]:
    """Deeds with first <= number < last: sales, listings and transfers in turn."""
    seller, buyer = wallet(1), wallet(2)
    common = {
        **row(0),
        "price": 1.5,
        "priceWei": str(ETHER),
        "priceUsd": None,
        "seller": seller,
        "buyer": buyer,
        "platformFee": 0.025,
        "platformFeeWei": str(ETHER // 40),
        "paymentMethod": "eth",
    }
    templates = [Template({"_id": key(2, 0), "type": kind, **common}) for kind in DEEDS]
    samples = (
        key(2, 0), bson.Int64(7), key(1, 7), seller, buyer, GENESIS, bson.Int64(77), bson.Int64(777),
        hash_of(2, 0), hash_of(3, 0), str(ETHER), str(ETHER // 40),
    )  # fmt: skip
    places = [template.places(samples) for template in templates]
    for number in range(first, last):
        which, block = number % len(DEEDS), number // DEEDS_PER_BLOCK
        token, wei = number * 31 % many_assets, wei_of(number)
        contents = (
            key_bytes(2, number), whole(token), key_bytes(1, token),
            wallet_bytes(number % owners), wallet_bytes((number + 1) % owners),
            whole(time_of(block)), whole(block), whole(number % DEEDS_PER_BLOCK),
            hash_bytes(2, number), hash_bytes(3, block), b"%d" % wei, b"%017d" % (wei // 40),
        )  # fmt: skip
        yield templates[which].made(places[which], contents)


def prices(first: int, last: int, many_assets: int) -> Iterator[RawBSONDocument]:
    """Price points with first <= number < last."""
    document = {
        "_id": key(3, 0),
        **row(0),
        "price": 1.5,
        "priceWei": str(ETHER),
        "priceUsd": None,
        "source": {"type": "ai-oracle", "dataSourceName": "feed", "modelVersion": None},
        "aiMetrics": {"confidenceScore": 80, "factors": []},
    }
    template = Template(document)
    samples = (
        key(3, 0), bson.Int64(7), key(1, 7), GENESIS, bson.Int64(77), bson.Int64(777), hash_of(2, 0),
        str(ETHER),
    )  # fmt: skip
    places = template.places(samples)
    for number in range(first, last):
        block, token = number // DEEDS_PER_BLOCK, number * 17 % many_assets
        contents = (
            key_bytes(3, number), whole(token), key_bytes(1, token), whole(time_of(block)), whole(block),
            whole(DEEDS_PER_BLOCK + number % DEEDS_PER_BLOCK), hash_bytes(4, number), b"%d" % wei_of(number),
        )  # fmt: skip
        yield template.made(places, contents)


def fill(uri: str, name: str, many_assets: int, many_deeds: int) -> float:
    """Fill a database; seconds it took, indexes included. It must be empty."""
    begun = time.perf_counter()
    owners = max(2, many_assets // OWNERS_SHARE)
    many_prices = many_deeds // 5
    with connect(uri, name, timeout_seconds=30) as connection:
        ensure_collections(connection.database)
        ensure_early(connection.database)
        parts = [
            *((uri, name, "assets", first, (owners,)) for first in portions(many_assets)),
            *((uri, name, "transactions", first, (many_assets, owners)) for first in portions(many_deeds)),
            *((uri, name, "priceHistory", first, (many_assets,)) for first in portions(many_prices)),
        ]
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            for _ in pool.imap_unordered(insert, parts, chunksize=1):
                pass
        with ThreadPoolExecutor() as threads:
            building = [
                threads.submit(ensure, connection.database, some) for some in by_collection(LATE).values()
            ]
            books(connection, many_assets, many_deeds)
            for each in building:
                each.result()
    return time.perf_counter() - begun


PORTION = 100_000


def portions(total: int) -> Iterator[tuple[int, int]]:
    for first in range(0, total, PORTION):
        yield first, min(first + PORTION, total)


MAKERS = {"assets": assets, "transactions": deeds, "priceHistory": prices}


def insert(part: tuple[str, str, str, tuple[int, int], tuple[int, ...]]) -> None:
    """Make and insert one portion, in a process of its own."""
    uri, name, collection, (first, last), sizes = part
    client: MongoClient[Any] = MongoClient(uri)
    with client:
        target = client[name].get_collection(collection, write_concern=WriteConcern(w=1, j=False))
        maker: Any = MAKERS[collection]
        for at in range(first, last, AT_ONCE):
            some = list(maker(at, min(at + AT_ONCE, last), *sizes))
            target.insert_many(some, ordered=False, bypass_document_validation=True)


def wei_of(number: int) -> int:
    """What was paid or asked in a deed."""
    return ETHER + number % 10**6 * 10**12


def sum_sales(database: Database[Any], many_deeds: int) -> None:
    """The sums that the indexer keeps of them, from how they were made."""
    hours: dict[int, Sums] = {ALL_HOURS: Sums()}
    for number in range(many_deeds):
        kind = DEEDS[number % len(DEEDS)]
        hour = time_of(number // DEEDS_PER_BLOCK) // 1000 // HOUR_SECONDS
        for sums in (hours[ALL_HOURS], hours.setdefault(hour, Sums())):
            if kind == "list":
                sums.counts["listings"] += 1
            elif kind == "buy":
                sums.counts["sales"] += 1
                sums.parts["price2"] += wei_of(number)
                sums.parts["fee2"] += wei_of(number) // 40
    database[COLLECTION].insert_many([{"_id": hour, **sums.stored()} for hour, sums in hours.items()])
    database["checkpoints"].update_one({"_id": "indexer"}, {"$set": {KEPT: LAYOUT}})


PRICES_PER_BLOCK = 20


@contextmanager
def arriving(connection: Connection, seconds: float = 1.0) -> Iterator[None]:
    """While inside, a block that sets some prices is committed every second, as the indexer would."""
    ends = Event()

    def commit() -> None:
        while not ends.wait(seconds):
            commit_block(connection)

    writer = Thread(target=commit, daemon=True)
    writer.start()
    try:
        yield
    finally:
        ends.set()
        writer.join()


def commit_block(connection: Connection) -> None:
    """The next block: new prices of some assets."""
    stands: Any = connection.database["checkpoints"].find_one({"_id": "indexer"})
    number, many = stands["tip"]["number"] + 1, connection.database["assets"].estimated_document_count()
    at = stands["tipTimestamp"] + timedelta(seconds=BLOCK_SECONDS)
    tip = {"number": number, "hash": hash_of(3, number)}
    fields = {"tip": tip, "head": tip, "tipTimestamp": at, "headTimestamp": at}
    tokens = sorted({number * (n + 1) * 7919 % many for n in range(PRICES_PER_BLOCK)})
    changed = {"currentPrice.updatedAt": at, "chain.updatedBlock": number}
    changes: list[Change] = [(key(1, token), changed, {}) for token in tokens]
    Ledger(connection, stands["epoch"]).commit(Commit(fields, changed_assets=changes))


def books(connection: Connection, many_assets: int, many_deeds: int) -> None:
    """Where an indexer that had written all that would stand."""
    tip = max(many_assets, many_deeds // DEEDS_PER_BLOCK) + 1
    connection.database["checkpoints"].insert_one(checkpoint(tip))
    connection.database["market"].insert_one(market())
    sum_sales(connection.database, many_deeds)
    recount(Ledger(connection, 1))


def checkpoint(tip: int) -> dict[str, Any]:
    block = {"number": tip, "hash": hash_of(3, tip)}
    final: dict[str, Any] = {
        "number": max(0, tip - UNFINALIZED_BLOCKS),
        "hash": hash_of(3, tip - UNFINALIZED_BLOCKS),
    }
    at, settled = (GENESIS + timedelta(seconds=n * BLOCK_SECONDS) for n in (tip, final["number"]))
    return {
        "_id": "indexer",
        "chainId": 31337,
        "genesisHash": hash_of(3, 0),
        "addresses": {"asset": RWA, "agent": AGENT, "marketplace": MARKETPLACE},
        "startBlock": 0,
        "state": "live",
        "tip": block,
        "tipTimestamp": at,
        "finalized": final,
        "finalizedAt": {"number": final["number"], "timestamp": settled},
        "head": block,
        "headTimestamp": at,
        "epoch": 1,
        "version": 1,
        "seq": 0,
        "events": 0,
        "quarantined": 0,
        "reorgs": 0,
        "digest": "0" * 64,
        "rollingDigest": "0" * 64,
        "evidence": {"receipts": 0, "bloom": tip, "logsOnly": 0},
        "blooms": None,
        "eventsPerSecond": 0.0,
        "lastError": None,
        "updatedAt": at,
    }


def market() -> dict[str, Any]:
    return {
        "_id": "market",
        "feeBps": 250,
        "feeCollector": wallet(0),
        "marketplaceAsset": RWA,
        "agentAsset": RWA,
        "assetContracts": [RWA],
        "pricingAgents": {RWA: AGENT},
        "minimumConfidence": 70,
        "owners": {RWA: wallet(0)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--assets", type=int, default=1_000_000)
    parser.add_argument("--transactions", type=int, default=10_000_000)
    parser.add_argument("--uri", help="a replica set; unless given, an embedded one is started and stopped")
    parser.add_argument("--database", default="big")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if options.uri:
            seconds = fill(options.uri, options.database, options.assets, options.transactions)
        else:
            with EmbeddedMongod(Path(folder) / "mongod") as server:
                seconds = fill(server.uri, options.database, options.assets, options.transactions)
    told = {"assets": options.assets, "transactions": options.transactions, "seconds": round(seconds, 1)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
