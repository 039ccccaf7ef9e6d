"""Small honest documents: what an indexer would have written, as few words as a test needs."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from eth_utils.address import to_checksum_address
from pymongo.database import Database

from api.auth.options import Auth
from chain.contracts import load_abi
from chain.decode import Decoder
from dvault.past import FoldedHistory
from indexer.following import Contracts
from indexer.past import Past
from store.accounts import Accounts
from store.words import keys_of

ETHER = 10**18
ABIS: Any = {
    "asset": load_abi("RWAAssetContract"),
    "agent": load_abi("DynamicPricingAgent"),
    "marketplace": load_abi("MarketplaceContract"),
}
GENESIS = datetime(2026, 1, 1, tzinfo=UTC)
BLOCK_SECONDS = 3600
"""One block an hour, so that 24h is 24 blocks."""


def address(name: str) -> str:
    return to_checksum_address("0x" + hashlib.sha256(name.encode()).hexdigest()[:40])


def hash_of(name: object) -> str:
    return "0x" + hashlib.sha256(repr(name).encode()).hexdigest()


def object_id(*parts: object) -> ObjectId:
    return ObjectId(hashlib.sha256(repr(parts).encode()).digest()[:12])


ALICE, BOB, CAROL = address("alice"), address("bob"), address("carol")
RWA, OTHER_RWA, MARKET, AGENT = address("rwa"), address("old rwa"), address("market"), address("agent")


def auth(database: Database[Any]) -> Auth:
    """Signing in, as on a development machine."""
    return Auth(Accounts(database), ("a key of a test, long enough for HS256",))


def history() -> FoldedHistory:
    """What reads the past of our contracts."""
    return FoldedHistory(Past(Contracts(RWA, AGENT, MARKET), Decoder(ABIS)))


def at(block: int) -> datetime:
    return GENESIS + timedelta(seconds=BLOCK_SECONDS * block)


def block_ref(number: int) -> dict[str, Any]:
    return {"number": number, "hash": hash_of(("block", number))}


def key(wei: int) -> bytes:
    return wei.to_bytes(32, "big")


def checkpoint(tip: int | None = 100, **changed: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": "indexer",
        "chainId": 31337,
        "genesisHash": hash_of("genesis"),
        "addresses": {"asset": RWA, "agent": AGENT, "marketplace": MARKET},
        "startBlock": 0,
        "state": "live",
        "tip": None if tip is None else block_ref(tip),
        "tipTimestamp": None if tip is None else at(tip),
        "finalized": None if tip is None else block_ref(max(0, tip - 10)),
        "head": None if tip is None else block_ref(tip),
        "headTimestamp": None if tip is None else at(tip),
        "epoch": 1,
        "version": 7,
        "seq": 0,
        "events": 12,
        "quarantined": 0,
        "reorgs": 0,
        "digest": "0" * 64,
        "rollingDigest": "0" * 64,
        "evidence": {"receipts": 0, "bloom": 60, "logsOnly": 41},
        "blooms": None,
        "eventsPerSecond": 0.0,
        "lastError": None,
        "updatedAt": GENESIS,
    }
    return document | changed


def market(**changed: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": "market",
        "feeBps": 250,
        "feeCollector": CAROL,
        "marketplaceAsset": RWA,
        "agentAsset": RWA,
        "assetContracts": [OTHER_RWA, RWA],
        "pricingAgents": {RWA: AGENT},
        "minimumConfidence": 70,
        "owners": {RWA: CAROL},
    }
    return document | changed


def asset(token_id: int, *, owner: str = ALICE, contract: str = RWA, **changed: Any) -> dict[str, Any]:
    block, wei = changed.pop("block", token_id), changed.pop("price_wei", ETHER)
    listing_wei, confidence = changed.pop("listing_wei", None), changed.pop("confidence", None)
    document: dict[str, Any] = {
        "_id": object_id(contract, token_id),
        "tokenId": token_id,
        "contractAddress": contract,
        "name": f"Asset {token_id}",
        "assetType": "Art",
        "description": "a thing",
        "tokenURI": f"ipfs://{token_id}",
        "metadata": {"assetLocation": "Vault 1", "acquisitionDate": None},
        "currentPrice": {
            "value": wei / ETHER,
            "valueWei": str(wei),
            "valueKey": key(wei),
            "valueUsd": None,
            "updatedAt": at(block),
            "aiConfidenceScore": confidence,
        },
        "marketStatus": market_status(owner, listing_wei, block, changed.pop("purchasable", True)),
        "ownership": {"currentOwner": owner, "ownerSince": at(block)},
        "createdAt": at(block),
        "chain": {
            "mintBlock": block,
            "mintLogIndex": 0,
            "mintTransactionHash": hash_of(("mint", contract, token_id)),
            "updatedBlock": block,
            "updatedLogIndex": 2,
            "approved": None,
            "listing": None,
            "isVerified": False,
            "initialPriceWei": str(wei),
            "acquisitionDateSeconds": "0",
        },
    }
    written = document | changed
    found_by = keys_of((written["name"], written["assetType"], written["description"]))
    return {"searchKeys": found_by} | written


def market_status(seller: str, listing_wei: int | None, block: int, purchasable: bool) -> dict[str, Any]:
    listed = listing_wei is not None
    return {
        "isListed": listed,
        "isPurchasable": listed and purchasable,
        "unavailableReason": "not-approved" if listed and not purchasable else None,
        "listingPrice": None if listing_wei is None else listing_wei / ETHER,
        "listingPriceWei": None if listing_wei is None else str(listing_wei),
        "listingPriceKey": None if listing_wei is None else key(listing_wei),
        "listedAt": at(block) if listed else None,
        "listedBy": seller if listed else None,
    }


def place(block: int, log_index: int, transaction: object) -> dict[str, Any]:
    return {
        "transactionHash": hash_of(transaction),
        "blockNumber": block,
        "blockHash": block_ref(block)["hash"],
        "logIndex": log_index,
        "gasUsed": 21000,
        "gasPriceWei": "1000000000",
        "timestamp": at(block),
    }


def deed(
    kind: str,
    token_id: int,
    block: int,
    *,
    seller: str | None = None,
    buyer: str | None = None,
    **changed: Any,
) -> dict[str, Any]:
    wei, log_index = changed.pop("price_wei", None), changed.pop("log_index", 0)
    fee_wei = wei * 250 // 10000 if kind == "buy" else None
    contract = changed.pop("contract", RWA)
    transaction = changed.pop("transaction", (kind, contract, token_id, block, log_index))
    document: dict[str, Any] = {
        "_id": object_id(kind, contract, token_id, block, log_index),
        "type": kind,
        "contractAddress": contract,
        "tokenId": token_id,
        "assetId": object_id(contract, token_id),
        "price": None if wei is None else wei / ETHER,
        "priceWei": None if wei is None else str(wei),
        "priceUsd": None,
        "seller": seller,
        "buyer": buyer,
        "timestamp": at(block),
        "blockchain": place(block, log_index, transaction),
        "platformFee": None if fee_wei is None else fee_wei / ETHER,
        "platformFeeWei": None if fee_wei is None else str(fee_wei),
        "paymentMethod": "eth" if kind == "buy" else None,
    }
    return document | changed


def price(token_id: int, block: int, wei: int, source: str = "ai-oracle", **changed: Any) -> dict[str, Any]:
    log_index, contract = changed.pop("log_index", 0), changed.pop("contract", RWA)
    transaction = changed.pop("transaction", (source, contract, token_id, block, log_index))
    score = changed.pop("confidence", 80 if source == "ai-oracle" else None)
    document: dict[str, Any] = {
        "_id": object_id("price", source, contract, token_id, block, log_index),
        "assetId": object_id(contract, token_id),
        "contractAddress": contract,
        "tokenId": token_id,
        "price": wei / ETHER,
        "priceWei": str(wei),
        "priceUsd": None,
        "timestamp": at(block),
        "source": {"type": source, "dataSourceName": "feed" if score else None, "modelVersion": None},
        "aiMetrics": {"confidenceScore": score, "factors": []},
        "blockchain": place(block, log_index, transaction),
    }
    return document | changed


def header(number: int) -> dict[str, Any]:
    return {
        "_id": number,
        "hash": block_ref(number)["hash"],
        "parentHash": block_ref(number - 1)["hash"],
        "timestamp": at(number),
        "evidence": "bloom",
    }


def reorg(number: int) -> dict[str, Any]:
    return {
        "_id": object_id("reorg", number),
        "detectedAt": GENESIS + timedelta(minutes=number),
        "depth": 1,
        "ancestor": block_ref(number - 1),
        "oldTip": block_ref(number),
        "orphaned": [block_ref(number)],
        "eventsRemoved": 3,
    }


def chain_events(block: int, *transactions: object) -> dict[str, Any]:
    """An eventful block whose transactions left logs, and maybe no rows."""
    seen = [
        {
            "hash": bytes.fromhex(hash_of(one)[2:]),
            "index": index,
            "gasUsed": None,
            "gasPriceWei": None,
            "logs": [],
        }
        for index, one in enumerate(transactions)
    ]
    return {
        "_id": block,
        "hash": bytes.fromhex(block_ref(block)["hash"][2:]),
        "parentHash": bytes.fromhex(block_ref(block - 1)["hash"][2:]),
        "timestamp": at(block),
        "evidence": "logs-only",
        "tokens": [],
        "transactions": seen,
        "facts": {},
        "rollingDigest": bytes(32),
    }


class Seed:
    """Writes what a test says is there."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self.database = database

    def checkpoint(self, tip: int | None = 100, **changed: Any) -> None:
        document = checkpoint(tip, **changed)
        self.database["checkpoints"].replace_one({"_id": "indexer"}, document, upsert=True)

    def market(self, **changed: Any) -> None:
        for name in ("seed", "market"):
            document = market(**changed) | {"_id": name}
            self.database["market"].replace_one({"_id": name}, document, upsert=True)

    def add(self, collection: str, *documents: dict[str, Any]) -> None:
        self.database[collection].insert_many(documents)

    def assets(self, *documents: dict[str, Any]) -> None:
        self.add("assets", *documents)

    def deeds(self, *documents: dict[str, Any]) -> None:
        self.add("transactions", *documents)

    def prices(self, *documents: dict[str, Any]) -> None:
        self.add("priceHistory", *documents)
