"""Nodes that hide or invent logs, found out by receipts; and what is done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

import indexer.mend
from chain.answers import BlockFacts, BlockProof, LogRange
from chain.errors import WrongAnswer
from chain.values import RawLog
from indexer.evidence import tally_fields
from indexer.gather import Gatherer
from indexer.market_documents import market_state
from indexer.mend import OtherContracts, mend
from indexer.opening import UnfinishedRebuild
from indexer.prove import By, Expelled, Finding, Prover
from indexer.rebuild import check, rebuild, rewind_below_finality
from indexer.standing import OlderLayout
from indexer.truth import Truth
from store.connection import Connection
from store.lease import Lease
from store.ledger import Ledger
from tests.property.indexed import CONTRACTS, Indexed, assert_same
from tests.property.model_chain import DEPLOYED_AT, Block, ModelChain
from tests.property.model_contracts import ABIS
from tests.property.test_digests import counted_anew

Edit = Callable[[list[RawLog]], list[RawLog]]


class LyingChain(ModelChain):
    """Tells other logs of some blocks to those who ask for logs; its receipts and headers are honest."""

    def __init__(self) -> None:
        super().__init__()
        self.lies: dict[int, Edit] = {}
        self.blooms: dict[int, str | None] = {}
        self.doubts: dict[int, str] = {}
        self.contradicts: set[int] = set()

    def logs(self, from_block: int, to_block: int, addresses: Sequence[str]) -> LogRange:
        answer = super().logs(from_block, to_block, addresses)
        by_block: dict[int, list[RawLog]] = {}
        for log in answer.logs:
            by_block.setdefault(int(log.block_number, 16), []).append(log)
        told = [log for number, logs in by_block.items() for log in self.lies.get(number, list)(logs)]
        return LogRange(told, self.dressed(answer.to_header))

    def block_facts(self, block_hash: str, addresses: Sequence[str]) -> BlockFacts:
        facts = super().block_facts(block_hash, addresses)
        logs = self.lies.get(facts.header.number, list)(facts.logs)
        return BlockFacts(logs, self.dressed(facts.header), facts.evidence)

    def headers(self, numbers: Sequence[int]) -> list[Any]:
        return [self.dressed(header) for header in super().headers(numbers)]

    def dressed(self, header: Any) -> Any:
        return replace(header, logs_bloom=self.blooms.get(header.number, header.logs_bloom))

    def proofs(self, numbers: Sequence[int]) -> list[BlockProof]:
        if wrong := self.contradicts & set(numbers):
            raise WrongAnswer(f"the receipts of block {min(wrong)} have another root")
        blocks = {block.number: block for block in self.branch(self.view)}
        return [
            BlockProof(self.dressed(blocks[n].header), list(blocks[n].logs), self.doubts.get(n))
            for n in numbers
        ]


def without(*places: int) -> Edit:
    return lambda logs: [log for at, log in enumerate(logs) if at not in places]


def history(chain: ModelChain) -> list[Block]:
    """Mints, prices, a listing and a sale in blocks of their own, empty ones between, and an empty window."""
    deeds: list[Any] = [("mint", 0, 0, 0), ("mint", 0, 1, 1), ("price", 0, 0, 2), ("approve_all", 0, 0, 1),
                        ("list", 0, 0, 0), ("buy", 0, 0, 1), ("price", 0, 0, 3)]  # fmt: skip
    blocks = []
    for deed in deeds:
        blocks.append(chain.mine(chain.view, [(deed,)]))
        chain.view = chain.mine_empty(blocks[-1], 2)
    chain.view = chain.mine_empty(chain.view, 4)
    return [block for block in blocks if block.logs]


def guest(indexed: Indexed) -> Ledger:
    connection = Connection(indexed.database.client, indexed.database)
    return Ledger(connection, indexed.checkpoint()["epoch"], guest=True)


def proven(indexed: Indexed, by: By = "receipts", *, again: bool = True) -> list[Finding]:
    truth = Truth(indexed.chain, CONTRACTS, ABIS, market_state(indexed.ledger.market("seed")))
    prover = Prover(indexed.chain, lambda: guest(indexed), truth, by)  # type: ignore[arg-type]
    final = indexed.checkpoint()["finalized"]["number"]
    return [found for step in prover.run(DEPLOYED_AT, final, again=again) for found in step.findings]


def mended(indexed: Indexed, findings: Sequence[Finding]) -> None:
    gatherer = Gatherer(indexed.chain, enrich=True)
    mend(indexed.ledger, indexed.following(), gatherer, findings)


def evidence_by_block(indexed: Indexed) -> dict[int, str]:
    found = {
        n: span.evidence for span in indexed.ledger.spans(0, 10**6) for n in range(span.first, span.last + 1)
    }
    found |= {each["_id"]: each["evidence"] for each in indexed.database["blocks"].find()}
    return found | {each["_id"]: each["evidence"] for each in indexed.database["chainEvents"].find()}


def test_history_that_is_right_is_proven_block_by_block_in_one_span(home: Connection) -> None:
    chain = LyingChain()
    history(chain)
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    final = indexed.checkpoint()["finalized"]["number"]

    assert proven(indexed) == []

    kinds = evidence_by_block(indexed)
    assert {kinds[number] for number in range(DEPLOYED_AT, final + 1)} == {"receipts"}
    assert home.database["evidence"].count_documents({}) == 1
    tally = indexed.checkpoint()["evidence"]
    assert tally == counted_anew(indexed)
    assert tally["receipts"] == final - DEPLOYED_AT + 1
    assert check(indexed.ledger, indexed.following()).agrees


def test_evidence_goes_on_with_the_blocks_that_become_final_and_survives_a_rebuild(home: Connection) -> None:
    chain = LyingChain()
    history(chain)
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    assert proven(indexed) == []
    indexed.follow(chain.mine(chain.mine_empty(chain.view, 6), [(("mint", 0, 2, 4),)]))
    indexed.follow(chain.mine_empty(chain.view, 5))
    before = evidence_by_block(indexed)

    rebuild(indexed.ledger, indexed.following())

    assert evidence_by_block(indexed) == before
    assert indexed.checkpoint()["evidence"] == counted_anew(indexed)
    assert set(before.values()) == {"receipts", "bloom"}
    assert sorted(before) == list(range(DEPLOYED_AT, chain.view.number + 1))


LIES: dict[str, tuple[Edit, str]] = {
    "one of several logs of a contract is hidden": (without(1), "missing"),
    "every log is hidden": (lambda _: [], "missing"),
    "a log is changed": (lambda logs: [replace(logs[0], data="0x" + "ff" * 32), *logs[1:]], "differs"),
    "a log is invented": (
        lambda logs: [*logs, replace(logs[-1], log_index=hex(int(logs[-1].log_index, 16) + 1))],
        "surplus",
    ),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("at", [0, 2, -1])
def test_a_lie_in_final_history_is_found_and_mended_to_what_an_honest_node_would_have_given(
    lie: str, at: int, home: Connection, other: Connection
) -> None:
    chain, (edit, kind) = LyingChain(), LIES[lie]
    number = history(chain)[at].number
    # Bloom doubts make the node be asked again: here it keeps to its lie.
    chain.lies[number] = edit
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    honest = Indexed(other, chain, 3)
    chain.lies.clear()
    honest.catch_up()

    found = proven(indexed)

    assert [(each.kind, each.block) for each in found] == [(kind, number)]
    assert evidence_by_block(indexed)[number] == "logs-only"
    assert indexed.checkpoint()["evidence"] == counted_anew(indexed)
    mended(indexed, found)
    assert proven(honest) == []
    assert_same(indexed.contents(), honest.contents())
    assert indexed.checkpoint()["evidence"] == counted_anew(indexed)
    assert proven(indexed) == []
    assert indexed.checkpoint()["rollingDigest"] == honest.checkpoint()["rollingDigest"]
    indexed.restart()
    assert indexed.differences() == []


def test_a_crash_between_mending_and_folding_again_is_finished_by_a_rebuild(
    home: Connection, other: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = LyingChain()
    number = history(chain)[1].number
    chain.lies[number] = without(0)
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    chain.lies.clear()
    found = proven(indexed)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(indexer.mend, "rebuild", crash)
    with pytest.raises(KeyboardInterrupt):
        mended(indexed, found)

    with pytest.raises(UnfinishedRebuild, match=f"mend of block {number}"):
        indexed.restart()
    with pytest.raises(UnfinishedRebuild):
        proven(indexed)
    rebuild(indexed.ledger, indexed.following())
    honest = Indexed(other, chain, 3)
    honest.catch_up()
    proven(honest)
    proven(indexed)
    assert_same(indexed.contents(), honest.contents())


def test_hidden_logs_that_link_a_contract_are_not_patched_over(home: Connection) -> None:
    chain = LyingChain()
    block = chain.mine(chain.view, [(("pricing_agent", 0, 1, 0),)])
    chain.view = chain.mine_empty(block, 6)
    chain.lies[block.number] = lambda _: []
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    before = indexed.contents()
    found = proven(indexed)

    with pytest.raises(OtherContracts, match=f"rewind --to-block {block.number - 1} "):
        mended(indexed, found)

    assert [each.kind for each in found] == ["missing"]
    assert_same(indexed.contents(), before)


def test_contracts_are_followed_from_the_block_that_links_them(home: Connection) -> None:
    chain = LyingChain()
    deeds: list[Any] = [("minimum", 33, 1, 0), ("pricing_agent", 0, 1, 0), ("minimum", 44, 1, 0),
                        ("pricing_agent", 0, 0, 0), ("minimum", 55, 1, 0), ("mint", 1, 0, 0),
                        ("link_market", 1, 0, 0), ("mint", 1, 0, 1), ("mint", 0, 0, 0)]  # fmt: skip
    for deed in deeds:
        chain.view = chain.mine(chain.view, [(deed,)])
    chain.view = chain.mine_empty(chain.view, 5)
    indexed = Indexed(home, chain, 2)
    indexed.catch_up()

    assert proven(indexed) == []
    assert len(indexed.contents()["market"]["market"]["assetContracts"]) == 2


def test_only_what_is_not_proven_yet_is_asked_for(home: Connection) -> None:
    chain = LyingChain()
    history(chain)
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    assert proven(indexed) == []
    version = indexed.checkpoint()["version"]
    chain.contradicts = set(range(100))

    assert proven(indexed, again=False) == []
    assert indexed.checkpoint()["version"] == version
    assert {each.kind for each in proven(indexed)} == {"contradiction"}


def test_what_cannot_be_proven_is_said_and_the_rest_is_proven(home: Connection) -> None:
    chain = LyingChain()
    blocks = history(chain)
    chain.doubts[blocks[0].number] = "receipts of unknown type 0x7e"
    chain.contradicts = {blocks[2].number}
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()

    found = proven(indexed)

    assert [(each.kind, each.block) for each in found] == [
        ("unprovable", blocks[0].number),
        ("contradiction", blocks[2].number),
    ]
    tally = indexed.checkpoint()["evidence"]
    assert tally == counted_anew(indexed)
    assert tally["receipts"] == indexed.checkpoint()["finalized"]["number"] - 2


def test_a_node_on_another_branch_proves_nothing_of_ours(home: Connection) -> None:
    chain = LyingChain()
    start = chain.view
    history(chain)
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    final = indexed.checkpoint()["finalized"]["number"]

    chain.view = chain.mine_empty(chain.mine(start, [(("mint", 0, 3, 3),)]), 40)

    assert final in {each.block for each in proven(indexed) if each.kind == "contradiction"}


def test_blooms_of_all_history_can_be_looked_at_without_receipts(home: Connection) -> None:
    chain = LyingChain()
    number = history(chain)[3].number
    chain.lies[number] = lambda _: []
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()

    found = proven(indexed, "bloom", again=False)

    assert [(each.kind, each.block) for each in found] == [("missing", number)]
    tally = indexed.checkpoint()["evidence"]
    assert tally == counted_anew(indexed)
    assert tally["logsOnly"] == 1
    assert tally["receipts"] == 0


def test_a_guest_writes_nothing_under_an_epoch_that_is_over(home: Connection) -> None:
    chain = LyingChain()
    history(chain)
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    late = guest(indexed)
    lease = Lease(home.database, "another")
    home.database["checkpoints"].delete_one({"_id": "lease"})
    assert lease.acquire() is not None
    truth = Truth(chain, CONTRACTS, ABIS, market_state(indexed.ledger.market("seed")))

    with pytest.raises(Expelled):
        list(Prover(chain, lambda: late, truth).run(DEPLOYED_AT, 5, again=True))


# --- blooms that cannot be relied on -----------------------------------------------------------

BLANK, FULL = "0x" + "0" * 512, "0x" + "f" * 512


@pytest.mark.parametrize("bloom", [BLANK, FULL, None, "0x" + "0" * 511 + "1"])
@pytest.mark.parametrize("confirmations", [3, 100])
def test_blooms_that_cannot_be_right_are_noted_and_vouch_for_nothing_any_more(
    bloom: str | None, confirmations: int, home: Connection
) -> None:
    chain = LyingChain()
    blocks = history(chain)
    chain.blooms = dict.fromkeys(range(blocks[1].number, 100), bloom)
    indexed = Indexed(home, chain, confirmations)

    indexed.catch_up()

    noted = indexed.checkpoint()["blooms"]
    assert noted["block"] in range(blocks[1].number, blocks[2].number + 1)
    assert "bloom" in noted["reason"]
    kinds = evidence_by_block(indexed)
    assert {kinds[n] for n in range(blocks[2].number, chain.view.number + 1)} == {"logs-only"}
    assert indexed.checkpoint()["evidence"] == counted_anew(indexed)
    indexed.restart()
    indexed.follow(chain.mine_empty(chain.view, 1))
    assert evidence_by_block(indexed)[chain.view.number] == "logs-only"


def test_a_bloom_that_contradicts_proven_receipts_is_noted_and_withdrawn_by_a_better_node(
    home: Connection,
) -> None:
    chain = LyingChain()
    blocks = history(chain)
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    number = blocks[2].number
    chain.blooms[number + 1] = "0x" + "0" * 511 + "1"

    proven(indexed)

    assert indexed.checkpoint()["blooms"]["block"] == number + 1
    chain.blooms.clear()
    proven(indexed)
    assert indexed.checkpoint()["blooms"] is None


def test_the_tally_has_every_kind(home: Connection) -> None:
    assert tally_fields({}) == {"receipts": 0, "bloom": 0, "logsOnly": 0}


def test_a_rewind_below_finality_takes_evidence_back(home: Connection) -> None:
    chain = LyingChain()
    blocks = history(chain)
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    assert proven(indexed) == []
    target = blocks[3].header

    rewind_below_finality(indexed.ledger, indexed.following(), target)

    tally = indexed.checkpoint()["evidence"]
    assert tally == {"receipts": target.number, "bloom": 0, "logsOnly": 0} == counted_anew(indexed)
    assert indexed.checkpoint()["rollingDigest"] == indexed.ledger.rolling_at(target.number).hex()
    indexed.restart()
    indexed.catch_up()
    assert sum(indexed.checkpoint()["evidence"].values()) == chain.view.number
    assert indexed.checkpoint()["evidence"] == counted_anew(indexed)
    assert check(indexed.ledger, indexed.following()).agrees


def test_a_database_of_an_earlier_version_is_refused_in_one_sentence(home: Connection) -> None:
    chain = LyingChain()
    history(chain)
    indexed = Indexed(home, chain, 3)
    indexed.catch_up()
    home.database["checkpoints"].update_one(
        {"_id": "indexer"},
        {"$unset": {"rollingDigest": "", "evidence": "", "blooms": ""}},
        bypass_document_validation=True,
    )

    with pytest.raises(OlderLayout, match="index again"):
        indexed.restart()
