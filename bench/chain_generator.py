"""Write a deterministic chain as JSON lines, ready to be served by `replay_server.mjs`.

Line 1 describes the chain. Then three lines per block, from block 0 (empty) and block 1 (deployment) on:
the block as `eth_getBlockByNumber` answers it, its logs as `eth_getLogs` answers them, and
`[hash, sender, to, gas used]` of each transaction, from which receipts are built.
Parent hashes and blooms are consistent; block and transaction hashes are SHA-256, since no client can
recompute them without the full transactions.

    python -m bench.chain_generator --blocks 5000 --events-per-block 20 --out chain.jsonl
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from bench.market import AGENT, DEPLOYER, MARKET, NOBODY, RWA, Log, Market, Transaction, deployment

CHAIN_ID = 31337
GENESIS_TIME = 1_700_000_000
BLOCK_SECONDS = 2
GAS_PRICE_WEI = 1_500_000_000
EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
EMPTY_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"


class Plan(NamedTuple):
    """How large a chain: eventful blocks, logs in each, and the seed of its market."""

    blocks: int
    events_per_block: int
    seed: int = 7


def fake_hash(*parts: object) -> str:
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()


@cache
def bloom_bits(value: str) -> int:
    """The three bits that an address or topic sets in a 2048-bit bloom filter."""
    digest = keccak(bytes.fromhex(value[2:]))
    bits = 0
    for offset in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[offset : offset + 2], "big") & 2047)
    return bits


def bloom(logs: list[Log]) -> str:
    """The logsBloom of these logs: 256 bytes as hex with 0x."""
    bits = 0
    for log in logs:
        bits |= bloom_bits(log.address)
        for topic in log.topics:
            bits |= bloom_bits(topic)
    return f"0x{bits:0512x}"


def gas_used(transaction: Transaction) -> int:
    return 40_000 + 12_000 * len(transaction.logs)


def header(number: int, parent_hash: str, transactions: list[Transaction]) -> dict[str, Any]:
    """The block without its transaction hashes, as a node spells it."""
    block_hash = fake_hash("block", number, parent_hash, transactions)
    return {
        "number": hex(number),
        "hash": block_hash,
        "parentHash": parent_hash,
        "nonce": "0x0000000000000000",
        "sha3Uncles": EMPTY_UNCLES,
        "logsBloom": bloom([log for transaction in transactions for log in transaction.logs]),
        "transactionsRoot": fake_hash("transactions", block_hash),
        "stateRoot": fake_hash("state", block_hash),
        "receiptsRoot": fake_hash("receipts", block_hash),
        "miner": NOBODY,
        "difficulty": "0x0",
        "extraData": "0x",
        "size": hex(600 + 200 * len(transactions)),
        "gasLimit": hex(30_000_000),
        "gasUsed": hex(sum(map(gas_used, transactions))),
        "timestamp": hex(GENESIS_TIME + BLOCK_SECONDS * number),
        "uncles": [],
        "mixHash": fake_hash("mix", block_hash),
        "baseFeePerGas": hex(GAS_PRICE_WEI - 500_000_000),
        "withdrawalsRoot": EMPTY_ROOT,
        "withdrawals": [],
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
    }


def log_lines(block: dict[str, Any], transactions: list[Transaction]) -> Iterator[dict[str, Any]]:
    """The block's logs as a node spells them, numbered through the block."""
    log_index = 0
    for index, (transaction, transaction_hash) in enumerate(
        zip(transactions, block["transactions"], strict=True)
    ):
        for log in transaction.logs:
            yield {
                "address": log.address,
                "topics": log.topics,
                "data": log.data,
                "blockHash": block["hash"],
                "blockNumber": block["number"],
                "blockTimestamp": block["timestamp"],
                "transactionHash": transaction_hash,
                "transactionIndex": hex(index),
                "logIndex": hex(log_index),
                "removed": False,
            }
            log_index += 1


def write_block(out: BinaryIO, number: int, parent_hash: str, transactions: list[Transaction]) -> str:
    """Write the three lines of one block; returns its hash."""
    block = header(number, parent_hash, transactions)
    hashes = [fake_hash("transaction", block["hash"], index) for index in range(len(transactions))]
    block["transactions"] = hashes
    receipts = [
        [transaction_hash, transaction.sender, transaction.to, gas_used(transaction)]
        for transaction_hash, transaction in zip(hashes, transactions, strict=True)
    ]
    for line in (block, list(log_lines(block, transactions)), receipts):
        out.write(orjson.dumps(line) + b"\n")
    return str(block["hash"])


def description() -> dict[str, Any]:
    contracts = {"asset": RWA, "agent": AGENT, "marketplace": MARKET}
    return {
        "chainId": CHAIN_ID,
        "contracts": {role: to_checksum_address(address) for role, address in contracts.items()},
        "deployer": to_checksum_address(DEPLOYER),
        "gasPriceWei": GAS_PRICE_WEI,
    }


def generate(plan: Plan, path: Path) -> dict[str, Any]:
    """Write the chain; returns what a correct indexer must have after following it (`start`..`end`)."""
    market = Market(plan.seed)
    with path.open("wb") as out:
        out.write(orjson.dumps(description()) + b"\n")
        parent = write_block(out, 0, "0x" + 64 * "0", [])
        parent = write_block(out, 1, parent, deployment())
        for number in range(2, plan.blocks + 2):
            timestamp = GENESIS_TIME + BLOCK_SECONDS * number
            parent = write_block(out, number, parent, market.block(plan.events_per_block, timestamp))
    return description() | expectations(plan, market) | {"headHash": parent}


def expectations(plan: Plan, market: Market) -> dict[str, Any]:
    deployed = sum(len(transaction.logs) for transaction in deployment())
    return {
        "start": 1,
        "end": plan.blocks + 1,
        "eventsPerBlock": plan.events_per_block,
        "seed": plan.seed,
        "events": deployed + plan.blocks * plan.events_per_block,
        "eventfulBlocks": plan.blocks + 1,
        "assets": len(market.owners),
        "forSale": len(market.listed),
        "staleListings": market.stale,
        "transactions": dict(market.rows),
        "priceHistory": dict(market.points),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=5000)
    parser.add_argument("--events-per-block", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    facts = generate(Plan(options.blocks, options.events_per_block, options.seed), options.out)
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
