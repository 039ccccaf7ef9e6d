"""Logs → events, by decoders generated from the ABIs.

One Python function is generated per ABI event, which checks every length, padding and range
and slices the raw bytes; about a hundred times faster than a general ABI codec.

Undecodable    a log of ours that is not what its ABI says; quarantine it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from types import CodeType
from typing import Any

from eth_hash.auto import keccak

from chain.addresses import to_checksum
from chain.events import EVENTS, Event, Role
from chain.values import Address

AbiEntry = Mapping[str, Any]
Decode = Callable[[Address, int, bytes, bytes], Event]

INT64_MAX = 2**63 - 1
WORD = 32


class Undecodable(ValueError):
    """The log does not have the form that its ABI promises."""


def event_signature(entry: AbiEntry) -> str:
    return f"{entry['name']}({','.join(argument['type'] for argument in entry['inputs'])})"


def event_topic(signature: str) -> bytes:
    """topic0 of an event, from its canonical signature."""
    return bytes(keccak(signature.encode()))


class Decoder:
    """Decodes the logs of the contracts it has been told to follow.

    `follow` adds a contract; dispatch is by (address, topic0), because events of the same
    signature come from several contracts and strangers emit look-alikes.
    """

    def __init__(self, abis: Mapping[Role, Iterable[AbiEntry]]) -> None:
        self._by_role: dict[Role, dict[bytes, Decode]] = {
            role: compile_decoders(role, abi) for role, abi in abis.items()
        }
        self._contracts: dict[bytes, tuple[Address, dict[bytes, Decode]]] = {}

    def anew(self) -> Decoder:
        """Another one that follows nobody yet; making the first one is what takes long."""
        other = Decoder({})
        other._by_role = self._by_role
        return other

    def follow(self, contract: Address, role: Role) -> None:
        """Decode the events of one more contract; following it again changes nothing."""
        raw = bytes.fromhex(contract[2:])
        known = self._contracts.get(raw)
        decoders = {**(known[1] if known else {}), **self._by_role[role]}
        self._contracts[raw] = (contract, decoders)

    def decode(self, address: bytes, log_index: int, topics: bytes, data: bytes) -> Event:
        """Decode one log; topics are concatenated. Raises Undecodable."""
        contract, decoders = self._contracts[address]
        return decoders.get(topics[:WORD], _unknown)(contract, log_index, topics, data)


def _unknown(_contract: Address, _log_index: int, topics: bytes, _data: bytes) -> Event:
    raise Undecodable(f"unknown event 0x{topics[:WORD].hex()}")


def compile_decoders(role: Role, abi: Iterable[AbiEntry]) -> dict[bytes, Decode]:
    """Generate a decoder for each event of an ABI, keyed by topic0."""
    events = EVENTS[role]
    entries = [entry for entry in abi if entry["type"] == "event"]
    return {event_topic(event_signature(entry)): _compile(entry, events[entry["name"]]) for entry in entries}


def _compile(entry: AbiEntry, event: type[Event]) -> Decode:
    fields = event.__struct_fields__[2:]
    names = tuple(_snake(argument["name"]) for argument in entry["inputs"])
    if names != fields:
        raise TypeError(f"{event.__name__} has fields {fields}, its ABI says {names}")
    source = _source(entry, event.__name__)
    scope: dict[str, Any] = {
        "event": event,
        "Undecodable": Undecodable,
        "address": _address,
        "text": _text,
        "uint": _uint,
        "token": _token,
        "boolean": _boolean,
        "from_bytes": int.from_bytes,
    }
    exec(_compiled(source, f"<decoder of {entry['name']}>"), scope)
    decode: Decode = scope["decode"]
    return decode


@cache
def _compiled(source: str, name: str) -> CodeType:
    """Every session decodes the same few events."""
    return compile(source, name, "exec")


def _source(entry: AbiEntry, name: str) -> str:
    indexed = [argument for argument in entry["inputs"] if argument["indexed"]]
    plain = [argument for argument in entry["inputs"] if not argument["indexed"]]
    topics_length = WORD * (1 + len(indexed))
    head_length = WORD * len(plain)
    dynamic = any(argument["type"] == "string" for argument in plain)
    comparison = "<" if dynamic else "!="
    positions = {id(argument): ("topics", WORD * (i + 1)) for i, argument in enumerate(indexed)}
    positions |= {id(argument): ("data", WORD * i) for i, argument in enumerate(plain)}
    values = [_value(argument, *positions[id(argument)]) for argument in entry["inputs"]]
    return (
        "def decode(contract, log_index, topics, data):\n"
        f"    if len(topics) != {topics_length}:\n"
        f"        raise Undecodable(f'{name} has {{len(topics)}} bytes of topics, not {topics_length}')\n"
        f"    if len(data) {comparison} {head_length}:\n"
        f"        raise Undecodable(f'{name} has {{len(data)}} bytes of data, not {head_length}')\n"
        f"    return event(contract, log_index, {', '.join(values)})\n"
    )


def _value(argument: AbiEntry, source: str, at: int) -> str:
    word = f"{source}[{at}:{at + WORD}]"
    match argument["type"]:
        case "address":
            return f"address({word})"
        case "string":
            return f"text(data, {at})"
        case "bool":
            return f"boolean({word})"
        case "bytes32":
            return word
        case "uint256" if "tokenid" in argument["name"].lower():
            return f"token({word})"
        case "uint256":
            return f"from_bytes({word}, 'big')"
        case "uint8":
            return f"uint({word}, 8)"
    raise TypeError(f"no decoder for ABI type {argument['type']}")


@lru_cache(maxsize=1 << 17)
def _address(word: bytes) -> Address:
    if any(word[:12]):
        raise Undecodable(f"0x{word.hex()} is not an address")
    return to_checksum(word[12:])


def _uint(word: bytes, bits: int) -> int:
    value = int.from_bytes(word, "big")
    if value >> bits:
        raise Undecodable(f"{value} does not fit uint{bits}")
    return value


def _token(word: bytes) -> int:
    value = int.from_bytes(word, "big")
    if value > INT64_MAX:
        raise Undecodable(f"token id {value} is beyond 64 bits, the largest we keep")
    return value


def _boolean(word: bytes) -> bool:
    value = int.from_bytes(word, "big")
    if value > 1:
        raise Undecodable(f"{value} is not a boolean")
    return value == 1


def _text(data: bytes, at: int) -> str:
    start = int.from_bytes(data[at : at + WORD], "big") + WORD
    if start > len(data):
        raise Undecodable("a string begins beyond the data")
    end = start + int.from_bytes(data[start - WORD : start], "big")
    if end > len(data):
        raise Undecodable("a string ends beyond the data")
    return data[start:end].decode("utf-8", errors="replace")


def _snake(name: str) -> str:
    plain = name.lstrip("_").replace("URI", "Uri").replace("tokenId", "token_id")
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", plain).lower()
    return "from_" if snake == "from" else snake
