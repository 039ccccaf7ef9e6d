"""What is asked of a node, and what of its answers is believed; whom we follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from eth_hash.auto import keccak

from chain.answers import BlockFacts, LogRange
from chain.calls import AssetMetadata
from chain.contracts import load_abi
from chain.decode import Decoder
from chain.errors import WrongAnswer
from chain.values import Header, RawLog, Receipt, Reverted
from indexer.fetch import RangePlan, fetch_ahead
from indexer.following import Contracts, EndlessLinks, Following
from indexer.gather import Gatherer
from tests.unit.indexer.plays import AGENT, MARKET, RWA, RWA2, a_market, address

ABIS: Any = {
    "asset": load_abi("RWAAssetContract"),
    "agent": load_abi("DynamicPricingAgent"),
    "marketplace": load_abi("MarketplaceContract"),
}
ALL = [RWA, AGENT, MARKET]
TRANSFER = "0x" + keccak(b"Transfer(address,address,uint256)").hex()
LINKED = "0x" + keccak(b"RWAAssetContractUpdated(address,address)").hex()
APPROVAL = "0x" + keccak(b"Approval(address,address,uint256)").hex()


def bloom_of(addresses: Sequence[str]) -> str:
    bits = 0
    for each in addresses:
        digest = keccak(bytes.fromhex(each[2:]))
        for at in (0, 2, 4):
            bits |= 1 << int.from_bytes(digest[at : at + 2], "big") % 2048
    return f"0x{bits:0512x}"


def a_hash(number: int) -> str:
    return f"0x{number:064x}"


def word(value: str | int) -> str:
    return f"0x{(int(value, 16) if isinstance(value, str) else value):064x}"


def a_log(emitter: str, number: int, topics: list[str], index: int = 0, transaction: int = 1) -> RawLog:
    return RawLog(
        emitter.lower(), topics, "0x", a_hash(number), hex(number), a_hash(transaction), "0x0", hex(index)
    )


def a_mint(number: int, token: int = 1, emitter: str = RWA) -> RawLog:
    return a_log(emitter, number, [TRANSFER, word(0), word(MARKET), word(token)])


def a_link(number: int, new: str) -> RawLog:
    return a_log(MARKET, number, [LINKED, word(RWA), word(new)], transaction=2, index=1)


class FakeChain:
    """Says what it is told to say, and remembers what it was asked."""

    def __init__(self, *logs: RawLog, blooms: dict[int, str | None] | None = None) -> None:
        self.said = list(logs)
        self.hidden: list[RawLog] = []
        """Logs that a range query leaves out and a block query does not."""
        self.blooms = blooms or {}
        self.asked: list[Any] = []
        self.metadata: Any = AssetMetadata("n", "t", "w", 0, "d", False)

    def header(self, number: int) -> Header:
        return Header(number, a_hash(number), a_hash(number - 1), 1_700_000_000, self.blooms.get(number))

    def headers(self, numbers: Sequence[int]) -> list[Header]:
        return [self.header(number) for number in numbers]

    def logs(self, from_block: int, to_block: int, addresses: Sequence[str]) -> LogRange:
        self.asked.append(("logs", from_block, to_block, tuple(addresses)))
        wanted = {each.lower() for each in addresses}
        logs = [each for each in self.said if from_block <= int(each.block_number, 16) <= to_block]
        return LogRange([each for each in logs if each.address in wanted], self.header(to_block))

    def block_facts(self, block_hash: str, addresses: Sequence[str]) -> BlockFacts:
        number = int(block_hash, 16)
        self.asked.append(("block", number, tuple(addresses)))
        wanted = {each.lower() for each in addresses}
        logs = [each for each in [*self.said, *self.hidden] if int(each.block_number, 16) == number]
        return BlockFacts([each for each in logs if each.address in wanted], self.header(number), "logs-only")

    def receipts_of_range(self, wanted: Any) -> dict[str, Receipt]:
        self.asked.append(("receipts", wanted))
        return {each: Receipt(each, of, 21_000, 7) for of, hashes in wanted.items() for each in hashes}

    def read(self, reads: Sequence[Any], at: Any) -> list[Any]:
        self.asked.append(("read", len(reads), at))
        return [self.metadata] * len(reads)


def gathered(chain: FakeChain, first: int = 1, last: int = 9, *, enrich: bool = True) -> Any:
    return Gatherer(chain, enrich=enrich).range(first, last, ALL)  # type: ignore[arg-type]


def test_a_range_brings_logs_receipts_and_metadata() -> None:
    chain = FakeChain(a_mint(3))

    fetched = gathered(chain)

    (block,) = fetched.blocks
    assert (block.number, block.hash, fetched.to_header.number, fetched.event_count) == (3, a_hash(3), 9, 1)
    assert block.transactions[0].gas_used == 21_000
    assert block.metadata[RWA, 1].name == "n"
    assert ("read", 1, a_hash(9)) in chain.asked


def test_without_enrichment_only_logs_and_headers_are_asked_for() -> None:
    chain = FakeChain(a_mint(3))

    gathered(chain, enrich=False)

    assert [each[0] for each in chain.asked] == ["logs"]


def test_receipts_are_asked_for_deeds_only() -> None:
    chain = FakeChain(a_log(RWA, 3, [APPROVAL, word(1), word(2), word(3)]))

    gathered(chain)

    assert [each[0] for each in chain.asked] == ["logs"]


def test_metadata_that_the_contract_refuses_is_unknown() -> None:
    chain = FakeChain(a_mint(3))
    chain.metadata = Reverted("no such token")

    assert gathered(chain).blocks[0].metadata == {}


@pytest.mark.parametrize("token", [2**63, 2**64 - 1, 2**64, 2**256 - 1])
def test_no_metadata_is_kept_of_a_token_we_cannot_keep(token: int) -> None:
    assert gathered(FakeChain(a_mint(3, token))).blocks[0].metadata == {}


def test_an_erc20_transfer_is_no_mint() -> None:
    chain = FakeChain(a_log(RWA, 3, [TRANSFER, word(0), word(MARKET)]))

    assert gathered(chain).blocks[0].metadata == {}


def test_logs_of_another_branch_than_the_header_are_a_wrong_answer() -> None:
    stray = RawLog(RWA.lower(), [TRANSFER], "0x", a_hash(99), hex(3), a_hash(1), "0x0", "0x0")

    with pytest.raises(WrongAnswer, match="block 3"):
        gathered(FakeChain(stray))


def test_a_bloom_that_speaks_of_missing_logs_makes_us_ask_again() -> None:
    chain = FakeChain(a_mint(3), blooms={3: bloom_of([RWA, MARKET])})
    chain.hidden = [a_log(MARKET, 3, [APPROVAL], index=1, transaction=2)]

    (block,) = gathered(chain).blocks

    assert ("block", 3, tuple(ALL)) in chain.asked
    assert [each.hash for each in block.transactions] == [a_hash(1), a_hash(2)]
    assert block.evidence == "logs-only"


def test_a_bloom_that_agrees_is_evidence() -> None:
    chain = FakeChain(a_mint(3), blooms={3: bloom_of([RWA])})

    assert gathered(chain).blocks[0].evidence == "bloom"
    assert [each[0] for each in chain.asked] == ["logs", "receipts", "read"]


@pytest.mark.parametrize(
    "bloom",
    [None, "0x" + "0" * 512, "0x" + "f" * 512, bloom_of([AGENT]), "0x"],
    ids=["none", "blank", "saturated", "contradicted", "malformed"],
)
def test_a_bloom_that_says_nothing_useful_is_no_evidence(bloom: str | None) -> None:
    chain = FakeChain(a_mint(3), blooms={3: bloom})

    assert gathered(chain).blocks[0].evidence == "logs-only"
    assert "block" not in [each[0] for each in chain.asked]


def test_a_block_that_says_nothing_of_us_is_empty() -> None:
    chain = FakeChain()

    block = Gatherer(chain, enrich=True).block(chain.header(4), ALL)  # type: ignore[arg-type]

    assert (block.number, block.transactions, block.event_count) == (4, [], 0)


def test_ranges_fetched_ahead_come_in_order_and_errors_where_they_belong() -> None:
    class Breaks(FakeChain):
        def logs(self, from_block: int, to_block: int, addresses: Sequence[str]) -> LogRange:
            if from_block >= 7:
                raise WrongAnswer("no")
            return super().logs(from_block, to_block, addresses)

    gatherer = Gatherer(Breaks(), enrich=True)  # type: ignore[arg-type]
    ranges = fetch_ahead(gatherer, RangePlan(1, 20, 3), ALL, at_once=3)

    assert [(each.from_block, each.to_header.number) for each in (next(ranges), next(ranges))] == [
        (1, 3),
        (4, 6),
    ]
    with pytest.raises(WrongAnswer):
        next(ranges)


# --- following ------------------------------------------------------------------------


def following(chain: FakeChain) -> Following:
    return Following(Contracts(RWA, AGENT, MARKET), Decoder(ABIS), Gatherer(chain, enrich=True), 1, 3)  # type: ignore[arg-type]


def test_a_block_that_links_a_contract_is_asked_for_again_and_adopts_its_history() -> None:
    chain = FakeChain(a_mint(2, emitter=RWA2), a_mint(6, emitter=RWA2), a_mint(8, 5, RWA2), a_link(8, RWA2))

    prepared = following(chain).prepare(chain.header(8), None, a_market())

    assert [each.block.number for each in prepared.adopted] == [2, 6]
    assert prepared.decoded.block.adopted == tuple(each.block for each in prepared.adopted)
    assert [type(e).__name__ for t in prepared.decoded.transactions for e in t.events] == [
        "Transfer", "RWAAssetContractUpdated",
    ]  # fmt: skip
    history = [each[1:] for each in chain.asked if each[0] == "logs"]
    assert history == [(1, 3, (RWA2,)), (4, 6, (RWA2,)), (7, 7, (RWA2,))]


def test_history_that_may_be_taken_back_is_asked_for_by_hash() -> None:
    chain = FakeChain(a_mint(2, emitter=RWA2), a_mint(6, emitter=RWA2), a_link(8, RWA2))
    unfinalized = chain.headers([5, 6, 7])

    prepared = following(chain).prepare(chain.header(8), None, a_market(), unfinalized)

    assert [each.block.number for each in prepared.adopted] == [2, 6]
    assert [each[1:] for each in chain.asked if each[0] == "logs"] == [(1, 3, (RWA2,)), (4, 4, (RWA2,))]
    assert [each[1:] for each in chain.asked if each[0] == "block"][2:] == [(n, (RWA2,)) for n in (5, 6, 7)]


@pytest.mark.parametrize("lowest", [4, 6])
def test_history_of_another_branch_is_not_adopted(lowest: int) -> None:
    class Another(FakeChain):
        def logs(self, from_block: int, to_block: int, addresses: Sequence[str]) -> LogRange:
            answer = super().logs(from_block, to_block, addresses)
            other = Header(to_block, a_hash(999), answer.to_header.parent_hash, 0, None)
            return LogRange(answer.logs, other if to_block == lowest - 1 else answer.to_header)

    chain = Another(a_mint(2, emitter=RWA2), a_link(8, RWA2))

    with pytest.raises(WrongAnswer, match="on different branches"):
        following(chain).prepare(chain.header(8), None, a_market(), chain.headers(range(6, 8)))


def test_a_link_to_a_contract_we_know_asks_for_nothing_more() -> None:
    chain = FakeChain(a_link(8, RWA2))

    prepared = following(chain).prepare(chain.header(8), None, a_market(asset_contracts=(RWA, RWA2)))

    assert prepared.adopted == ()
    assert [each[0] for each in chain.asked] == ["block"]


def test_a_block_that_links_ever_more_contracts_is_refused() -> None:
    class Endless(FakeChain):
        def block_facts(self, block_hash: str, addresses: Sequence[str]) -> BlockFacts:
            self.said.append(a_link(8, address(0xC00 + len(self.said))))
            return super().block_facts(block_hash, addresses)

    chain = Endless()
    with pytest.raises(EndlessLinks, match="block 8"):
        following(chain).prepare(chain.header(8), None, a_market())


def test_everything_followed_is_named_once() -> None:
    market = a_market(asset_contracts=(RWA, RWA2), pricing_agents={RWA: AGENT, RWA2: None, MARKET: RWA2})

    assert following(FakeChain()).addresses(market) == [AGENT, MARKET, RWA, RWA2]


def test_a_block_of_ours_is_read_again_by_a_program_that_never_saw_it() -> None:
    chain = FakeChain(a_mint(2, emitter=RWA2), a_mint(8, 5, RWA2), a_link(8, RWA2))
    prepared = following(chain).prepare(chain.header(8), None, a_market())

    remembered = following(FakeChain()).remember(prepared.decoded.block, a_market())

    assert remembered == prepared
