"""The documents that the database has to hold, from the oracle's plain states; ids by the documented rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from unicodedata import combining, normalize

from bson import ObjectId

from tests.property.model_chain import Block
from tests.property.model_contracts import MARKET
from tests.simulation.oracle.reading import known_events, meaning, spelled

ETHER = 10**18
LAST_SECOND = 253_402_300_799
COSTED = {
    topic
    for role in ("asset", "marketplace")
    for topic, (name, _) in known_events(role).items()
    if name in ("Transfer", "AssetListed", "AssetDelisted", "AssetSold")
}
"""A transaction that logs one of these makes a row, which tells what it cost."""
TRANSFER = next(topic for topic, (name, _) in known_events("asset").items() if name == "Transfer")
NOBODY = "0x" + "0" * 64
Key = tuple[str, Any]


@lru_cache(maxsize=1 << 14)
def identity(tag: bytes, *parts: bytes) -> ObjectId:
    """The first 12 bytes of the SHA-256 of a tag of five letters and what the thing is."""
    return ObjectId(sha256(tag + b"".join(parts)).digest()[:12])


def asset_id(key: Key) -> ObjectId:
    return identity(b"asset", bytes.fromhex(key[0][2:]), key[1].to_bytes(32, "big"))


def row_id(transaction: str, ordinal: int, kind: str) -> ObjectId:
    return identity(b"row__", bytes.fromhex(transaction[2:]), ordinal.to_bytes(4, "big"), kind.encode())


def time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# --- rows --------------------------------------------------------------------------------------------


def place(block: Block, logs: Sequence[Any]) -> dict[str, Any]:
    """Where a transaction is, and what it cost; `logIndex` is still to be said."""
    costed = any(log.topics and log.topics[0] in COSTED for log in logs)
    gas = (21_000 + int(block.hash[-4:], 16), str(int(block.hash[-8:], 16))) if costed else (None, None)
    return {
        "transactionHash": logs[0].transaction_hash,
        "blockNumber": block.number,
        "blockHash": block.hash,
        "gasUsed": gas[0],
        "gasPriceWei": gas[1],
        "timestamp": time(block.header.timestamp),
    }


def deed(
    at: Mapping[str, Any], ordinal: int, log_index: int, key: Key, kind: str, price: int | None,
    seller: str | None, buyer: str | None, fee: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A row of `transactions`."""
    return {
        "_id": row_id(at["transactionHash"], ordinal, f"{kind}:{key[0]}"),
        "type": kind,
        "contractAddress": key[0],
        "tokenId": key[1],
        "assetId": asset_id(key),
        "price": None if price is None else price / ETHER,
        "priceWei": None if price is None else str(price),
        "priceUsd": None,
        "seller": seller,
        "buyer": buyer,
        "timestamp": at["timestamp"],
        "blockchain": {**at, "logIndex": log_index},
        "platformFee": None if fee is None else fee / ETHER,
        "platformFeeWei": None if fee is None else str(fee),
        "paymentMethod": "eth" if kind == "buy" else None,
    }


