"""Contracts as compiled: their ABIs and bytecode, and how their calls and answers are encoded.

A struct is a tuple (or NamedTuple) in its ABI order going in, and a dict by field name coming out.
A `string` may go in as `bytes`, because the chain checks nothing; bytes that are not UTF-8 come out
with U+FFFD in their place. Addresses come out EIP-55.

ContractError
├── UnknownArtifact   no contract of that name was compiled
└── UnknownFunction   the ABI has no such function
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.encoding import TextStringEncoder, encode_uint_256
from eth_abi.registry import BaseEquals
from eth_abi.registry import registry as default_registry
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

T = TypeVar("T")
Abi = list[dict[str, Any]]

ROOT = Path(__file__).resolve().parent.parent
ABIS = ROOT / "abis"
ARTIFACTS = ROOT / "contracts" / "artifacts"
WORD = 32
ERROR_STRING = bytes.fromhex("08c379a0")
PANIC = bytes.fromhex("4e487b71")


class ContractError(ValueError):
    """A contract was asked for something it does not have."""


class UnknownArtifact(ContractError):
    """No contract of that name was compiled."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(f"no compiled contract {name}: {path} is missing; run `npm run compile`")
        self.name = name


class UnknownFunction(ContractError):
    """The ABI has no function of that name, or none that takes this many arguments."""

    def __init__(self, function: str, arguments: int | None = None) -> None:
        count = "" if arguments is None else f" with {arguments} arguments"
        super().__init__(f"no function {function}{count}; name it as the ABI does")
        self.function = function


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract; `bytecode` is the creation code."""

    name: str
    abi: Abi
    bytecode: bytes


@cache
def load_abi(name: str) -> Abi:
    """Return the published interface of one of the three followed contracts, as an ABI array."""
    return _read(name, ABIS / f"{name}.json", Abi)


@cache
def load_artifact(name: str) -> Artifact:
    """Return a development contract with its bytecode."""
    compiled = _read(name, ARTIFACTS / f"{name}.json", dict[str, Any])
    return Artifact(name, compiled["abi"], bytes.fromhex(compiled["bytecode"].removeprefix("0x")))


def encode_call(abi: Abi, function: str, args: Sequence[Any] = ()) -> str:
    """Return selector and arguments as hex with 0x; `function` is a name, or a signature if overloaded."""
    entry = find_function(abi, function, len(args))
    return "0x" + (selector(entry) + encode_arguments(entry["inputs"], args)).hex()


def encode_deploy(artifact: Artifact, args: Sequence[Any] = ()) -> str:
    """Return creation code and constructor arguments as hex with 0x."""
    constructors = [entry for entry in artifact.abi if entry["type"] == "constructor"]
    inputs = constructors[0]["inputs"] if constructors else []
    return "0x" + (artifact.bytecode + encode_arguments(inputs, args)).hex()


def decode_result(abi: Abi, function: str, data: bytes | str) -> Any:
    """Return what a call answered: the value itself, a tuple of several, or None of none.

    A name alone will do for overloaded functions, as ours answer alike.
    """
    named = _named(abi, function)
    if not named:
        raise UnknownFunction(function)
    values = decode_arguments(named[0]["outputs"], _to_bytes(data))
    return values[0] if len(values) == 1 else (values or None)


def decode_revert(data: bytes | str, abis: Iterable[Abi] = ()) -> str:
    """Say why a call reverted: its reason, or its custom error and arguments, or the bare data as hex."""
    raw = _to_bytes(data)
    chosen, rest = raw[:4], raw[4:]
    if chosen == ERROR_STRING:
        return str(CODEC.decode(["string"], rest)[0])
    if chosen == PANIC:
        return f"Panic({int.from_bytes(rest, 'big'):#04x})"
    for entry in (entry for abi in abis for entry in abi if entry["type"] == "error"):
        if selector(entry) == chosen:
            values = ", ".join(str(value) for value in decode_arguments(entry["inputs"], rest))
            return f"{entry['name']}({values})"
    return "0x" + raw.hex()


def selector(entry: Mapping[str, Any]) -> bytes:
    """Return the four bytes that name a function or a custom error."""
    return keccak(text=signature(entry))[:4]


def signature(entry: Mapping[str, Any]) -> str:
    """Return the canonical form, such as `buy(uint256)`."""
    return f"{entry['name']}({','.join(_types(entry['inputs']))})"


def find_function(abi: Abi, function: str, arguments: int) -> dict[str, Any]:
    """Return the ABI entry of that name (or signature) that takes this many arguments."""
    for entry in _named(abi, function):
        if len(entry["inputs"]) == arguments:
            return entry
    raise UnknownFunction(function, arguments)


def encode_arguments(inputs: Sequence[Mapping[str, Any]], args: Sequence[Any]) -> bytes:
    """Encode values for ABI parameters."""
    return CODEC.encode(_types(inputs), list(args))


def decode_arguments(outputs: Sequence[Mapping[str, Any]], data: bytes) -> tuple[Any, ...]:
    """Decode the values of ABI parameters."""
    values = CODEC.decode(_types(outputs), data)
    return tuple(_present(value, output) for value, output in zip(values, outputs, strict=True))


class LenientStringEncoder(TextStringEncoder):
    """Takes bytes where a `string` is wanted, as the chain does."""

    @classmethod
    def validate_value(cls, value: object) -> None:
        if not isinstance(value, bytes):
            super().validate_value(value)  # type: ignore[no-untyped-call]

    @classmethod
    def encode(cls, value: str | bytes) -> bytes:
        cls.validate_value(value)
        raw = value if isinstance(value, bytes) else codecs.encode(value, "utf8")
        return encode_uint_256(len(raw)) + raw + bytes(-len(raw) % WORD)


def _lenient_codec() -> ABICodec:
    registry = default_registry.copy()  # type: ignore[no-untyped-call]
    registry.unregister("string")
    registry.register(
        BaseEquals("string", with_sub=False),  # type: ignore[no-untyped-call]
        LenientStringEncoder,
        StringDecoder(handle_string_errors="replace"),  # type: ignore[no-untyped-call]
        label="string",
    )
    return ABICodec(registry)


CODEC = _lenient_codec()


def _read(name: str, path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise UnknownArtifact(name, path) from None


def _named(abi: Abi, function: str) -> list[dict[str, Any]]:
    functions = [entry for entry in abi if entry["type"] == "function"]
    return [entry for entry in functions if function in (entry["name"], signature(entry))]


def _types(parameters: Sequence[Mapping[str, Any]]) -> list[str]:
    return [_type(parameter) for parameter in parameters]


def _type(parameter: Mapping[str, Any]) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_types(parameter['components']))}){kind.removeprefix('tuple')}"


def _present(value: Any, parameter: Mapping[str, Any]) -> Any:
    kind = str(parameter["type"])
    if kind.endswith("[]"):
        element = {**parameter, "type": kind[:-2]}
        return [_present(item, element) for item in value]
    if kind == "tuple":
        fields = parameter["components"]
        return {field["name"]: _present(item, field) for item, field in zip(value, fields, strict=True)}
    return to_checksum_address(value) if kind == "address" else value


def _to_bytes(data: bytes | str) -> bytes:
    return bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else data
