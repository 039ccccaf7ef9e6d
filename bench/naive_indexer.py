"""What one writes first: web3.py and pymongo, `process_log`, and one update per event.

The yardstick of the backfill bench, not a product: no reorgs, no restart, no timestamps, no metadata.
Its last line is JSON: {"events", "seconds", "eventsPerSecond"}.

    python -m bench.naive_indexer --rpc URL --mongo URI --database NAME --from 1 --to 150 \
        --asset 0x… --agent 0x… --marketplace 0x…
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from web3 import Web3
from web3.contract import Contract

STEP = 1000
SIGNATURES = {
    "asset": (
        "Transfer(address indexed from, address indexed to, uint256 indexed tokenId)",
        "AssetMinted(uint256 indexed tokenId, string tokenURI, uint256 initialPrice, address owner)",
        "PriceUpdated(uint256 indexed tokenId, uint256 oldPrice, uint256 newPrice)",
    ),
    "agent": (
        "PriceUpdated(uint256 indexed tokenId, uint256 oldPrice, uint256 newPrice, uint256 timestamp, "
        "string dataSource, uint8 confidenceScore)",
    ),
    "marketplace": (
        "AssetListed(uint256 indexed tokenId, address indexed seller, uint256 price, uint256 timestamp)",
        "AssetDelisted(uint256 indexed tokenId, address indexed seller, uint256 timestamp)",
        "AssetSold(uint256 indexed tokenId, address indexed seller, address indexed buyer, uint256 price, "
        "uint256 timestamp)",
    ),
}


def event_abi(signature: str) -> dict[str, Any]:
    """The JSON form of one event signature as Solidity writes it."""
    name, arguments = signature.rstrip(")").split("(")
    words = [argument.split() for argument in arguments.split(", ")]
    inputs = [{"type": word[0], "name": word[-1], "indexed": len(word) == 3} for word in words]
    return {"type": "event", "name": name, "anonymous": False, "inputs": inputs}


def events(web3: Web3, contract: Contract, first: int, last: int) -> Iterator[tuple[str, Any]]:
    """(event name, decoded event) of one contract; from_block and to_block both inclusive."""
    names = {str(event.topic): event.event_name for event in contract.all_events()}
    for log in web3.eth.get_logs({"fromBlock": first, "toBlock": last, "address": contract.address}):
        name = names.get(log["topics"][0].to_0x_hex())
        if name:
            yield name, contract.events[name]().process_log(log)


def asset_update(name: str, arguments: Any) -> dict[str, Any]:
    """The fields of the asset that this event sets."""
    match name:
        case "Transfer":
            return {"owner": arguments["to"]}
        case "AssetMinted":
            minted = {"tokenURI": arguments["tokenURI"], "listed": False}
            return {"owner": arguments["owner"], "price": str(arguments["initialPrice"]), **minted}
        case "PriceUpdated":
            return {"price": str(arguments["newPrice"])}
        case "AssetListed":
            return {"listed": True, "listPrice": str(arguments["price"])}
        case "AssetSold":
            return {"listed": False, "listPrice": None, "owner": arguments["buyer"]}
        case _:
            return {"listed": False, "listPrice": None}


def row(name: str, arguments: Any) -> tuple[str, dict[str, Any]] | None:
    """(collection, document) of the history row that this event makes, if it makes one."""
    if name == "Transfer":
        return None
    plain = {key: str(value) if key.endswith("rice") else value for key, value in arguments.items()}
    return ("prices" if name == "PriceUpdated" else "transactions"), {"type": name, **plain}


def write(database: Database[Any], name: str, event: Any) -> None:
    arguments, block = event["args"], event["blockNumber"]
    token = str(arguments["tokenId"])
    update = asset_update(name, arguments) | {"updatedBlock": block}
    database.assets.update_one({"_id": token}, {"$set": update}, upsert=True)
    made = row(name, arguments)
    if made is not None:
        collection, document = made
        place = {"_id": f"{block}-{event['logIndex']}", "transaction": event["transactionHash"].to_0x_hex()}
        document = place | document | {"tokenId": token, "block": block}
        database[collection].replace_one({"_id": place["_id"]}, document, upsert=True)


def follow(web3: Web3, contracts: list[Contract], database: Database[Any], span: tuple[int, int]) -> int:
    """Index the inclusive span of blocks; returns how many events that were."""
    count = 0
    for first in range(span[0], span[1] + 1, STEP):
        last = min(first + STEP - 1, span[1])
        found = [item for contract in contracts for item in events(web3, contract, first, last)]
        found.sort(key=lambda item: (item[1]["blockNumber"], item[1]["logIndex"]))
        for name, event in found:
            write(database, name, event)
        count += len(found)
        database.state.replace_one({"_id": "cursor"}, {"block": last}, upsert=True)
    return count


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("rpc", "mongo", "database", *SIGNATURES):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--from", dest="first", type=int, required=True)
    parser.add_argument("--to", dest="last", type=int, required=True)
    return parser.parse_args()


def main() -> None:
    chosen = options()
    web3 = Web3(Web3.HTTPProvider(chosen.rpc))
    contracts = [
        web3.eth.contract(address=getattr(chosen, role), abi=[event_abi(one) for one in signatures])
        for role, signatures in SIGNATURES.items()
    ]
    client: MongoClient[Any] = MongoClient(chosen.mongo)
    database = client[chosen.database]
    database.assets.create_index("owner")
    database.assets.create_index("updatedBlock")
    database.transactions.create_index("tokenId")
    database.prices.create_index("tokenId")
    started = time.perf_counter()
    count = follow(web3, contracts, database, (chosen.first, chosen.last))
    seconds = time.perf_counter() - started
    client.close()
    print(json.dumps({"events": count, "seconds": seconds, "eventsPerSecond": count / seconds}))


if __name__ == "__main__":
    main()