def point(
    at: Mapping[str, Any], ordinal: int, log_index: int, key: Key, source: str, price: int,
    named: str | None = None, score: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A row of `priceHistory`."""
    return {
        "_id": row_id(at["transactionHash"], ordinal, f"price:{key[0]}"),
        "assetId": asset_id(key),
        "contractAddress": key[0],
        "tokenId": key[1],
        "price": price / ETHER,
        "priceWei": str(price),
        "priceUsd": None,
        "timestamp": at["timestamp"],
        "source": {"type": source, "dataSourceName": named, "modelVersion": None},
        "aiMetrics": {"confidenceScore": score, "factors": []},
        "blockchain": {**at, "logIndex": log_index},
    }


def trade_hours(deeds: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """Documents of `tradeHours`, by hour: counts and sums of sales, those to oneself apart; -1: of all hours."""
    none = {"sales": 0, "selfTrades": 0, "mints": 0, "listings": 0, "price": 0, "fee": 0, "selfPrice": 0}
    hours: dict[int, dict[str, int]] = {-1: dict(none)}
    for row in (each for each in deeds if each["type"] in ("buy", "mint", "list")):
        for hour in (-1, int(row["timestamp"].timestamp()) // 3600):
            sums = hours.setdefault(hour, dict(none))
            if row["type"] == "buy":
                to_self = row["seller"] == row["buyer"]
                sums["selfTrades" if to_self else "sales"] += 1
                sums["selfPrice" if to_self else "price"] += int(row["priceWei"])
                sums["fee"] += int(row["platformFeeWei"])
            else:
                sums["mints" if row["type"] == "mint" else "listings"] += 1
    return {hour: _hour(hour, sums) for hour, sums in hours.items()}


def _hour(hour: int, sums: Mapping[str, int]) -> dict[str, Any]:
    """Amounts are kept in three parts of 26 digits."""
    counts = {name: sums[name] for name in ("sales", "selfTrades", "mints", "listings")}
    return {"_id": hour, **counts} | {
        f"{name}{part}": sums[name] // 10 ** (52 - 26 * part) % (10**26 if part else 10**99)
        for name in ("price", "fee", "selfPrice")
        for part in range(3)
    }


def quarantined(block: Block, log: Any) -> dict[str, Any]:
    """A log that nobody can read; the reason is the program's to word."""
    at = int(log.log_index, 16)
    return {
        "_id": identity(b"qtine", bytes.fromhex(block.hash[2:]), at.to_bytes(4, "big")),
        "blockNumber": block.number,
        "blockHash": block.hash,
        "logIndex": at,
        "transactionHash": log.transaction_hash,
        "address": spelled(log.address),
        "topics": list(log.topics),
        "data": bytes.fromhex(log.data[2:]),
    }


# --- assets ------------------------------------------------------------------------------------------


def asset(state: Mapping[str, Any], approvals: Mapping[Key, bool]) -> dict[str, Any]:
    """A document of `assets`, without what people write."""
    told, listing = state["metadata"], state["listing"]
    for_sale = listing is not None and listing[0] == state["owner"]
    approved = for_sale and (
        approvals.get((state["contract"], state["owner"])) or state["approved"] == MARKET
    )
    reason = None if listing is None or approved else "not-approved" if for_sale else "owner-changed"
    offer = listing if for_sale else None
    initial = state["initial"]
    return {
        "_id": asset_id((state["contract"], state["token"])),
        "tokenId": state["token"],
        "contractAddress": state["contract"],
        "name": told and told[0],
        "assetType": told and told[1],
        "description": told and told[4],
        "tokenURI": state["uri"],
        "metadata": {
            "assetLocation": told and told[2],
            "acquisitionDate": time(told[3]) if told and 0 < told[3] <= LAST_SECOND else None,
        },
        "currentPrice": {
            "value": state["price"] / ETHER,
            "valueWei": str(state["price"]),
            "valueKey": state["price"].to_bytes(32, "big"),
            "valueUsd": None,
            "updatedAt": time(state["priceAt"]),
            "aiConfidenceScore": state["confidence"],
        },
        "marketStatus": {
            "isListed": for_sale,
            "isPurchasable": bool(for_sale and approved),
            "unavailableReason": reason,
            "listingPrice": offer and offer[1] / ETHER,
            "listingPriceWei": offer and str(offer[1]),
            "listingPriceKey": offer and offer[1].to_bytes(32, "big"),
            "listedAt": offer and time(offer[2]),
            "listedBy": offer and offer[0],
        },
        "ownership": {"currentOwner": state["owner"], "ownerSince": time(state["since"])},
        "createdAt": time(state["mintedAt"]),
        "searchKeys": search_keys((told[0], told[1], told[4])) if told else [],
        "chain": {
            "mintBlock": state["mint"][0],
            "mintLogIndex": state["mint"][1],
            "mintTransactionHash": state["mint"][2],
            "updatedBlock": state["updated"][0],
            "updatedLogIndex": state["updated"][1],
            "approved": state["approved"],
            "listing": listing
            and {"seller": listing[0], "priceWei": str(listing[1]), "listedAt": time(listing[2])},
            "isVerified": told and told[5],
            "initialPriceWei": None if initial is None else str(initial),
            "acquisitionDateSeconds": told and str(told[3]),
        },
    }


def holdings(states: Iterable[Mapping[str, Any]], approvals: Mapping[Key, bool]) -> dict[str, dict[str, Any]]:
    """Documents of `holdings`: how many assets each wallet has, and what is to be said of all of them."""
    whole = {"assets": 0, "listed": 0, "purchasable": 0, "active": 0}
    wallets: dict[str, dict[str, Any]] = {}
    for state in states:
        offered = asset(state, approvals)["marketStatus"]
        wallets.setdefault(state["owner"], {"_id": state["owner"], "assets": 0})["assets"] += 1
        whole["assets"] += 1
        whole["listed"] += 1 if offered["isListed"] else 0
        whole["purchasable"] += 1 if offered["isPurchasable"] else 0
        whole["active"] += 1 if state["listing"] is not None else 0
    return {**wallets, "all": {"_id": "all", "holders": len(wallets), **whole}}


def base(state: Mapping[str, Any] | None) -> dict[str, Any]:
    """What an asset keeps of its state at finality while a later block touches it."""
    if state is None:
        return {"absent": True}
    return {name: value for name, value in asset(state, {}).items() if name != "searchKeys"}


@lru_cache(maxsize=1 << 10)
def search_keys(texts: tuple[str, ...]) -> list[str]:
    """The words of texts, each once: runs of letters and digits, lower case, without accents, at most 32 long.

    After an underline come those of the first text once more.
    """
    found = _words(texts)
    return [*found, *("_" + word for word in _words(texts[:1]))]


def _words(texts: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for text in texts:
        apart = normalize("NFKD", text).casefold()
        plain = "".join(sign for sign in normalize("NFKD", apart) if not combining(sign))
        found += [word[:32] for word in re.split(r"[\W_]+", plain) if word]
    return list(dict.fromkeys(found))


# --- raw events --------------------------------------------------------------------------------------


def raw(log: Any) -> list[Any]:
    """Address, place, topics in a row, data."""
    topics = bytes.fromhex("".join(topic[2:] for topic in log.topics))
    return [bytes.fromhex(log.address[2:]), int(log.log_index, 16), topics, bytes.fromhex(log.data[2:])]


def events_of(
    block: Block, logs: Sequence[Any], earlier: Iterable[tuple[Block, Sequence[Any]]], rolling: bytes
) -> dict[str, Any]:
    """A document of `chainEvents`, without the evidence, which depends on what nodes offer."""
    adopted = [{**_logged(each, some), "rollingDigest": b"", "tokens": []} for each, some in earlier]
    document = {**_logged(block, logs), "rollingDigest": rolling, "tokens": sorted(_tokens(logs))}
    if adopted:
        document["facts"] = {**document["facts"], "adopted": adopted}
    return document


def _logged(block: Block, logs: Sequence[Any]) -> dict[str, Any]:
    by_transaction: dict[str, list[Any]] = {}
    for log in logs:
        by_transaction.setdefault(log.transaction_hash, []).append(log)
    metadata = [fact for log in logs for fact in _fact(block, log)]
    return {
        "_id": block.number,
        "hash": bytes.fromhex(block.hash[2:]),
        "parentHash": bytes.fromhex(block.header.parent_hash[2:]),
        "timestamp": time(block.header.timestamp),
        "transactions": [_transaction(block, some) for some in by_transaction.values()],
        "facts": {"metadata": metadata} if metadata else {},
    }


def _transaction(block: Block, logs: Sequence[Any]) -> dict[str, Any]:
    cost = place(block, logs)
    told = [dict(zip(("address", "index", "topics", "data"), raw(log), strict=True)) for log in logs]
    return {
        "hash": bytes.fromhex(logs[0].transaction_hash[2:]),
        "index": int(logs[0].transaction_index, 16),
        "gasUsed": cost["gasUsed"],
        "gasPriceWei": cost["gasPriceWei"],
        "logs": told,
    }


def _fact(block: Block, log: Any) -> list[dict[str, Any]]:
    """What the contract says of a token that the log mints."""
    if len(log.topics) != 4 or log.topics[0] != TRANSFER or log.topics[1] != NOBODY:
        return []
    contract, token = spelled(log.address), int(log.topics[3], 16)
    told = block.contracts.collections[contract].texts.get(token)
    if told is None:
        return []
    name, kind, where, date, about, verified = (
        each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in told
    )
    return [{
        "contract": contract, "tokenId": token, "name": name, "assetType": kind, "assetLocation": where,
        "acquisitionDate": str(date), "description": about, "isVerified": verified,
    }]  # fmt: skip


def _tokens(logs: Sequence[Any]) -> set[int]:
    roles = ("asset", "agent", "marketplace")
    told = [meaning(role, tuple(log.topics), log.data) for log in logs for role in roles]
    return {values["tokenId"] for _, values in filter(None, told) if "tokenId" in values}
