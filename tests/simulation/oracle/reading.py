"""The oracle's own reading of logs: names and values by the ABI files, with nothing of the program's decoders."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from eth_hash.auto import keccak

ABIS = Path(__file__).parents[3] / "abis"
FILES = {"asset": "RWAAssetContract", "agent": "DynamicPricingAgent", "marketplace": "MarketplaceContract"}
LARGEST_TOKEN = 2**63 - 1


class Said(NamedTuple):
    """One log that has a meaning: who said it, where in the block, and what."""

    emitter: str
    at: int
    name: str
    values: dict[str, Any]


@cache
def known_events(role: str) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    """By topic0."""
    entries = json.loads((ABIS / f"{FILES[role]}.json").read_text())
    found = {}
    for entry in entries:
        if entry["type"] == "event":
            signature = f"{entry['name']}({','.join(each['type'] for each in entry['inputs'])})"
            found["0x" + keccak(signature.encode()).hex()] = (entry["name"], entry["inputs"])
    return found


@lru_cache(maxsize=1 << 15)
def meaning(role: str, topics: tuple[str, ...], data: str) -> tuple[str, dict[str, Any]] | None:
    """Name and values of an event; None for what no ABI of ours explains, or no integer of ours holds."""
    name, inputs = known_events(role).get(topics[0], ("", [])) if topics else ("", [])
    indexed = [each for each in inputs if each["indexed"]]
    plain = [each for each in inputs if not each["indexed"]]
    if not name or len(indexed) != len(topics) - 1:
        return None
    raw, words = bytes.fromhex(data[2:]), [bytes.fromhex(topic[2:]) for topic in topics[1:]]
    words += [raw[32 * at : 32 * at + 32] for at in range(len(plain))]
    values = {
        each["name"].strip("_"): value_of(each["type"], word, raw)
        for each, word in zip([*indexed, *plain], words, strict=True)
    }
    if any(value > LARGEST_TOKEN for argument, value in values.items() if argument.lower() == "tokenid"):
        return None
    return name, values


def value_of(kind: str, word: bytes, data: bytes) -> Any:
    """A word as its type says; a string's word says where in the data it is. No UTF-8 is replaced."""
    number = int.from_bytes(word, "big")
    if kind == "string":
        length = int.from_bytes(data[number : number + 32], "big")
        return data[number + 32 : number + 32 + length].decode("utf-8", "replace")
    if kind == "address":
        return spelled("0x" + word[12:].hex())
    return bool(number) if kind == "bool" else word if kind == "bytes32" else number


@lru_cache(maxsize=1 << 12)
def spelled(address: str) -> str:
    """EIP-55: a digit is upper case where its nibble of the hash is 8 or more."""
    digits = address[2:].lower()
    nibbles = keccak(digits.encode()).hex()
    return "0x" + "".join(d.upper() if int(n, 16) > 7 else d for d, n in zip(digits, nibbles, strict=False))
