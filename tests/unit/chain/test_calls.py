"""Reads of the contracts: what is asked, and what the answers mean."""

import random

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from chain import calls
from chain.calls import AssetMetadata, Listing, Read, UndecodableAnswer

ASSET = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
ALICE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
METADATA = "(string,string,string,uint256,string,bool)"
LISTING = "(uint256,address,uint256,bool,uint256)"
WORD = "{:064x}".format
ALICE_WORD = ALICE[2:].lower().rjust(64, "0")

ASKED: list[tuple[Read[object], str, str]] = [
    (calls.owner_of(ASSET, 7), "ownerOf(uint256)", WORD(7)),
    (calls.get_price(ASSET, 2**256 - 1), "getPrice(uint256)", "f" * 64),
    (calls.get_initial_price(ASSET, 7), "getInitialPrice(uint256)", WORD(7)),
    (calls.token_uri(ASSET, 7), "tokenURI(uint256)", WORD(7)),
    (calls.get_approved(ASSET, 7), "getApproved(uint256)", WORD(7)),
    (calls.is_approved_for_all(ASSET, ALICE, ASSET), "isApprovedForAll(address,address)", ALICE_WORD + ASSET[2:].lower().rjust(64, "0")),
    (calls.get_asset_metadata(ASSET, 7), "getAssetMetadata(uint256)", WORD(7)),
    (calls.get_pricing_agent(ASSET), "getPricingAgent()", ""),
    (calls.owner(ASSET), "owner()", ""),
    (calls.get_listing(ASSET, 7), "getListing(uint256)", WORD(7)),
    (calls.get_marketplace_fee(ASSET), "getMarketplaceFee()", ""),
    (calls.get_fee_collector(ASSET), "getFeeCollector()", ""),
    (calls.get_rwa_asset_contract(ASSET), "getRWAAssetContract()", ""),
    (calls.get_minimum_confidence_score(ASSET), "getMinimumConfidenceScore()", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("read", "signature", "arguments"), ASKED, ids=[signature for _, signature, _ in ASKED]
)
def test_a_read_is_encoded_as_the_abi_says(read: Read[object], signature: str, arguments: str) -> None:
    assert read.call.to == ASSET
    assert read.call.data == "0x" + keccak(signature.encode())[:4].hex() + arguments


def test_metadata_is_decoded() -> None:
    answer = encode([METADATA], [("Villa", "Real Estate", "Łódź", 1_700_000_000, "", True)])

    assert calls.get_asset_metadata(ASSET, 1).decode(answer) == AssetMetadata(
        "Villa", "Real Estate", "Łódź", 1_700_000_000, "", True
    )


def test_text_that_is_not_utf8_is_replaced_and_huge_numbers_are_kept() -> None:
    answer = encode(
        [METADATA.replace("string", "bytes")],
        [(b"\xff\x00\xfe", b"", b"x" * 5000, 2**256 - 1, b"\x80", False)],
    )

    found = calls.get_asset_metadata(ASSET, 1).decode(answer)

    assert found.name == "\ufffd\x00\ufffd"
    assert found.description == "\ufffd"
    assert found.acquisition_date == 2**256 - 1
    assert len(found.asset_location) == 5000


def test_a_listing_is_decoded() -> None:
    answer = encode([LISTING], [(7, ALICE, 10**18, True, 1_700_000_000)])

    assert calls.get_listing(ASSET, 7).decode(answer) == Listing(7, ALICE, 10**18, True, 1_700_000_000)


def test_simple_answers_are_decoded() -> None:
    assert calls.owner_of(ASSET, 1).decode(encode(["address"], [ALICE])) == ALICE
    assert calls.token_uri(ASSET, 1).decode(encode(["string"], ["ipfs://x"])) == "ipfs://x"
    assert calls.is_approved_for_all(ASSET, ALICE, ALICE).decode(encode(["bool"], [True])) is True
    assert calls.get_marketplace_fee(ASSET).decode(encode(["uint256"], [250])) == 250


def test_any_bytes_decode_or_are_called_undecodable() -> None:
    chance = random.Random(11)
    honest = encode([METADATA], [("Villa", "Real Estate", "Paris", 1, "long" * 20, True)])
    reads = [read for read, _, _ in ASKED]

    for _ in range(400):
        spoilt = bytearray(honest[: chance.randrange(len(honest) + 1)])
        for _ in range(min(len(spoilt), 3)):
            spoilt[chance.randrange(len(spoilt))] = chance.choice([0, 1, 32, 127, 255])
        for read in reads:
            try:
                read.decode(bytes(spoilt))
            except UndecodableAnswer:
                continue


@pytest.mark.parametrize("answer", [b"", b"\x01", b"\xff" * 32])
def test_what_is_no_address_is_undecodable(answer: bytes) -> None:
    with pytest.raises(UndecodableAnswer):
        calls.owner_of(ASSET, 1).decode(answer)
