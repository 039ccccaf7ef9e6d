"""What we read from the contracts by `eth_call`: each read is its encoding and its decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec
from eth_abi.decoding import ContextFramesBytesIO, StringDecoder, TupleDecoder
from eth_abi.exceptions import DecodingError
from eth_abi.registry import BaseEquals, registry

from chain.addresses import to_checksum
from chain.values import Address, Call

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

WORD = 32


class UndecodableAnswer(ValueError):
    """The contract answered with bytes of another shape than its ABI says."""


@dataclass(frozen=True, slots=True)
class Read(Generic[T_co]):
    """One question to a contract; `decode` raises UndecodableAnswer."""

    call: Call
    decode: Callable[[bytes], T_co]


class AssetMetadata(msgspec.Struct, frozen=True, gc=False):
    """What the minter said of an asset; acquisition_date is any uint256, mostly Unix seconds, 0 = unknown."""

    name: str
    asset_type: str
    asset_location: str
    acquisition_date: int
    description: str
    is_verified: bool


class Listing(msgspec.Struct, frozen=True, gc=False):
    """What the marketplace holds for a token, stale listings included; seller is zero where it holds none."""

    token_id: int
    seller: Address
    price_wei: int
    is_active: bool
    listed_timestamp: int


# --- the asset contract ------------------------------------------------------------------


def owner_of(asset: Address, token_id: int) -> Read[Address]:
    """Who owns the token; reverts where it does not exist."""
    return _read(asset, "0x6352211e", _address, token_id)


def get_price(asset: Address, token_id: int) -> Read[int]:
    """The current price in wei."""
    return _read(asset, "0xe7572230", _uint, token_id)


def get_initial_price(asset: Address, token_id: int) -> Read[int]:
    """The price at mint in wei."""
    return _read(asset, "0x422d0171", _uint, token_id)


def token_uri(asset: Address, token_id: int) -> Read[str]:
    """The token's URI; bytes that are not UTF-8 are replaced."""
    return _read(asset, "0xc87b56dd", _text, token_id)


def get_approved(asset: Address, token_id: int) -> Read[Address]:
    """The address approved for this one token; zero for none."""
    return _read(asset, "0x081812fc", _address, token_id)


def is_approved_for_all(asset: Address, owner: Address, operator: Address) -> Read[bool]:
    """May the operator move every token of the owner?"""
    return _read(asset, "0xe985e9c5", _bool, owner, operator)


def get_asset_metadata(asset: Address, token_id: int) -> Read[AssetMetadata]:
    """The metadata given at mint; immutable after that."""
    return _read(asset, "0xcf2acf84", _metadata, token_id)


def get_pricing_agent(asset: Address) -> Read[Address]:
    """Who may set prices."""
    return _read(asset, "0x5fca7903", _address)


def owner(contract: Address) -> Read[Address]:
    """The contract's owner; zero once it renounced."""
    return _read(contract, "0x8da5cb5b", _address)


# --- the marketplace -----------------------------------------------------------------------


def get_listing(marketplace: Address, token_id: int) -> Read[Listing]:
    """The listing that the marketplace holds, active or not."""
    return _read(marketplace, "0x107a274a", _listing, token_id)


def get_marketplace_fee(marketplace: Address) -> Read[int]:
    """The fee in basis points."""
    return _read(marketplace, "0x26a7b37b", _uint)


def get_fee_collector(marketplace: Address) -> Read[Address]:
    """Who receives the fees."""
    return _read(marketplace, "0x12fde4b7", _address)


# --- the marketplace and the pricing agent ---------------------------------------------------


def get_rwa_asset_contract(contract: Address) -> Read[Address]:
    """The asset contract that the marketplace, or the pricing agent, speaks of."""
    return _read(contract, "0x8c2461ba", _address)


def get_minimum_confidence_score(agent: Address) -> Read[int]:
    """The lowest confidence, 0-100, with which the agent accepts a price."""
    return _read(agent, "0xe0e0f252", _uint)


# --- encoding ----------------------------------------------------------------------------------


def _read(
    contract: Address, selector: str, decode: Callable[[bytes], T], *arguments: int | Address
) -> Read[T]:
    return Read(Call(contract, selector + "".join(_word(argument) for argument in arguments)), decode)


def _word(argument: int | Address) -> str:
    """Encode a uint256 or an address: 64 hex digits."""
    if isinstance(argument, int):
        return argument.to_bytes(WORD, "big").hex()
    return argument[2:].lower().rjust(2 * WORD, "0")


# --- decoding ----------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _decoder(abi_type: str) -> TupleDecoder:
    """Build a decoder once per type; unlike eth-abi's own it takes strings that are not UTF-8."""
    lenient = registry.copy()  # type: ignore[no-untyped-call]
    lenient.unregister_decoder("string")
    lenient.register_decoder(
        BaseEquals("string", with_sub=False),  # type: ignore[no-untyped-call]
        StringDecoder(handle_string_errors="replace"),  # type: ignore[no-untyped-call]
        label="string",
    )
    return TupleDecoder(decoders=[lenient.get_decoder(abi_type)])  # type: ignore[no-untyped-call]


def _decode(abi_type: str, answer: bytes) -> Any:
    try:
        stream = ContextFramesBytesIO(answer)  # type: ignore[no-untyped-call]
        return _decoder(abi_type)(stream)[0]
    except (DecodingError, OverflowError) as error:
        raise UndecodableAnswer(f"not a {abi_type}: {error}") from error


def _single_word(answer: bytes) -> int:
    if len(answer) < WORD:
        raise UndecodableAnswer(f"{len(answer)} bytes where a word of {WORD} is due")
    return int.from_bytes(answer[:WORD], "big")


def _uint(answer: bytes) -> int:
    return _single_word(answer)


def _bool(answer: bytes) -> bool:
    return _single_word(answer) != 0


def _address(answer: bytes) -> Address:
    if _single_word(answer) >> 160:
        raise UndecodableAnswer(f"not an address: {answer[:WORD].hex()}")
    return to_checksum(answer[12:WORD])


def _text(answer: bytes) -> str:
    return str(_decode("string", answer))


def _metadata(answer: bytes) -> AssetMetadata:
    return AssetMetadata(*_decode("(string,string,string,uint256,string,bool)", answer))


def _listing(answer: bytes) -> Listing:
    token_id, seller, price_wei, is_active, listed_timestamp = _decode(
        "(uint256,address,uint256,bool,uint256)", answer
    )
    return Listing(token_id, to_checksum(seller), price_wei, is_active, listed_timestamp)
