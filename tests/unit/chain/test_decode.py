"""The generated decoders, held against eth-abi; and everything that is not what its ABI says."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.addresses import to_checksum
from chain.contracts import load_abi
from chain.decode import INT64_MAX, Decoder, Undecodable, compile_decoders, event_signature, event_topic
from chain.events import EVENTS, AssetListed, OwnershipTransferred, RWAAssetContractUpdated, Transfer

ABIS: Any = {
    "asset": load_abi("RWAAssetContract"),
    "agent": load_abi("DynamicPricingAgent"),
    "marketplace": load_abi("MarketplaceContract"),
}
ADDRESSES = {role: to_checksum(f"0x{at:040x}") for at, role in enumerate(ABIS, start=0xA1)}
ENTRIES = [(role, entry) for role, abi in ABIS.items() for entry in abi if entry["type"] == "event"]
MARKET = ADDRESSES["marketplace"]


def entry_of(role: str, name: str) -> Any:
    return next(entry for of, entry in ENTRIES if of == role and entry["name"] == name)


def a_decoder() -> Decoder:
    decoder = Decoder(ABIS)
    for role, contract in ADDRESSES.items():
        decoder.follow(contract, role)
    return decoder


DECODER = a_decoder()


def value_of(argument: Any) -> st.SearchStrategy[Any]:
    match argument["type"]:
        case "address":
            return st.binary(min_size=20, max_size=20).map(to_checksum)
        case "string":
            return st.text(max_size=100) | st.text(min_size=1, max_size=3).map(lambda text: text * 2000)
        case "bool":
            return st.booleans()
        case "bytes32":
            return st.binary(min_size=32, max_size=32)
        case "uint8":
            return st.integers(0, 255)
        case "uint256" if "tokenid" in argument["name"].lower():
            return st.integers(0, INT64_MAX)
    return st.integers(0, 2**256 - 1) | st.sampled_from([0, 2**64, 2**256 - 1])


def encoded(entry: Any, values: list[Any]) -> tuple[bytes, bytes]:
    """(topics, data) of an event, by eth-abi."""
    pairs = list(zip(entry["inputs"], values, strict=True))
    topics = event_topic(event_signature(entry))
    topics += b"".join(encode([each["type"]], [value]) for each, value in pairs if each["indexed"])
    plain = [(each["type"], value) for each, value in pairs if not each["indexed"]]
    return topics, encode([kind for kind, _ in plain], [value for _, value in plain])


def decode(role: str, topics: bytes, data: bytes) -> Any:
    return DECODER.decode(bytes.fromhex(ADDRESSES[role][2:]), 7, topics, data)


def told(event: Any) -> list[Any]:
    return [getattr(event, name) for name in event.__struct_fields__[2:]]


@pytest.mark.parametrize(
    ("role", "entry"), ENTRIES, ids=lambda each: each if isinstance(each, str) else each["name"]
)
@settings(max_examples=40)
@given(data=st.data())
def test_every_event_decodes_to_what_eth_abi_encoded(role: str, entry: Any, data: st.DataObject) -> None:
    values = [data.draw(value_of(argument)) for argument in entry["inputs"]]

    event = decode(role, *encoded(entry, values))

    assert type(event) is EVENTS[role][entry["name"]]  # type: ignore[index]
    assert (event.contract, event.log_index) == (ADDRESSES[role], 7)
    assert told(event) == values


@pytest.mark.parametrize("role", ABIS)
def test_every_event_of_an_abi_has_a_class_and_no_class_is_idle(role: Any) -> None:
    names = {entry["name"] for of, entry in ENTRIES if of == role}

    assert names == set(EVENTS[role])
    assert len(compile_decoders(role, ABIS[role])) == len(names)


@pytest.mark.parametrize(
    ("role", "entry"), ENTRIES, ids=lambda each: each if isinstance(each, str) else each["name"]
)
@settings(max_examples=40)
@given(topics=st.binary(max_size=160), data=st.binary(max_size=400))
def test_any_bytes_are_an_event_or_undecodable(role: str, entry: Any, topics: bytes, data: bytes) -> None:
    whole = event_topic(event_signature(entry)) + topics

    with suppress(Undecodable):
        assert type(decode(role, whole, data)) is EVENTS[role][entry["name"]]  # type: ignore[index]


@pytest.mark.parametrize(
    ("role", "entry"), ENTRIES, ids=lambda each: each if isinstance(each, str) else each["name"]
)
@settings(max_examples=40)
@given(data=st.data())
def test_a_log_cut_short_anywhere_is_undecodable(role: str, entry: Any, data: st.DataObject) -> None:
    topics, body = encoded(entry, [data.draw(value_of(argument)) for argument in entry["inputs"]])
    meant = body.rstrip(b"\0") if any(argument["type"] == "string" for argument in entry["inputs"]) else body
    cut = data.draw(st.integers(0, max(len(meant) - 1, 0)))

    with pytest.raises(Undecodable):
        decode(role, topics[:-1], body)
    with pytest.raises(Undecodable):
        decode(role, topics + bytes(32), body)
    if meant and cut < len(meant) - 32:
        with pytest.raises(Undecodable):
            decode(role, topics, body[:cut])


LISTED = encoded(entry_of("marketplace", "AssetListed"), [5, MARKET, 10, 20])


def test_data_longer_than_the_abi_says_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="96 bytes of data, not 64"):
        decode("marketplace", LISTED[0], LISTED[1] + bytes(32))


@pytest.mark.parametrize("token", [2**63, 2**64, 2**256 - 1])
def test_a_token_id_beyond_int64_is_undecodable(token: int) -> None:
    with pytest.raises(Undecodable, match=str(token)):
        decode("asset", *encoded(entry_of("asset", "Transfer"), [MARKET, MARKET, token]))


def test_the_largest_token_id_we_keep_decodes() -> None:
    assert decode("asset", *encoded(entry_of("asset", "MetadataUpdate"), [INT64_MAX])).token_id == INT64_MAX


@pytest.mark.parametrize("at", [32, 43, 64])
def test_an_address_with_dirty_padding_is_undecodable(at: int) -> None:
    topics = bytearray(encoded(entry_of("asset", "Transfer"), [MARKET, MARKET, 1])[0])
    topics[at] = 1

    with pytest.raises(Undecodable, match="is not an address"):
        decode("asset", bytes(topics), b"")


def test_a_boolean_of_two_is_undecodable() -> None:
    topics, _ = encoded(entry_of("asset", "ApprovalForAll"), [MARKET, MARKET, True])

    with pytest.raises(Undecodable, match="2 is not a boolean"):
        decode("asset", topics, (2).to_bytes(32, "big"))


@pytest.mark.parametrize("score", [256, 2**255])
def test_a_uint8_that_does_not_fit_is_undecodable(score: int) -> None:
    topics, _ = encoded(entry_of("agent", "MinimumConfidenceScoreUpdated"), [1, 2])

    with pytest.raises(Undecodable, match="uint8"):
        decode("agent", topics, bytes(32) + score.to_bytes(32, "big"))


PRICED = encoded(entry_of("agent", "PriceUpdated"), [1, 2, 3, 4, "feed", 90])
STRING_AT = 96
"""Of the offset of dataSource; its length and bytes follow at 160."""


@pytest.mark.parametrize("offset", [161, 10_000, 2**64, 2**255, 2**256 - 1, 2**256 - 32])
def test_a_string_that_begins_outside_the_data_is_undecodable(offset: int) -> None:
    data = bytearray(PRICED[1])
    data[STRING_AT : STRING_AT + 32] = offset.to_bytes(32, "big")

    with pytest.raises(Undecodable):
        decode("agent", PRICED[0], bytes(data)[:192])


@pytest.mark.parametrize("length", [33, 2**32, 2**255, 2**256 - 1])
def test_a_string_that_ends_outside_the_data_is_undecodable(length: int) -> None:
    data = bytearray(PRICED[1])
    data[160:192] = length.to_bytes(32, "big")

    with pytest.raises(Undecodable, match="ends beyond"):
        decode("agent", PRICED[0], bytes(data))


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    data = PRICED[1].replace(b"feed", b"\xff\x00\xfe\x80")

    assert decode("agent", PRICED[0], data).data_source == "\ufffd\x00\ufffd\ufffd"


@pytest.mark.parametrize("text", ["", "x" * 100_000])
def test_empty_and_long_strings_decode(text: str) -> None:
    log = encoded(entry_of("asset", "AssetMinted"), [1, text, 2**256 - 1, MARKET])

    assert decode("asset", *log).token_uri == text


@pytest.mark.parametrize("topics", [b"", b"\1" * 31, b"\1" * 32, b"\1" * 128])
def test_an_unknown_or_anonymous_event_is_undecodable(topics: bytes) -> None:
    with pytest.raises(Undecodable, match="unknown event"):
        decode("asset", topics, b"")


def test_an_erc20_transfer_is_undecodable() -> None:
    topics, _ = encoded(entry_of("asset", "Transfer"), [MARKET, MARKET, 1])

    with pytest.raises(Undecodable, match="96 bytes of topics, not 128"):
        decode("asset", topics[:96], (1).to_bytes(32, "big"))


@pytest.mark.parametrize(
    ("name", "kind", "roles"),
    [
        ("OwnershipTransferred", OwnershipTransferred, ("asset", "marketplace")),
        ("RWAAssetContractUpdated", RWAAssetContractUpdated, ("agent", "marketplace")),
    ],
)
def test_the_same_topic_from_two_contracts_is_told_apart_by_its_emitter(
    name: str, kind: Any, roles: Any
) -> None:
    log = encoded(entry_of(roles[0], name), [ADDRESSES["asset"], MARKET])

    events = [decode(role, *log) for role in roles]

    assert [type(event) for event in events] == [kind, kind]
    assert [event.contract for event in events] == [ADDRESSES[role] for role in roles]


def test_a_contract_is_not_believed_outside_its_role() -> None:
    with pytest.raises(Undecodable, match="unknown event"):
        decode("asset", *LISTED)


def test_an_address_of_two_roles_speaks_in_both() -> None:
    decoder = a_decoder()
    decoder.follow(ADDRESSES["asset"], "marketplace")
    raw = bytes.fromhex(ADDRESSES["asset"][2:])
    moved = encoded(entry_of("asset", "Transfer"), [MARKET, MARKET, 1])

    assert type(decoder.decode(raw, 0, *LISTED)) is AssetListed
    assert type(decoder.decode(raw, 0, *moved)) is Transfer


def test_following_twice_changes_nothing() -> None:
    decoder = a_decoder()
    decoder.follow(MARKET, "marketplace")

    assert decoder.decode(bytes.fromhex(MARKET[2:]), 7, *LISTED) == decode("marketplace", *LISTED)
