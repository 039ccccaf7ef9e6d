"""Calls are encoded and answers decoded as the ABI says; text that is not text does no harm."""

from __future__ import annotations

import pytest

from chain.contracts import (
    UnknownArtifact,
    UnknownFunction,
    decode_result,
    decode_revert,
    encode_call,
    load_abi,
    load_artifact,
)

WORD = "{:064x}".format


def test_a_call_is_its_selector_and_its_arguments() -> None:
    assert encode_call(load_abi("MarketplaceContract"), "buy", [7]) == "0xd96a094a" + WORD(7)


def test_an_overloaded_function_is_chosen_by_its_arguments_or_by_signature() -> None:
    abi, someone = load_abi("RWAAssetContract"), "0x" + 40 * "1"

    three = encode_call(abi, "safeTransferFrom", [someone, someone, 1])
    four = encode_call(abi, "safeTransferFrom", [someone, someone, 1, b""])
    named = encode_call(abi, "safeTransferFrom(address,address,uint256)", [someone, someone, 1])

    assert (three[:10], four[:10], named) == ("0x42842e0e", "0xb88d4fde", three)


def test_a_struct_comes_out_by_field_name_with_addresses_in_checksum_case() -> None:
    data = WORD(3) + WORD(0xABCDEF) + WORD(2**256 - 1) + WORD(1) + WORD(1_700_000_000)

    listing = decode_result(load_abi("MarketplaceContract"), "getListing", "0x" + data)

    assert listing == {
        "tokenId": 3,
        "seller": "0x0000000000000000000000000000000000abcDeF",
        "price": 2**256 - 1,
        "isActive": True,
        "listedTimestamp": 1_700_000_000,
    }


def test_bytes_may_stand_where_text_is_wanted_and_come_out_as_text() -> None:
    call = encode_call(load_abi("DynamicPricingAgent"), "updatePrice", [1, 2, b"\xff\x00\xfe\x80", 90])
    answer = WORD(32) + WORD(4) + "ff00fe80" + "00" * 28

    assert "ff00fe80" in call
    assert decode_result(load_abi("RWAAssetContract"), "name", answer) == "\ufffd\x00\ufffd\ufffd"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("0x08c379a0" + WORD(32) + WORD(2) + b"no".hex() + "00" * 30, "no"),
        ("0x4e487b71" + WORD(0x11), "Panic(0x11)"),
        ("0x7e273289" + WORD(5), "ERC721NonexistentToken(5)"),
        ("0x12345678", "0x12345678"),
        ("0x", "0x"),
    ],
)
def test_a_refusal_is_put_into_words(data: str, reason: str) -> None:
    assert decode_revert(data, [load_abi("RWAAssetContract")]) == reason


def test_asking_for_a_function_that_is_not_there_names_it() -> None:
    with pytest.raises(UnknownFunction, match="burn with 1"):
        encode_call(load_abi("RWAAssetContract"), "burn", [1])
    with pytest.raises(UnknownFunction, match="buy with 0"):
        encode_call(load_abi("MarketplaceContract"), "buy")


def test_asking_for_a_contract_that_was_not_compiled_says_how_to_compile() -> None:
    with pytest.raises(UnknownArtifact, match="npm run compile"):
        load_artifact("Nonesuch")
