"""Examples of parameters, bodies and answers. Those of bodies and answers are the ones of docs/api.md.

`examples.json` holds them as data, since the guide is not shipped: `make openapi` writes it from the guide.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson

from api.description.operation import Operation

FILE = Path(__file__).with_name("examples.json")
HASH = "0xcf18863133153caa6cf05474eb34ade3e5a628d7dbe1d9328c0497df669c64d5"
WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

AS_OF = {
    "blockNumber": 69,
    "blockHash": "0x59442aeeb4326266650cd1f99356b7d7a3d3b38b3de60a7833642ab11fc4ff71",
    "timestamp": "2026-11-22T21:28:36Z",
    "finality": "unfinalized",
    "lagBlocks": 0,
    "lagSeconds": 0,
}
LEFT_OUT = {"asOf": AS_OF, "pagination": {"limit": 20, "hasMore": False, "nextCursor": None}}
"""The guide explains these once."""

OF_PARAMETERS: dict[str, Any] = {
    "action": "user.changed",
    "actor": WALLET,
    "after": 4711,
    "asOfBlock": 69,
    "asOfHash": AS_OF["blockHash"],
    "afterTx": HASH,
    "assetType": ["Real Estate", "Art"],
    "buyer": WALLET,
    "code": "not-found",
    "contractAddress": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "currentOwner": WALLET,
    "cursor": "VJC66EYE4e0qVJC66EYE4e0q.c2lnbmVk",
    "days": 30,
    "explain": True,
    "from": "2026-11-01T00:00:00Z",
    "hash": HASH,
    "id": "8decff5af7fcb3934ad9bcc3",
    "limit": 20,
    "listingPriceMax": "12.5",
    "listingPriceMin": "0.5",
    "minBlock": 69,
    "minConfidence": 80,
    "owner": WALLET,
    "page": 1,
    "priceMax": "12.5",
    "priceMin": "0.5",
    "q": "harbour",
    "seller": WALLET,
    "status": "completed",
    "target": WALLET,
    "to": "2026-11-30T23:59:59Z",
    "tokenId": 7,
    "transactionHash": HASH,
    "type": ["buy"],
    "wait": 10,
    "wallet": WALLET,
    "walletAddress": WALLET,
}
"""Name → a value as it is after reading; where none fits, the first word of the schema's choice stands."""


@cache
def of_guide() -> dict[str, dict[str, Any]]:
    """`METHOD /path` → "answer" and, where there is a JSON body, "request"."""
    found: dict[str, dict[str, Any]] = orjson.loads(FILE.read_bytes())
    return found


def add_examples(operation: Operation, document: dict[str, Any]) -> None:
    """Show each parameter, the body and the answer by example."""
    for parameter in operation.parameters:
        parameter["example"] = example_of(parameter)
    guide = of_guide().get(f"{operation.method} {operation.path}", {})
    body = operation.content.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and "request" in guide:
        body["example"] = guide["request"]
    if "answer" in guide:
        (answer,) = operation.content["responses"]["200"]["content"].values()
        answer["example"] = completed(guide["answer"], operation.answer(document))


def completed(answer: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """An example of the guide with what the guide leaves out."""
    missing = {name: part for name, part in LEFT_OUT.items() if name in schema["properties"]}
    return missing | answer


def example_of(parameter: dict[str, Any]) -> Any:
    """A value that the parameter can have."""
    schema = parameter["schema"]
    choice = schema.get("enum") or schema.get("items", {}).get("enum")
    known = OF_PARAMETERS.get(parameter["name"])
    if choice:
        wanted = known if isinstance(known, list) else [known]
        word = wanted[0] if wanted[0] in choice else choice[0]
        return [word] if schema.get("type") == "array" else word
    if known is not None:
        return known
    return {"boolean": True, "integer": schema.get("minimum", 1)}.get(schema.get("type"), "text")
