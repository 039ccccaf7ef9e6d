"""Node against a real EVM node: what it answers is what happened there."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import pytest

from chain import calls
from chain.bloom import may_contain
from chain.devchain import DevChain, DevChainOptions
from chain.errors import Unknown
from chain.node import Node
from chain.transactions import DevRpc
from chain.values import Address, Reverted
from tests.integration.market_play import ETHER, MarketPlay, Metadata

FINALITY = 8


class World(NamedTuple):
    """A chain, someone acting on it, and a Node asking about it."""

    rpc: DevRpc
    play: MarketPlay
    node: Node

    @property
    def ours(self) -> list[Address]:
        return [self.play.asset, self.play.agent, self.play.market]


def opened(options: DevChainOptions) -> Iterator[World]:
    with DevChain(options=options) as chain, DevRpc(chain.url) as rpc, Node([chain.url]) as node:
        yield World(rpc, MarketPlay(rpc), node)


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    """One listed token, one sold one; the tests only read."""
    for world in opened(DevChainOptions(slots_in_an_epoch=FINALITY // 2)):
        play = world.play
        for _ in range(2):
            token = play.mint_token(play.alice)
            play.approve_and_list(play.alice, token, 5 * ETHER)
        play.buy(play.bob, token)
        yield world


@pytest.fixture
def own() -> Iterator[World]:
    """A chain to reorganise."""
    yield from opened(DevChainOptions())


def test_head_finalized_and_chain_id_are_the_nodes(shared: World) -> None:
    head, finalized = shared.node.ends()

    assert shared.node.chain_id() == 31337
    assert hex(head.number) == shared.rpc.call("eth_blockNumber")
    assert finalized is not None
    assert finalized.number == max(0, head.number - FINALITY)


def test_headers_link_parent_to_child(shared: World) -> None:
    headers = shared.node.headers(range(shared.node.head().number + 1))

    assert [header.number for header in headers] == list(range(len(headers)))
    assert all(child.parent_hash == parent.hash for parent, child in pairwise(headers))
    assert shared.node.header_by_hash(headers[3].hash) == headers[3]


def test_what_is_beyond_the_head_is_unknown(shared: World) -> None:
    beyond = shared.node.head().number + 5

    assert shared.node.header(beyond) is None
    assert shared.node.header_by_hash("0x" + "12" * 32) is None
    with pytest.raises(Unknown):
        shared.node.logs(0, beyond, shared.ours)
    with pytest.raises(Unknown):
        shared.node.block_facts("0x" + "12" * 32, shared.ours)


def test_a_range_gives_every_log_however_it_is_divided(shared: World) -> None:
    head = shared.node.head()
    whole = shared.node.logs(0, head.number, shared.ours)
    divided = Node([shared.rpc.url], log_range_max=3)
    with divided:
        assert divided.logs(0, head.number, shared.ours) == whole

    assert len(whole.logs) == int(shared.rpc.call("eth_blockNumber"), 16) + 6, "three logs a mint, two a sale"
    assert whole.to_header == head


def test_each_block_is_proven_by_its_bloom_and_adds_up_to_the_range(shared: World) -> None:
    head = shared.node.head().number
    whole = shared.node.logs(0, head, shared.ours)
    facts = [
        shared.node.block_facts(header.hash, shared.ours) for header in shared.node.headers(range(head + 1))
    ]

    assert [log for fact in facts for log in fact.logs] == whole.logs
    assert {fact.evidence for fact in facts} == {"bloom"}
    assert all(may_contain(fact.header.logs_bloom or "", log.address) for fact in facts for log in fact.logs)


def test_receipts_agree_whether_asked_by_block_or_one_by_one(own: World) -> None:
    play = own.play
    own.rpc.call("evm_setAutomine", False)
    sent = [
        own.rpc.call("eth_sendTransaction", {"from": play.owner, "to": play.alice, "value": "0x1"})
        for _ in range(4)
    ]
    own.rpc.call("evm_mine")
    own.rpc.call("evm_setAutomine", True)
    block = own.node.head().hash

    by_block = own.node.receipts(block, sent)
    one_by_one = {hash_: own.node.receipts(block, [hash_])[hash_] for hash_ in sent}

    assert by_block == one_by_one
    assert {receipt.gas_used for receipt in by_block.values()} == {21_000}
    assert all((receipt.effective_gas_price_wei or 0) > 0 for receipt in by_block.values())
    with pytest.raises(Unknown):
        own.node.receipts(block, ["0x" + "34" * 32])


def test_the_contracts_are_read_at_a_block_hash(shared: World) -> None:
    play, node = shared.play, shared.node
    at = node.head().hash

    owners = node.read(
        [calls.owner_of(play.asset, 1), calls.owner_of(play.asset, 2), calls.owner_of(play.asset, 99)], at
    )
    listings = node.read([calls.get_listing(play.market, token) for token in (1, 2)], at)
    config = node.read(
        [calls.get_marketplace_fee(play.market), calls.get_minimum_confidence_score(play.agent)], at
    )
    links = node.read(
        [
            calls.get_rwa_asset_contract(play.market),
            calls.get_rwa_asset_contract(play.agent),
            calls.get_pricing_agent(play.asset),
            calls.get_fee_collector(play.market),
            calls.owner(play.asset),
            calls.get_approved(play.asset, 1),
            calls.get_approved(play.asset, 2),
        ],
        at,
    )

    assert owners[:2] == [play.alice, play.bob]
    assert isinstance(owners[2], Reverted)
    assert (owners[2].data or "").startswith("0x7e273289")
    assert isinstance(listings[0], calls.Listing)
    assert (listings[0].seller, listings[0].price_wei, listings[0].is_active) == (play.alice, 5 * ETHER, True)
    assert config == [250, 70]
    zero = "0x" + "0" * 40
    assert links == [play.asset, play.asset, play.agent, play.owner, play.owner, play.market, zero]
    assert node.read([calls.is_approved_for_all(play.asset, play.alice, play.market)], at) == [False]
    assert node.read([calls.get_price(play.asset, 1)], at) == [10 * ETHER]


def test_metadata_with_broken_text_and_an_impossible_date_is_read(own: World) -> None:
    own.play.mint(metadata=Metadata(name=b"\xff\x00", acquired_at=2**256 - 1, description="Łódź"))

    (found,) = own.node.read([calls.get_asset_metadata(own.play.asset, 1)], own.node.head().number)

    assert not isinstance(found, Reverted)
    assert found.name == "\ufffd\x00"
    assert found.description == "Łódź"
    assert found.acquisition_date == 2**256 - 1


def test_code_is_told_from_its_absence(shared: World) -> None:
    assert len(shared.node.code(shared.play.asset, "latest")) > 100
    assert shared.node.code(shared.play.alice, "latest") == b""
    assert shared.node.code(shared.play.asset, 0) == b""
    assert isinstance(
        shared.node.read([calls.owner(shared.play.alice)], shared.node.head().hash)[0], Reverted
    )


def test_after_a_reorg_the_orphaned_block_is_unknown_or_known_as_itself_never_mistaken(own: World) -> None:
    own.play.mint()
    orphan = own.node.head()
    own.rpc.call("anvil_reorg", 1, [])

    replaced = own.node.header(orphan.number)

    assert replaced is not None
    assert replaced.hash != orphan.hash
    assert own.node.block_facts(replaced.hash, own.ours).logs == []
    remembered = own.node.header_by_hash(orphan.hash)
    assert remembered is None or remembered == orphan
    with pytest.raises(Unknown):
        own.node.block_facts(orphan.hash, own.ours)
    with pytest.raises(Unknown):
        own.node.call([calls.owner_of(own.play.asset, 1).call], orphan.hash)


def test_a_head_that_shrinks_is_told_and_its_receipts_are_unknown(own: World) -> None:
    before = own.node.head()
    snapshot = own.rpc.call("evm_snapshot")
    receipt = own.play.mint()
    minted = own.node.head()
    own.rpc.call("evm_revert", snapshot)

    assert own.node.head() == before
    with pytest.raises(Unknown):
        own.node.receipts(minted.hash, [receipt["transactionHash"]])


def test_many_threads_share_one_node(shared: World) -> None:
    head = shared.node.head().number
    whole = shared.node.logs(0, head, shared.ours)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: shared.node.logs(0, head, shared.ours), range(24)))

    assert all(each == whole for each in found)
