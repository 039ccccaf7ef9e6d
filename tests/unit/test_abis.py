"""The published ABIs describe the deployed contracts, entry by entry, and describe nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from chain.contracts import ABIS, load_abi, load_artifact, selector, signature
from tests.unit.contract_facts import ERRORS, EVENTS, FUNCTIONS

CONTRACTS = sorted(EVENTS)
METADATA = ["name", "assetType", "assetLocation", "acquisitionDate", "description", "isVerified"]
LISTING = ["tokenId", "seller", "price", "isActive", "listedTimestamp"]
PRICE_UPDATE = ["tokenId", "oldPrice", "newPrice", "timestamp", "dataSource", "confidenceScore"]


def facts(table: dict[str, str], contract: str) -> set[tuple[str, ...]]:
    lines = table[contract].strip().splitlines()
    return {tuple(part.strip() for part in line.split(" | ")) for line in lines}


def entries(contract: str, kind: str) -> list[dict[str, Any]]:
    return [entry for entry in load_abi(contract) if entry["type"] == kind]


def function(contract: str, name: str) -> dict[str, Any]:
    return next(entry for entry in entries(contract, "function") if entry["name"] == name)


def event_line(entry: dict[str, Any]) -> str:
    arguments = [
        f"{argument['type']} {'indexed ' if argument['indexed'] else ''}{argument['name']}"
        for argument in entry["inputs"]
    ]
    return f"{entry['name']}({', '.join(arguments)})"


def answer(entry: dict[str, Any]) -> str:
    return signature({"name": "", "inputs": entry["outputs"]})


def field_names(parameter: dict[str, Any]) -> list[str]:
    return [field["name"] for field in parameter["components"]]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_an_abi_has_exactly_the_events_of_the_contract(contract: str) -> None:
    found = [
        ("0x" + keccak(text=signature(entry)).hex(), event_line(entry))
        for entry in entries(contract, "event")
    ]

    assert sorted(found) == sorted(facts(EVENTS, contract))
    assert not any(entry["anonymous"] for entry in entries(contract, "event"))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_an_abi_has_exactly_the_functions_of_the_contract(contract: str) -> None:
    found = [
        ("0x" + selector(entry).hex(), signature(entry), entry["stateMutability"], answer(entry))
        for entry in entries(contract, "function")
    ]

    assert sorted(found) == sorted(facts(FUNCTIONS, contract))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_an_abi_has_exactly_the_custom_errors_of_the_contract(contract: str) -> None:
    found = [("0x" + selector(entry).hex(), signature(entry)) for entry in entries(contract, "error")]

    assert sorted(found) == sorted(facts(ERRORS, contract))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_an_abi_has_a_constructor_and_nothing_else_besides(contract: str) -> None:
    kinds = [entry["type"] for entry in load_abi(contract)]

    assert kinds.count("constructor") == 1
    assert set(kinds) <= {"constructor", "event", "function", "error"}


@pytest.mark.parametrize(
    ("contract", "types"),
    [
        ("RWAAssetContract", ["string", "string"]),
        ("DynamicPricingAgent", ["address", "address"]),
        ("MarketplaceContract", ["address", "address", "address"]),
    ],
)
def test_a_constructor_takes_what_the_deployment_gives(contract: str, types: list[str]) -> None:
    (constructor,) = entries(contract, "constructor")

    assert [argument["type"] for argument in constructor["inputs"]] == types


def test_structs_name_their_fields() -> None:
    mint, metadata = (function("RWAAssetContract", name) for name in ("mint", "getAssetMetadata"))
    listing, active = (function("MarketplaceContract", name) for name in ("getListing", "getActiveListings"))
    latest, history = (
        function("DynamicPricingAgent", name) for name in ("getLatestPriceUpdate", "getPriceUpdateHistory")
    )

    assert field_names(mint["inputs"][3]) == field_names(metadata["outputs"][0]) == METADATA
    assert field_names(listing["outputs"][0]) == field_names(active["outputs"][0]) == LISTING
    assert field_names(latest["outputs"][0]) == field_names(history["outputs"][0]) == PRICE_UPDATE


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_published_abi_is_that_of_the_compiled_contract(contract: str) -> None:
    assert load_abi(contract) == load_artifact(contract).abi


def test_only_the_followed_contracts_are_published() -> None:
    assert sorted(path.stem for path in ABIS.glob("*.json")) == CONTRACTS
